"""Raw signed HTTP, for requests that no SDK would let out of the door."""

import http.client
import json
import os
import socket
from dataclasses import dataclass
from urllib.parse import quote

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes

    @property
    def error(self):
        """The exception's name, from the header that SDKs read."""
        return self.headers.get("x-amzn-errortype", "").partition(":")[0]

    @property
    def message(self):
        document = json.loads(self.body)
        return document.get("message") or document.get("Message")


def signed_headers(method, url, body, headers=None, region="us-east-1"):
    request = AWSRequest(method=method, url=url, data=body, headers=headers or {})
    credentials = botocore.session.get_session().get_credentials()
    SigV4Auth(credentials, "bedrock", region).add_auth(request)
    return dict(request.headers)


def post(path, body, headers=None, sign=True, region="us-east-1"):
    """POST body and return the Reply, also when the server answers before it has read everything."""
    address = os.environ["TESTED_ADDRESS"]
    headers = {"Content-Type": "application/json", **(headers or {})}
    if sign:
        headers = signed_headers("POST", f"http://{address}{path}", body, headers, region)
    connection = http.client.HTTPConnection(address, timeout=120)
    try:
        connection.putrequest("POST", path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        try:
            connection.send(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer is there already
        response = connection.getresponse()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def converse_path(model):
    return f"/model/{quote(model, safe='')}/converse"


def invoke_path(model):
    return f"/model/{quote(model, safe='')}/invoke"


def idle_connections(count):
    """Open connections that say nothing."""
    host, _, port = os.environ["TESTED_ADDRESS"].rpartition(":")
    return [socket.create_connection((host, int(port)), timeout=30) for _ in range(count)]
