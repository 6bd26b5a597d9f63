"""InvokeModel and its stream: the families' own bodies, headers and events."""

import json

import pytest
from conftest import CLAUDE, LLAMA, words


def claude(text, **more):
    return json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 20,
            "temperature": 0,
            "messages": [{"role": "user", "content": text}],
            **more,
        }
    )


def llama(text, **more):
    return json.dumps(
        {
            "prompt": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n"
            f"{text}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
            "max_gen_len": 20,
            "temperature": 0,
            **more,
        }
    )


def invoke(runtime, model, body):
    response = runtime.invoke_model(modelId=model, body=body)
    return json.loads(response["body"].read()), response["ResponseMetadata"]["HTTPHeaders"]


def chunks(runtime, model, body):
    response = runtime.invoke_model_with_response_stream(modelId=model, body=body)
    return [json.loads(event["chunk"]["bytes"]) for event in response["body"]]


def test_claude_body(runtime):
    result, headers = invoke(runtime, CLAUDE, claude("Write a long story."))
    assert list(result)[:5] == ["id", "type", "role", "model", "content"]
    assert result["id"].startswith("msg_bdrk_")
    assert (result["type"], result["role"]) == ("message", "assistant")
    assert result["stop_reason"] == "max_tokens"
    assert result["stop_sequence"] is None
    assert result["usage"]["output_tokens"] == 20
    assert headers["x-amzn-bedrock-input-token-count"] == str(result["usage"]["input_tokens"])
    assert headers["x-amzn-bedrock-output-token-count"] == "20"
    assert int(headers["x-amzn-bedrock-invocation-latency"]) > 0
    assert headers["x-outcrop-served-by"]


def test_claude_system_and_stop_sequence(runtime):
    whole, _ = invoke(runtime, CLAUDE, claude("Tell me about rain.", system="You are a poet."))
    stop = words(whole["content"][0]["text"]).split()[2]
    result, _ = invoke(runtime, CLAUDE, claude("Tell me about rain.", system="You are a poet.", stop_sequences=[stop]))
    assert result["stop_reason"] == "stop_sequence"
    assert result["stop_sequence"] == stop
    assert stop not in "".join(block["text"] for block in result["content"])


def test_claude_stream_events(runtime):
    seen = chunks(runtime, CLAUDE, claude("Write a long story."))
    types = [chunk["type"] for chunk in seen if chunk["type"] != "ping"]
    assert types[:2] == ["message_start", "content_block_start"]
    assert types[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(types[2:-3]) == {"content_block_delta"}
    assert seen[-2]["delta"]["stop_reason"] == "max_tokens"
    metrics = seen[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["outputTokenCount"] == 20
    assert metrics["inputTokenCount"] > 0
    assert metrics["invocationLatency"] >= metrics["firstByteLatency"] > 0


def test_claude_stream_headers(runtime):
    response = runtime.invoke_model_with_response_stream(modelId=CLAUDE, body=claude("Hi"))
    list(response["body"])
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert headers["x-amzn-bedrock-content-type"] == "application/json"
    assert "x-amzn-bedrock-output-token-count" not in headers


def test_claude_text_completions(runtime):
    result, _ = invoke(
        runtime,
        "anthropic.claude-v2:1",
        json.dumps({"prompt": "\n\nHuman: Name a bird.\n\nAssistant:", "max_tokens_to_sample": 20, "temperature": 0}),
    )
    words(result["completion"])
    assert result["stop_reason"] in ("max_tokens", "stop_sequence")


def test_llama_body(runtime):
    result, headers = invoke(runtime, LLAMA, llama("Write a long story."))
    assert list(result) == ["generation", "prompt_token_count", "generation_token_count", "stop_reason"]
    words(result["generation"])
    assert result["generation_token_count"] == 20
    assert result["stop_reason"] == "length"
    assert headers["x-amzn-bedrock-input-token-count"] == str(result["prompt_token_count"])


def test_llama_stream(runtime):
    seen = chunks(runtime, LLAMA, llama("Write a long story."))
    assert len(seen) > 2
    words("".join(chunk["generation"] for chunk in seen))
    assert seen[0]["prompt_token_count"] > 0
    assert [chunk["stop_reason"] for chunk in seen][-1] == "length"
    assert seen[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 20


def test_titan_text(runtime):
    result, _ = invoke(
        runtime,
        "amazon.titan-text-express-v1",
        json.dumps({"inputText": "User: Write a long story.\nBot:", "textGenerationConfig": {"maxTokenCount": 20, "temperature": 0}}),
    )
    assert list(result) == ["inputTextTokenCount", "results"]
    words(result["results"][0]["outputText"])
    assert result["results"][0]["completionReason"] == "LENGTH"
    assert result["results"][0]["tokenCount"] == 20


def test_nova(runtime):
    result, _ = invoke(
        runtime,
        "amazon.nova-lite-v1:0",
        json.dumps(
            {
                "messages": [{"role": "user", "content": [{"text": "Write a long story."}]}],
                "inferenceConfig": {"maxTokens": 20, "temperature": 0},
            }
        ),
    )
    words(result["output"]["message"]["content"][0]["text"])
    assert result["stopReason"] == "max_tokens"
    assert result["usage"]["outputTokens"] == 20


def test_native_and_converse_count_alike(runtime):
    body = claude("How many moons has Mars?")
    counted = runtime.count_tokens(modelId=CLAUDE, input={"invokeModel": {"body": body}})["inputTokens"]
    result, _ = invoke(runtime, CLAUDE, body)
    assert counted == result["usage"]["input_tokens"]


@pytest.mark.parametrize("accept", ["application/json", "*/*"])
def test_content_type_and_accept_as_many_programs_give_them(runtime, accept):
    response = runtime.invoke_model(modelId=CLAUDE, body=claude("Hi"), contentType="application/json", accept=accept)
    assert response["contentType"] == "application/json"
    words(json.loads(response["body"].read())["content"][0]["text"])
