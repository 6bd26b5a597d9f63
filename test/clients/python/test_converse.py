"""Converse, ConverseStream and CountTokens beyond the plain call."""

import time

import pytest
from conftest import CLAUDE, LLAMA, user, words


def greedy(runtime, messages, max_tokens=40, **more):
    more.setdefault("modelId", CLAUDE)
    return runtime.converse(messages=messages, inferenceConfig={"maxTokens": max_tokens, "temperature": 0}, **more)


def text_of(response):
    return response["output"]["message"]["content"][0]["text"]


def test_members_and_headers(runtime):
    response = greedy(runtime, user("What is water made of?"))
    assert response["output"]["message"]["role"] == "assistant"
    usage = response["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert response["metrics"]["latencyMs"] > 0
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/json"
    assert headers["x-outcrop-served-by"], "who really answered must not be hidden"
    assert not [name for name in headers if name.startswith("x-amzn-bedrock-")]


def test_greedy_answers_repeat(runtime):
    first, second = (text_of(greedy(runtime, user("Name a river."))) for _ in range(2))
    assert first == second


def test_max_tokens(runtime):
    response = greedy(runtime, user("Write a long story about a ship."), max_tokens=5)
    assert response["stopReason"] == "max_tokens"
    assert response["usage"]["outputTokens"] == 5


def test_system_prompt_reaches_the_model(runtime):
    plain = greedy(runtime, user("Say something about the sea."))
    with_system = greedy(runtime, user("Say something about the sea."), system=[{"text": "You are a pirate. Talk like one."}])
    assert with_system["usage"]["inputTokens"] > 0
    assert text_of(plain) != text_of(with_system)


def test_several_turns(runtime):
    messages = [
        *user("My name is Alice."),
        {"role": "assistant", "content": [{"text": "Hello Alice, nice to meet you."}]},
        *user("What is my name?"),
    ]
    response = greedy(runtime, messages)
    assert "Alice" in text_of(response)


def test_stop_sequence(runtime):
    question = user("Count: one, two, three, four, five, six. Repeat that.")
    whole = text_of(greedy(runtime, question, max_tokens=60))
    stop = words(whole).split()[3]
    response = runtime.converse(
        modelId=CLAUDE,
        messages=question,
        inferenceConfig={"maxTokens": 60, "temperature": 0, "stopSequences": [stop]},
    )
    assert response["stopReason"] == "stop_sequence"
    assert stop not in text_of(response)
    assert whole.startswith(text_of(response))


def test_top_k_as_a_field_of_the_model(runtime):
    response = runtime.converse(
        modelId=CLAUDE,
        messages=user("Name a tree."),
        inferenceConfig={"maxTokens": 20},
        additionalModelRequestFields={"top_k": 1},
    )
    words(text_of(response))


def test_response_field_paths(runtime):
    response = runtime.converse(
        modelId=CLAUDE,
        messages=user("Name a tree."),
        inferenceConfig={"maxTokens": 5},
        additionalModelResponseFieldPaths=["/stop_reason"],
    )
    assert response["additionalModelResponseFields"] == {"stop_reason": "max_tokens"}


def test_request_metadata_is_accepted(runtime):
    response = runtime.converse(
        modelId=CLAUDE,
        messages=user("Hi"),
        inferenceConfig={"maxTokens": 5},
        requestMetadata={"team": "geology"},
        performanceConfig={"latency": "standard"},
    )
    words(text_of(response))


@pytest.mark.parametrize(
    "model",
    [
        pytest.param("us." + CLAUDE, id="profile"),
        pytest.param(f"arn:aws:bedrock:us-east-1::foundation-model/{CLAUDE}", id="model ARN"),
        pytest.param(f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.{CLAUDE}", id="profile ARN"),
        pytest.param("us." + LLAMA, id="profile of another family"),
    ],
)
def test_ways_to_name_a_model(runtime, model):
    words(text_of(greedy(runtime, user("Name a fruit."), modelId=model)))


def test_stream_events_in_order(runtime):
    response = runtime.converse_stream(
        modelId=CLAUDE, messages=user("Write a long story."), inferenceConfig={"maxTokens": 30, "temperature": 0}
    )
    events = list(response["stream"])
    names = [name for event in events for name in event]
    assert names[0] == "messageStart"
    assert names[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert set(names[1:-3]) == {"contentBlockDelta"}
    assert events[0]["messageStart"]["role"] == "assistant"
    assert events[-2]["messageStop"]["stopReason"] == "max_tokens"
    usage = events[-1]["metadata"]["usage"]
    assert usage["outputTokens"] == 30
    assert usage["totalTokens"] == usage["inputTokens"] + 30
    assert events[-1]["metadata"]["metrics"]["latencyMs"] > 0


def test_stream_says_what_converse_says(runtime):
    question = user("What do bees make?")
    response = runtime.converse_stream(
        modelId=CLAUDE, messages=question, inferenceConfig={"maxTokens": 40, "temperature": 0}
    )
    streamed = "".join(
        event["contentBlockDelta"]["delta"]["text"] for event in response["stream"] if "contentBlockDelta" in event
    )
    assert streamed == text_of(greedy(runtime, question))


def test_stream_arrives_as_it_is_made(runtime, warm):
    start = time.monotonic()
    response = runtime.converse_stream(
        modelId=CLAUDE, messages=user("Write a long story about the sea."), inferenceConfig={"maxTokens": 200}
    )
    arrivals = [time.monotonic() - start for event in response["stream"] if "contentBlockDelta" in event]
    assert len(arrivals) > 20
    assert arrivals[0] < arrivals[-1] / 2, "the first text came when nearly all of it was made"


def test_stop_sequence_in_a_stream(runtime):
    question = user("Count: one, two, three, four, five, six. Repeat that.")
    stop = text_of(greedy(runtime, question, max_tokens=60)).split()[3]
    response = runtime.converse_stream(
        modelId=CLAUDE,
        messages=question,
        inferenceConfig={"maxTokens": 60, "temperature": 0, "stopSequences": [stop]},
    )
    events = list(response["stream"])
    text = "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
    assert stop not in text
    assert [e["messageStop"]["stopReason"] for e in events if "messageStop" in e] == ["stop_sequence"]


@pytest.mark.parametrize("system", [None, [{"text": "Answer in French."}]], ids=["plain", "with system"])
def test_count_tokens_is_what_usage_reports(runtime, system):
    conversation = {"messages": user("How many moons has Mars?")}
    if system:
        conversation["system"] = system
    counted = runtime.count_tokens(modelId=CLAUDE, input={"converse": conversation})["inputTokens"]
    response = runtime.converse(modelId=CLAUDE, inferenceConfig={"maxTokens": 1}, **conversation)
    assert counted == response["usage"]["inputTokens"]


def test_count_tokens_refuses_a_profile(runtime):
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        runtime.count_tokens(modelId="us." + CLAUDE, input={"converse": {"messages": user("Hi")}})
    assert caught.value.response["Error"]["Message"] == "The provided model doesn't support counting tokens."
