"""The programs that a Bedrock user already has. They know nothing of Outcrop:
what is different is in the environment."""

import json

import boto3
from botocore.config import Config
from conftest import words


def test_claude_native():
    client = boto3.client("bedrock-runtime", region_name="us-east-1")
    response = client.invoke_model(
        modelId="anthropic.claude-3-5-sonnet-20241022-v2:0",
        body=json.dumps(
            {
                "anthropic_version": "bedrock-2023-05-31",
                "max_tokens": 1024,
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "What is the capital of France? One sentence."}]}
                ],
            }
        ),
    )
    result = json.loads(response["body"].read())
    words(result["content"][0]["text"])


def test_llama_native_in_another_region():
    client = boto3.client("bedrock-runtime", region_name="us-west-2")
    prompt = """<|begin_of_text|><|start_header_id|>user<|end_header_id|>
Name three colours.
<|eot_id|>
<|start_header_id|>assistant<|end_header_id|>
"""
    response = client.invoke_model(
        modelId="meta.llama3-1-70b-instruct-v1:0",
        body=json.dumps({"prompt": prompt, "max_gen_len": 512, "temperature": 0.7, "top_p": 0.9}),
    )
    result = json.loads(response["body"].read())
    answer = words(result["generation"])
    assert "<|" not in answer, f"markup in the answer: {answer!r}"


def converse(model):
    client = boto3.client("bedrock-runtime", region_name="us-east-1")
    response = client.converse(
        modelId=model,
        messages=[{"role": "user", "content": [{"text": "Why is the sky blue? One sentence."}]}],
        inferenceConfig={"maxTokens": 512, "temperature": 0.5},
    )
    words(response["output"]["message"]["content"][0]["text"])
    assert response["usage"]["totalTokens"] > 0


def test_converse_claude():
    converse("anthropic.claude-3-5-sonnet-20241022-v2:0")


def test_converse_llama():
    converse("meta.llama3-1-70b-instruct-v1:0")


def test_converse_with_system():
    client = boto3.client("bedrock-runtime", region_name="us-east-1")
    response = client.converse(
        modelId="anthropic.claude-3-5-sonnet-20241022-v2:0",
        system=[{"text": "You are a cheerful pirate. Always answer in one short sentence."}],
        messages=[{"role": "user", "content": [{"text": "Where do you live?"}]}],
        inferenceConfig={"maxTokens": 256, "temperature": 0.3},
    )
    words(response["output"]["message"]["content"][0]["text"])


def test_claude_native_stream():
    client = boto3.client("bedrock-runtime", region_name="us-east-1")
    response = client.invoke_model_with_response_stream(
        modelId="anthropic.claude-3-5-sonnet-20241022-v2:0",
        body=json.dumps(
            {
                "anthropic_version": "bedrock-2023-05-31",
                "max_tokens": 1024,
                "messages": [{"role": "user", "content": [{"type": "text", "text": "Tell me a very short story."}]}],
            }
        ),
    )
    text = ""
    for event in response["body"]:
        chunk = json.loads(event["chunk"]["bytes"])
        if chunk["type"] == "content_block_delta":
            text += chunk["delta"]["text"]
    words(text)


def test_converse_stream():
    client = boto3.client("bedrock-runtime", region_name="us-east-1")
    response = client.converse_stream(
        modelId="anthropic.claude-3-5-sonnet-20241022-v2:0",
        messages=[{"role": "user", "content": [{"text": "Tell me a very short story."}]}],
        inferenceConfig={"maxTokens": 1024},
    )
    text, usage = "", None
    for event in response["stream"]:
        if "contentBlockDelta" in event:
            text += event["contentBlockDelta"]["delta"]["text"]
        if "metadata" in event:
            usage = event["metadata"]["usage"]
    words(text)
    assert usage["inputTokens"] > 0
    assert usage["outputTokens"] > 0


def test_titan_embedding():
    client = boto3.client("bedrock-runtime", region_name="us-east-1")
    response = client.invoke_model(
        modelId="amazon.titan-embed-text-v2:0",
        body=json.dumps({"inputText": "The sky is blue.", "dimensions": 512, "normalize": True}),
    )
    result = json.loads(response["body"].read())
    assert len(result["embedding"]) == 512


def test_long_request_within_the_clients_timeouts():
    client = boto3.client("bedrock-runtime", config=Config(read_timeout=300, connect_timeout=5))
    response = client.converse(
        modelId="anthropic.claude-3-5-sonnet-20241022-v2:0",
        messages=[{"role": "user", "content": [{"text": "Summarise this. " + "The tide rises and the tide falls. " * 250}]}],
        inferenceConfig={"maxTokens": 400},
    )
    words(response["output"]["message"]["content"][0]["text"])
    assert response["usage"]["inputTokens"] > 1500
