"""OpenAI's SDK at the door /openai/v1, with a Bedrock API key."""

import json
import os
import re
import subprocess

import pytest
from conftest import TITAN, check_loop
from openai import OpenAI
from pydantic import BaseModel

MODEL = "openai.gpt-oss-120b-1:0"
CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
WORDS = ["Paris", " is", " the", " capital", " of", " France."]
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Name of the city"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@pytest.fixture(scope="module")
def client():
    done = subprocess.run(
        [os.environ["TESTED_BINARY"], "keys", "create", "--user", "openai", "--api-key"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    key = re.search(r"AWS_BEARER_TOKEN_BEDROCK=(ABSK\S+)", done.stdout).group(1)
    return OpenAI(base_url=f"http://{os.environ['TESTED_ADDRESS']}/openai/v1", api_key=key, max_retries=0)


def test_chat(client, script):
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "system", "content": "Be brief."}, *CAPITAL])
    assert answer.choices[0].message.content == "Paris is the capital of France."
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("stop", 6)
    (call,) = script.calls()
    assert call["rule"] == "capital"


def test_stream(client):
    chunks = list(client.chat.completions.create(model=MODEL, messages=CAPITAL, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert [piece for piece in pieces if piece] == WORDS
    assert chunks[-1].usage.completion_tokens == 6


def test_tool_loop(client, script):
    tools = [{"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": WEATHER}}]
    messages = [{"role": "user", "content": "How is the weather?"}]
    choice = client.chat.completions.create(model=MODEL, messages=messages, tools=tools).choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Lisbon"}
    messages += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": "sunny in Lisbon"}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=tools)
    assert answer.choices[0].message.content == "The forecast says: sunny in Lisbon"
    check_loop(script)


def test_structured_output(client):
    answer = client.chat.completions.parse(model=MODEL, messages=[{"role": "user", "content": "Name a person."}], response_format=Person)
    assert answer.choices[0].message.parsed == Person(name="Ada", age=36)


def test_responses(client):
    answer = client.responses.create(model=MODEL, input="What is the capital of France?")
    assert answer.output_text == "Paris is the capital of France."


def test_responses_stream(client):
    with client.responses.stream(model=MODEL, input="What is the capital of France?") as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        assert pieces == WORDS
        assert stream.get_final_response().output_text == "Paris is the capital of France."


def test_responses_tool_loop(client, script):
    tools = [{"type": "function", "name": "get_weather", "description": "The weather.", "parameters": WEATHER, "strict": True}]
    turns = [{"role": "user", "content": "How is the weather?"}]
    answer = client.responses.create(model=MODEL, input=turns, tools=tools)
    (call,) = [item for item in answer.output if item.type == "function_call"]
    assert json.loads(call.arguments) == {"city": "Lisbon"}
    turns += [*answer.output, {"type": "function_call_output", "call_id": call.call_id, "output": "sunny in Lisbon"}]
    answer = client.responses.create(model=MODEL, input=turns, tools=tools)
    assert answer.output_text == "The forecast says: sunny in Lisbon"
    check_loop(script)


def test_embeddings(client):
    answer = client.embeddings.create(model=TITAN, input=["the sea"])
    assert len(answer.data[0].embedding) == 1024


def test_models(client):
    assert MODEL in [model.id for model in client.models.list()]
