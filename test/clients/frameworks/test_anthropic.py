"""Anthropic's SDK at the door /anthropic, with a Bedrock API key, as Claude Code uses it."""

import json
import os
import re
import subprocess
import urllib.request

import anthropic
import boto3
import pytest
from conftest import CLAUDE, check_loop

pytestmark = pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")
BASE = f"http://{os.environ['TESTED_ADDRESS']}/anthropic"
MODEL = "claude-sonnet-4-5"
CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string", "description": "Name of the city"}}, "required": ["city"]},
}
# A pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="session")
def key():
    done = subprocess.run(
        [os.environ["TESTED_BINARY"], "keys", "create", "--user", "anthropic", "--api-key"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return re.search(r"AWS_BEARER_TOKEN_BEDROCK=(ABSK\S+)", done.stdout).group(1)


@pytest.fixture
def client(key):
    """The key is in x-api-key."""
    return anthropic.Anthropic(base_url=BASE, api_key=key, max_retries=0)


def add(script, *rules):
    """Put rules before those of the file, until the test is over."""
    request = urllib.request.Request(
        script.base + "/rules?first=true", method="POST", data=json.dumps({"rules": rules}).encode(), headers={"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=30).close()


def test_chat(client, script):
    answer = client.messages.create(model=MODEL, max_tokens=100, system="Be brief.", messages=CAPITAL)
    assert answer.content[0].text == "Paris is the capital of France."
    assert (answer.stop_reason, answer.usage.output_tokens, answer.model) == ("end_turn", 6, "claude-sonnet-4-5-20250929")
    assert answer._request_id
    (call,) = script.calls()
    assert call["operation"] == "Messages"
    assert call["request"]["system"] == [{"type": "text", "text": "Be brief."}]


@pytest.mark.parametrize("model", [CLAUDE, "anthropic.claude-3-haiku-20240307-v1:0", "claude-3-5-haiku-latest", "amazon.nova-pro-v1:0"])
def test_names_of_models(client, model):
    answer = client.messages.create(model=model, max_tokens=100, messages=CAPITAL)
    assert answer.content[0].text == "Paris is the capital of France."


def test_key_as_a_bearer_token(key):
    """As ANTHROPIC_AUTH_TOKEN has it."""
    client = anthropic.Anthropic(base_url=BASE, auth_token=key, max_retries=0)
    assert client.messages.create(model=MODEL, max_tokens=100, messages=CAPITAL).content[0].text.startswith("Paris")


def test_stream(client):
    with client.messages.stream(model=MODEL, max_tokens=100, messages=CAPITAL) as stream:
        assert list(stream.text_stream) == ["Paris", " is", " the", " capital", " of", " France."]
        final = stream.get_final_message()
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 6)
    assert final.usage.input_tokens > 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_tool_loop(client, script, stream):
    messages = [{"role": "user", "content": "How is the weather?"}]
    more = {"model": MODEL, "max_tokens": 100, "tools": [WEATHER]}

    def ask():
        if not stream:
            return client.messages.create(messages=messages, **more)
        with client.messages.stream(messages=messages, **more) as events:
            return events.get_final_message()

    answer = ask()
    assert answer.stop_reason == "tool_use"
    text, use = answer.content
    assert (text.text, use.input) == ("Let me look.", {"city": "Lisbon"})
    messages += [
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny in Lisbon"}]},
    ]
    assert ask().content[0].text == "The forecast says: sunny in Lisbon"
    check_loop(script)


def test_thinking_is_given_back(client, script):
    add(
        script,
        {
            "name": "thought",
            "when": {"text": "think hard"},
            "answer": {"blocks": [{"reasoning": "Hm.", "signature": "EqQBSigned"}, {"redacted": "c2VhbGVk"}, {"text": "So it is."}]},
        },
    )
    question = {"role": "user", "content": "Please think hard."}
    with client.messages.stream(
        model=MODEL, max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 1024}, messages=[question]
    ) as events:
        answer = events.get_final_message()
    thinking, sealed, text = answer.content
    assert (thinking.type, thinking.thinking, thinking.signature) == ("thinking", "Hm.", "EqQBSigned")
    assert (sealed.type, text.text) == ("redacted_thinking", "So it is.")
    client.messages.create(
        model=MODEL, max_tokens=4000, messages=[question, {"role": "assistant", "content": answer.content}, {"role": "user", "content": "Think hard again."}]
    )
    _, second = script.calls()
    (told, *_) = [part for part in second["request"]["messages"][1]["content"] if part["type"] == "reasoning"]
    assert "EqQBSigned" in json.dumps(told)


def test_images_and_cache_points(client, script):
    client.messages.create(
        model=MODEL,
        max_tokens=100,
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[{
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "text", "text": "What is the capital of France?"},
            ],
        }],
    )  # fmt: skip
    (call,) = script.calls()
    assert [part["type"] for part in call["request"]["messages"][0]["content"]] == ["image", "text"]


