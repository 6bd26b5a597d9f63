"""Prompt routers: one ARN, and for each prompt the model that is good enough for it."""

import json
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

HAIKU = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"
SONNET = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20240620-v1:0"
EASY = "Hello!"
HARD = "Explain step by step why this algorithm is quadratic, compare it with merge sort and implement the better one:\n```python\ndef sort(x):\n```"


@pytest.fixture
def router():
    bedrock = boto3.client("bedrock")
    arn = bedrock.create_prompt_router(
        promptRouterName="pytest-" + uuid.uuid4().hex[:12],
        models=[{"modelArn": HAIKU}, {"modelArn": SONNET}],
        fallbackModel={"modelArn": SONNET},
        routingCriteria={"responseQualityDifference": 10},
    )["promptRouterArn"]
    yield arn
    bedrock.delete_prompt_router(promptRouterArn=arn)


def ask(text):
    return {"messages": [{"role": "user", "content": [{"text": text}]}], "inferenceConfig": {"maxTokens": 3}}


@pytest.mark.parametrize(("text", "model"), [(EASY, HAIKU), (HARD, SONNET)])
def test_the_prompt_decides(router, runtime, text, model):
    answer = runtime.converse(modelId=router, **ask(text))
    assert answer["trace"]["promptRouter"]["invokedModelId"] == model
    events = list(runtime.converse_stream(modelId=router, **ask(text))["stream"])
    assert events[-1]["metadata"]["trace"]["promptRouter"]["invokedModelId"] == model


def test_native_bodies_and_what_is_gone(router, runtime):
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 3, "messages": [{"role": "user", "content": EASY}]}
    answer = json.loads(runtime.invoke_model(modelId=router, body=json.dumps(body))["body"].read())
    assert answer["model"] == "claude-3-haiku-20240307"
    with pytest.raises(ClientError) as caught:
        runtime.converse(modelId=router[:-12] + "aaaaaaaaaaaa", **ask(EASY))
    assert caught.value.response["Error"]["Code"] in ("ResourceNotFoundException", "ValidationException")
