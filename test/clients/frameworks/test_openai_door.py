"""What OpenAI's door does beside the everyday: names, errors, kept responses, the bill."""

import json
import os
import re
import subprocess

import boto3
import pytest
from conftest import NOVA, TITAN
from openai import BadRequestError, NotFoundError, OpenAI, PermissionDeniedError

MANTLE = "openai.gpt-oss-120b"
CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]


def outcrop(*args):
    return subprocess.run([os.environ["TESTED_BINARY"], *args], capture_output=True, text=True, timeout=60, check=True).stdout


def connect(prefix, user="door", policy=None):
    more = ["--policy", policy] if policy else []
    key = re.search(r"AWS_BEARER_TOKEN_BEDROCK=(ABSK\S+)", outcrop("keys", "create", "--user", user, "--api-key", *more)).group(1)
    return OpenAI(base_url=f"http://{os.environ['TESTED_ADDRESS']}{prefix}", api_key=key, max_retries=0)


@pytest.fixture(scope="module")
def client():
    return connect("/openai/v1")


def test_both_prefixes_and_all_names():
    for prefix in ("/openai/v1", "/v1"):
        client = connect(prefix, "door" + prefix.replace("/", "-"))
        for model in (MANTLE, MANTLE + "-1:0", "us." + NOVA, "arn:aws:bedrock:us-east-1::foundation-model/" + NOVA):
            answer = client.chat.completions.with_raw_response.create(model=model, messages=CAPITAL)
            assert answer.parse().model == model
            assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])


def test_errors(client):
    with pytest.raises(NotFoundError) as e:
        client.chat.completions.create(model="no.such-model", messages=CAPITAL)
    assert (e.value.code, e.value.type) == ("model_not_found", "not_found_error")
    with pytest.raises(NotFoundError):
        client.chat.completions.create(model=TITAN, messages=CAPITAL)
    for refused in ({"n": 2}, {"logprobs": True}, {"extra_body": {"colour": "red"}}):
        with pytest.raises(BadRequestError):
            client.chat.completions.create(model=MANTLE, messages=CAPITAL, **refused)
    with pytest.raises(NotFoundError) as e:
        client.images.generate(prompt="a cat")
    assert e.value.code == "unknown_url"
    with pytest.raises(PermissionDeniedError) as e:
        OpenAI(base_url=client.base_url, api_key="sk-wrong", max_retries=0).models.list()
    assert "API Key" in e.value.message


def test_policies_decide():
    reader = connect("/openai/v1", "reader", "AmazonBedrockReadOnly")
    with pytest.raises(PermissionDeniedError) as e:
        reader.models.list()
    assert "bedrock:CallWithBearerToken" in e.value.message
    allowed = {"Effect": "Allow", "Action": "bedrock:CallWithBearerToken", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    boto3.client("iam").put_user_policy(UserName="reader", PolicyName="bearer", PolicyDocument=policy)
    assert MANTLE in [m.id for m in reader.models.list()]
    for stream, action in ((False, "bedrock:InvokeModel "), (True, "bedrock:InvokeModelWithResponseStream ")):
        with pytest.raises(PermissionDeniedError) as e:
            reader.chat.completions.create(model=MANTLE, messages=CAPITAL, stream=stream)
        assert action in e.value.message
        assert "foundation-model/openai.gpt-oss-120b-1:0" in e.value.message


def test_responses_are_kept(client):
    first = client.responses.create(model=MANTLE, input="What is the capital of France?")
    again = client.responses.create(model=MANTLE, input="And what is the capital of Spain?", previous_response_id=first.id)
    assert again.previous_response_id == first.id
    assert client.responses.retrieve(first.id).output_text == first.output_text
    (item,) = client.responses.input_items.list(first.id).data
    assert item.content[0].text == "What is the capital of France?"
    client.responses.delete(first.id)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(BadRequestError) as e:
        client.responses.create(model=MANTLE, input="x", previous_response_id=first.id)
    assert e.value.code == "previous_response_not_found"
    with pytest.raises(NotFoundError):
        connect("/openai/v1", "somebody").responses.retrieve(again.id)
    unkept = client.responses.create(model=MANTLE, input="What is the capital of France?", store=False)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(unkept.id)


def test_embeddings(client):
    packed = client.embeddings.create(model=TITAN, input=["the sea", "a ship"], dimensions=256)
    plain = client.embeddings.create(model=TITAN, input=["the sea", "a ship"], dimensions=256, encoding_format="float")
    assert [len(e.embedding) for e in packed.data] == [256, 256]
    assert packed.data[1].embedding == pytest.approx(plain.data[1].embedding)
    assert packed.usage.prompt_tokens > 0


def test_bill():
    client = connect("/openai/v1", "payer")
    used = client.chat.completions.create(model=MANTLE, messages=CAPITAL).usage
    chunks = list(client.chat.completions.create(model=MANTLE, messages=CAPITAL, stream=True, stream_options={"include_usage": True}))
    row = next(line.split() for line in outcrop("usage", "--by", "principal").splitlines() if "payer" in line)
    assert int(row[1]) == 2
    assert int(row[3]) == used.prompt_tokens + chunks[-1].usage.prompt_tokens
    assert int(row[4]) == used.completion_tokens + chunks[-1].usage.completion_tokens
