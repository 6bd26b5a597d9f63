"""The errors people meet, as the SDK raises them."""

import json

import boto3
import pytest
from conftest import CLAUDE, LLAMA, TITAN_EMBED, user

MALFORMED = "Malformed input request"


def message_of(caught):
    return caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "model",
    ["anthropic.claude-3-5-sonnet-v2", "anthropic.claude-3-5-sonnet-20241022-v9:0", "xx." + CLAUDE],
    ids=["wrong ID", "wrong version", "wrong profile"],
)
@pytest.mark.parametrize("operation", ["converse", "converse_stream", "invoke_model", "invoke_model_with_response_stream"])
def test_unknown_model(runtime, operation, model):
    body = {"body": "{}"} if operation.startswith("invoke") else {"messages": user("Hi")}
    with pytest.raises(runtime.exceptions.ResourceNotFoundException) as caught:
        getattr(runtime, operation)(modelId=model, **body)
    assert message_of(caught).startswith("Could not resolve the foundation model")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def claude(**changes):
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        **changes,
    }
    return {key: value for key, value in body.items() if value is not None}


@pytest.mark.parametrize(
    ("model", "body", "key"),
    [
        pytest.param(CLAUDE, claude(anthropic_version=None), "anthropic_version", id="Claude without anthropic_version"),
        pytest.param(CLAUDE, claude(max_tokens=None), "max_tokens", id="Claude without max_tokens"),
        pytest.param(CLAUDE, claude(messages=None), "messages", id="Claude without messages"),
        pytest.param(CLAUDE, claude(messages=[{"role": "user", "content": [{"text": "Hi"}]}]), "type", id="Claude block without type"),
        pytest.param(CLAUDE, {"messages": user("Hi"), "inferenceConfig": {"maxTokens": 5}}, "inferenceConfig", id="Converse body for Claude"),
        pytest.param(LLAMA, {"max_gen_len": 5}, "prompt", id="Llama without prompt"),
        pytest.param(LLAMA, {"messages": user("Hi")}, "messages", id="Converse body for Llama"),
        pytest.param(LLAMA, claude(), "anthropic_version", id="Claude body for Llama"),
        pytest.param(TITAN_EMBED, {"inputText": "Hi", "input_type": "search"}, "input_type", id="Titan with an unknown key"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_malformed_native_body(runtime, model, body, key, stream):
    if stream and model == TITAN_EMBED:
        operation = runtime.invoke_model
    else:
        operation = runtime.invoke_model_with_response_stream if stream else runtime.invoke_model
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        operation(modelId=model, body=json.dumps(body))
    assert message_of(caught).startswith(MALFORMED)
    assert message_of(caught).endswith("please reformat your input and try again.")
    assert key in message_of(caught)


def test_native_body_that_is_not_json(runtime):
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        runtime.invoke_model(modelId=CLAUDE, body="Tell me a story.")
    assert message_of(caught).startswith(MALFORMED)


def test_streaming_a_model_that_cannot(runtime):
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        runtime.invoke_model_with_response_stream(modelId=TITAN_EMBED, body='{"inputText": "Hi"}')
    assert message_of(caught) == "The model is unsupported for streaming."


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        pytest.param(
            [{"role": "assistant", "content": [{"text": "Hello"}]}],
            "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
            id="assistant first",
        ),
        pytest.param(
            [{"role": "user", "content": []}],
            "The content field in the Message object at messages.0 is empty. Add a ContentBlock object to the content field and try again.",
            id="no content",
        ),
        pytest.param(
            user(" "),
            "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text field, and try again.",
            id="blank text",
        ),
        pytest.param(
            user(""),
            "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text field, and try again.",
            id="empty text",
        ),
    ],
)
@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_conversation_that_is_not_one(runtime, operation, messages, message):
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        getattr(runtime, operation)(modelId=CLAUDE, messages=messages)
    assert message_of(caught) == message


@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_prompt_longer_than_the_context(runtime, operation):
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        getattr(runtime, operation)(modelId=CLAUDE, messages=user("limestone basalt gneiss " * 20000))
    assert message_of(caught) == "Input is too long for requested model."


def test_prompt_longer_than_the_context_in_a_native_body(runtime):
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        runtime.invoke_model(modelId=LLAMA, body=json.dumps({"prompt": "limestone basalt gneiss " * 20000}))
    assert message_of(caught) == "Input is too long for requested model."


def test_temperature_out_of_range(runtime):
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        runtime.converse(modelId=CLAUDE, messages=user("Hi"), inferenceConfig={"temperature": 99.0})
    assert message_of(caught) == (
        "1 validation error detected: Value '99.0' at 'inferenceConfig.temperature' failed to satisfy constraint: "
        "Member must have value less than or equal to 1"
    )


def test_identifier_that_is_none(runtime):
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        runtime.converse(modelId="not a model!", messages=user("Hi"))
    assert message_of(caught).startswith("1 validation error detected: Value 'not a model!' at 'modelId' failed to satisfy constraint")


def test_every_error_carries_a_request_id(runtime):
    with pytest.raises(runtime.exceptions.ResourceNotFoundException) as caught:
        runtime.converse(modelId="anthropic.claude-3-5-sonnet-v2", messages=user("Hi"))
    assert len(caught.value.response["ResponseMetadata"]["RequestId"]) == 36


def test_a_service_of_another_region_is_kept_apart():
    """A profile of Europe is none in the United States."""
    client = boto3.client("bedrock-runtime", region_name="us-east-1")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.converse(modelId="eu." + CLAUDE, messages=user("Hi"))
