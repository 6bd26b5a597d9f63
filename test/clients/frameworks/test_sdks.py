"""Clients that speak other vendors' formats to Bedrock: LiteLLM and Anthropic's SDK."""

import json

import litellm
import pytest
from anthropic import AnthropicBedrock
from conftest import CLAUDE, TITAN, check_loop

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Name of the city"}},
    "required": ["city"],
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(params=[f"bedrock/converse/{CLAUDE}", f"bedrock/invoke/{CLAUDE}", f"bedrock/{CLAUDE}"], ids=["converse", "invoke", "any"])
def model(request):
    return request.param


def test_litellm_chat(model):
    answer = litellm.completion(model=model, messages=[{"role": "system", "content": "Be brief."}, *CAPITAL])
    assert answer.choices[0].message.content == "Paris is the capital of France."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == 6


def test_litellm_stream(model):
    pieces = [chunk.choices[0].delta.content for chunk in litellm.completion(model=model, messages=CAPITAL, stream=True)]
    assert [piece for piece in pieces if piece] == ["Paris", " is", " the", " capital", " of", " France."]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_litellm_tool_loop(model, stream, script):
    tools = [{"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": WEATHER}}]
    messages = [{"role": "user", "content": "How is the weather?"}]

    def ask():
        answer = litellm.completion(model=model, messages=messages, tools=tools, stream=stream)
        return litellm.stream_chunk_builder(list(answer), messages=messages) if stream else answer

    answer = ask()
    assert answer.choices[0].finish_reason == "tool_calls"
    (call,) = answer.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Lisbon"}
    messages += [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny in Lisbon"}]
    assert ask().choices[0].message.content == "The forecast says: sunny in Lisbon"
    check_loop(script)


def test_litellm_structured_output(model):
    answer = litellm.completion(
        model=model,
        messages=[{"role": "user", "content": "Name a person."}],
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}},
    )
    assert json.loads(answer.choices[0].message.content) == {"name": "Ada", "age": 36}


def test_litellm_embedding():
    answer = litellm.embedding(model=f"bedrock/{TITAN}", input=["the sea"])
    assert len(answer.data[0]["embedding"]) == 1024


@pytest.fixture
def anthropic():
    return AnthropicBedrock()


def test_anthropic_chat(anthropic, script):
    answer = anthropic.messages.create(model=CLAUDE, max_tokens=100, system="Be brief.", messages=CAPITAL)
    assert answer.content[0].text == "Paris is the capital of France."
    assert (answer.stop_reason, answer.usage.output_tokens) == ("end_turn", 6)
    (call,) = script.calls()
    assert call["operation"] == "InvokeModel"
    assert call["request"]["system"] == [{"type": "text", "text": "Be brief."}]


def test_anthropic_stream(anthropic):
    with anthropic.messages.stream(model=CLAUDE, max_tokens=100, messages=CAPITAL) as stream:
        assert list(stream.text_stream) == ["Paris", " is", " the", " capital", " of", " France."]
        assert stream.get_final_message().stop_reason == "end_turn"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_anthropic_tool_loop(anthropic, stream, script):
    messages = [{"role": "user", "content": "How is the weather?"}]
    more = {
        "model": CLAUDE,
        "max_tokens": 100,
        "tools": [{"name": "get_weather", "description": "The weather.", "input_schema": WEATHER}],
    }

    def ask():
        if not stream:
            return anthropic.messages.create(messages=messages, **more)
        with anthropic.messages.stream(messages=messages, **more) as events:
            return events.get_final_message()

    answer = ask()
    assert answer.stop_reason == "tool_use"
    text, use = answer.content
    assert text.text == "Let me look."
    assert use.input == {"city": "Lisbon"}
    messages += [
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny in Lisbon"}]},
    ]
    assert ask().content[0].text == "The forecast says: sunny in Lisbon"
    check_loop(script)
