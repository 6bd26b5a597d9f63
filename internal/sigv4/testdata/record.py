"""Records what botocore really sends, as raw HTTP, into clients/botocore-*.req.

Run with botocore in the path (the fixtures were made with 1.44.5):

    python record.py

The key is the one of the published SigV4 vectors. The tests take the time from
the request itself, so recording again changes dates and signatures only.
"""

import pathlib
import socket
import threading

import botocore.session
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
OUT = pathlib.Path(__file__).parent / "clients"


def serve(listener, caught):
    """Answers every request with an empty 200 and keeps its bytes."""
    while True:
        try:
            conn, _ = listener.accept()
        except OSError:
            return
        with conn:
            data = b""
            while b"\r\n\r\n" not in data:
                data += conn.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            while len(body) < length:
                body += conn.recv(65536)
            caught.append(head + b"\r\n\r\n" + body)
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


def main():
    OUT.mkdir(exist_ok=True)
    caught = []
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    threading.Thread(target=serve, args=(listener, caught), daemon=True).start()
    endpoint = f"http://127.0.0.1:{port}"
    session = botocore.session.Session()

    def client(service, region="us-east-1", token=None):
        return session.create_client(
            service, region_name=region, endpoint_url=endpoint,
            aws_access_key_id=KEY, aws_secret_access_key=SECRET, aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, user_agent="botocore", s3={"addressing_style": "path"}),
        )

    def record(name, call):
        caught.clear()
        try:
            call()
        except Exception as e:  # the answer is not a real one
            if not caught:
                raise e
        (OUT / f"botocore-{name}.req").write_bytes(caught[0])

    runtime = client("bedrock-runtime")
    messages = [{"role": "user", "content": [{"text": "Grüße, 世界"}]}]
    record("converse", lambda: runtime.converse(
        modelId="anthropic.claude-3-haiku-20240307-v1:0", messages=messages))
    record("converse-stream-arn", lambda: runtime.converse_stream(
        modelId="arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.anthropic.claude-3-haiku-20240307-v1:0",
        messages=messages))
    record("invoke-model-headers", lambda: runtime.invoke_model(
        modelId="arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-8b-instruct-v1:0",
        body=b'{"prompt":"x"}', contentType="application/json", accept="*/*", trace="ENABLED",
        guardrailIdentifier="arn:aws:bedrock:us-east-1:000000000000:guardrail/abc", guardrailVersion="1"))
    record("token", lambda: client("bedrock-runtime", "eu-west-1", "AQoDYXdzEPT//token==").count_tokens(
        modelId="anthropic.claude-3-5-haiku-20241022-v1:0", input={"converse": {"messages": messages}}))
    bedrock = client("bedrock")
    record("list-query", lambda: bedrock.list_foundation_models(
        byProvider="Amazon & Co/+ ~*é", byOutputModality="TEXT"))
    record("get-model", lambda: bedrock.get_foundation_model(modelIdentifier="amazon.titan-text-express-v1"))
    agent = client("bedrock-agent")
    record("untag-multi-query", lambda: agent.untag_resource(
        resourceArn="arn:aws:bedrock:us-east-1:000000000000:knowledge-base/KB12345678", tagKeys=["b", "a", "a b"]))
    record("s3-key", lambda: client("s3").put_object(
        Bucket="bucket", Key="a//b c/../d+e:f/\u00e9", Body=b"contents", Metadata={"Colour": "  dark   red "}))
    record("sts", lambda: client("sts").get_caller_identity())

    # A presigned URL, fetched by an ordinary HTTP client.
    request = AWSRequest("GET", endpoint + "/foundation-models", params={"byProvider": "Meta AI"})
    SigV4QueryAuth(Credentials(KEY, SECRET), "bedrock", "us-east-1", expires=900).add_auth(request)
    target = request.url[len(endpoint):]
    (OUT / "botocore-presigned.req").write_text(
        f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n", newline="")
    listener.close()


if __name__ == "__main__":
    main()
