"""Who is calling: signatures, bearer keys, TLS."""

import os
import re
import time

import boto3
import botocore
import pytest
from aws_bedrock_token_generator import provide_token
from botocore.exceptions import ClientError
from conftest import CLAUDE, TITAN_EMBED, user, words
from wire import converse_path, post

HELLO = {"modelId": CLAUDE, "messages": user("Hi"), "inferenceConfig": {"maxTokens": 3}}


def code_of(caught):
    return caught.value.response["Error"]["Code"]


def test_unknown_access_key():
    client = boto3.client("bedrock-runtime", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="no")
    with pytest.raises(ClientError) as caught:
        client.converse(**HELLO)
    assert code_of(caught) == "UnrecognizedClientException"
    assert caught.value.response["Error"]["Message"] == "The security token included in the request is invalid."
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_wrong_secret():
    client = boto3.client(
        "bedrock-runtime", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="not the secret"
    )
    with pytest.raises(ClientError) as caught:
        client.converse(**HELLO)
    assert code_of(caught) == "InvalidSignatureException"
    message = caught.value.response["Error"]["Message"]
    assert message.startswith("The request signature we calculated does not match the signature you provided.")
    assert "The Canonical String for this request should have been" in message
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in message


def test_no_signature():
    reply = post(converse_path(CLAUDE), b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}', sign=False)
    assert reply.status == 403
    assert reply.error in ("MissingAuthenticationTokenException", "AccessDeniedException")


def test_signature_of_another_body():
    reply = post(
        converse_path(CLAUDE),
        b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}',
        headers={
            "Authorization": "AWS4-HMAC-SHA256 Credential="
            + os.environ["AWS_ACCESS_KEY_ID"]
            + "/20200101/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature="
            + "0" * 64,
            "X-Amz-Date": "20200101T000000Z",
        },
        sign=False,
    )
    assert reply.status == 403
    assert reply.error == "InvalidSignatureException"


def test_created_key_works_until_it_is_revoked(server):
    printed = server.outcrop("keys", "create", "--user", "tester")
    access_key = re.search(r"AWS_ACCESS_KEY_ID=(\S+)", printed).group(1)
    secret = re.search(r"AWS_SECRET_ACCESS_KEY=(\S+)", printed).group(1)
    client = boto3.client("bedrock-runtime", aws_access_key_id=access_key, aws_secret_access_key=secret)
    words(client.converse(**{**HELLO, "inferenceConfig": {"maxTokens": 10}})["output"]["message"]["content"][0]["text"])
    server.outcrop("keys", "revoke", access_key)
    # The server may use what it knows of a key for two seconds.
    deadline = time.monotonic() + 10
    with pytest.raises(ClientError) as caught:
        while time.monotonic() < deadline:
            client.count_tokens(modelId=CLAUDE, input={"converse": {"messages": user("Hi")}})
    assert code_of(caught) == "UnrecognizedClientException"


def test_tls_with_the_printed_ca(server):
    client = boto3.client("bedrock-runtime", endpoint_url=server.https)
    assert client.converse(**HELLO)["usage"]["outputTokens"] > 0
    events = list(client.converse_stream(**HELLO)["stream"])
    assert "metadata" in events[-1]


@pytest.fixture
def bearer_only(monkeypatch):
    def use(key):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)

    return use


def long_term_key(server):
    printed = server.outcrop("keys", "create", "--user", "tester", "--api-key")
    return re.search(r"AWS_BEARER_TOKEN_BEDROCK=(ABSK\S+)", printed).group(1)


def test_long_term_api_key(server, bearer_only):
    bearer_only(long_term_key(server))
    runtime = boto3.session.Session().client("bedrock-runtime", endpoint_url=server.https)
    assert runtime.converse(**HELLO)["usage"]["outputTokens"] > 0
    bedrock = boto3.session.Session().client("bedrock", endpoint_url=server.https)
    assert bedrock.list_foundation_models(byProvider="Meta")["modelSummaries"]


def test_short_term_api_key(server, bearer_only):
    token = provide_token(region="us-east-1")
    assert token.startswith("bedrock-api-key-")
    bearer_only(token)
    runtime = boto3.session.Session().client("bedrock-runtime", endpoint_url=server.https)
    response = runtime.invoke_model(modelId=TITAN_EMBED, body='{"inputText": "granite"}')
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_bearer_key_over_plain_http_where_the_sdk_allows_it(server, bearer_only):
    bearer_only(long_term_key(server))
    runtime = boto3.session.Session().client("bedrock-runtime", endpoint_url=server.http)
    if tuple(int(n) for n in botocore.__version__.split(".")[:2]) < (1, 44):
        assert runtime.converse(**HELLO)["usage"]["outputTokens"] > 0
        return
    with pytest.raises(botocore.exceptions.BotoCoreError):
        runtime.converse(**HELLO)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("ABSK" + "QmVkcm9ja0FQSUtleS1hYmNkLWF0LTAwMDAwMDAwMDAwMDpub3BlCg==", "Authentication failed: Please make sure your API Key is valid."),
        ("sk-something-else", "Invalid API Key format: Must start with pre-defined prefix"),
    ],
    ids=["unknown", "other prefix"],
)
def test_bad_api_key(server, bearer_only, key, message):
    bearer_only(key)
    runtime = boto3.session.Session().client("bedrock-runtime", endpoint_url=server.https)
    with pytest.raises(runtime.exceptions.AccessDeniedException) as caught:
        runtime.converse(**HELLO)
    assert caught.value.response["Error"]["Message"] == message