def test_count_tokens(client):
    short = client.messages.count_tokens(model=MODEL, messages=CAPITAL).input_tokens
    long = client.messages.count_tokens(model=MODEL, system="Be very brief, please.", tools=[WEATHER], messages=CAPITAL).input_tokens
    assert 0 < short < long


def test_errors(client, script):
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(model="claude-nobody", max_tokens=100, messages=CAPITAL)
    assert caught.value.body["error"] == {"type": "not_found_error", "message": "model: claude-nobody"}
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(model=MODEL, max_tokens=100, messages=[{"role": "user", "content": ""}])
    assert "all messages must have non-empty content" in str(caught.value)
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "are you busy?"}])
    script.reset()
    again = client.with_options(max_retries=2)
    answer = again.messages.create(model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "are you busy?"}])
    assert answer.content[0].text == "Not any more."


@pytest.mark.parametrize("bad", ["ABSKbm9ib2R5", "sk-ant-nothing"])
def test_nobodys_key(bad):
    with pytest.raises((anthropic.AuthenticationError, anthropic.PermissionDeniedError)) as caught:
        anthropic.Anthropic(base_url=BASE, api_key=bad, max_retries=0).messages.create(model=MODEL, max_tokens=9, messages=CAPITAL)
    assert caught.value.body["error"]["type"] in ("authentication_error", "permission_error")
    assert bad not in str(caught.value)


def test_policies_see_bedrocks_names():
    """Whoever may use one model may not use another one by the name that Anthropic has for it."""
    iam = boto3.client("iam")
    iam.create_user(UserName="haiku-only")
    haiku = "arn:aws:bedrock:*::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
    statements = [
        {"Effect": "Allow", "Action": "bedrock:CallWithBearerToken", "Resource": "*"},
        {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": haiku},
    ]
    iam.put_user_policy(
        UserName="haiku-only", PolicyName="haiku", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements})
    )
    made = iam.create_service_specific_credential(UserName="haiku-only", ServiceName="bedrock.amazonaws.com")
    key = made["ServiceSpecificCredential"]["ServiceCredentialSecret"]
    client = anthropic.Anthropic(base_url=BASE, api_key=key, max_retries=0)
    assert client.messages.create(model="claude-haiku-4-5", max_tokens=100, messages=CAPITAL).content[0].text.startswith("Paris")
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        client.messages.create(model=MODEL, max_tokens=100, messages=CAPITAL)
    assert "anthropic.claude-sonnet-4-5-20250929-v1:0" in str(caught.value)
    with pytest.raises(anthropic.PermissionDeniedError) as caught, client.messages.stream(model="claude-haiku-4-5", max_tokens=100, messages=CAPITAL):
        pass
    assert "bedrock:InvokeModelWithResponseStream" in str(caught.value)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_signed_for_the_newer_endpoint(stream, script):
    """AnthropicBedrockMantle signs for bedrock-mantle, and has Bedrock's names."""
    client = anthropic.AnthropicBedrockMantle(base_url=BASE, aws_region="us-east-1", max_retries=0)
    asked = {"model": "anthropic.claude-opus-4-6-v1", "max_tokens": 100, "messages": CAPITAL}
    if stream:
        with client.messages.stream(**asked) as events:
            answer = events.get_final_message()
    else:
        answer = client.messages.create(**asked)
    assert answer.content[0].text == "Paris is the capital of France."
    (call,) = script.calls()
    assert call["operation"] == "Messages"
