"""StartAsyncInvoke: results in a bucket, tokens, failures, permissions."""

import itertools
import json
import time
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import CLAUDE

NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"


@pytest.fixture(scope="module")
def bucket():
    name = "async-" + uuid.uuid4().hex[:12]
    boto3.client("s3").create_bucket(Bucket=name)
    return name


def segmented(text):
    return {
        "taskType": "SEGMENTED_EMBEDDING",
        "segmentedEmbeddingParams": {
            "embeddingPurpose": "GENERIC_INDEX",
            "embeddingDimension": 384,
            "text": {"truncationMode": "END", "value": text, "segmentationConfig": {"maxLengthChars": 800}},
        },
    }


def output(bucket):
    return {"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}/results/"}}


def ended(runtime, arn):
    """The invocation when it is over."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        got = runtime.get_async_invoke(invocationArn=arn)
        if got["status"] != "InProgress":
            return got
        time.sleep(0.1)
    raise AssertionError(f"{arn} is not over after two minutes")


def test_vectors_of_a_long_text(runtime, bucket):
    text = "The sea is wide. " * 100
    request = {"modelId": NOVA, "modelInput": segmented(text), "outputDataConfig": output(bucket), "clientRequestToken": uuid.uuid4().hex}
    arn = runtime.start_async_invoke(**request)["invocationArn"]
    assert runtime.start_async_invoke(**request)["invocationArn"] == arn
    got = ended(runtime, arn)
    assert got["status"] == "Completed"
    assert got["modelArn"].endswith("foundation-model/" + NOVA)
    assert got["endTime"] >= got["submitTime"]
    folder = "results/" + arn.rpartition("/")[2] + "/"
    s3 = boto3.client("s3")

    def read(name):
        return s3.get_object(Bucket=bucket, Key=folder + name)["Body"].read()

    names = {o["Key"].removeprefix(folder) for o in s3.list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]}
    assert names == {"manifest.json", "segmented-embedding-result.json", "embedding-text.jsonl"}
    lines = [json.loads(line) for line in read("embedding-text.jsonl").splitlines()]
    spans = [(line["segmentMetadata"]["segmentStartCharPosition"], line["segmentMetadata"]["segmentEndCharPosition"]) for line in lines]
    assert (spans[0][0], spans[-1][1]) == (0, len(text))
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
    assert {len(line["embedding"]) for line in lines} == {384}
    (result,) = json.loads(read("segmented-embedding-result.json"))["embeddingResults"]
    assert result == {"embeddingType": "TEXT", "status": "SUCCESS", "outputFileUri": f"s3://{bucket}/{folder}embedding-text.jsonl"}
    listed = runtime.list_async_invokes(statusEquals="Completed")["asyncInvokeSummaries"]
    assert arn in [summary["invocationArn"] for summary in listed]


def test_failure(runtime):
    arn = runtime.start_async_invoke(modelId=NOVA, modelInput=segmented("x"), outputDataConfig=output("no-such-bucket-here"))["invocationArn"]
    got = ended(runtime, arn)
    assert (got["status"], got["failureMessage"]) == ("Failed", "The bucket no-such-bucket-here of the output does not exist.")


def test_refusals(runtime, bucket):
    token = uuid.uuid4().hex
    runtime.start_async_invoke(modelId=NOVA, modelInput=segmented("a"), outputDataConfig=output(bucket), clientRequestToken=token)
    for code, change in {
        "ConflictException": {"modelInput": segmented("b"), "clientRequestToken": token},
        "ValidationException": {"modelId": CLAUDE},
    }.items():
        with pytest.raises(ClientError) as e:
            runtime.start_async_invoke(**{"modelId": NOVA, "modelInput": segmented("a"), "outputDataConfig": output(bucket), **change})
        assert e.value.response["Error"]["Code"] == code
    for model, body in ((NOVA, {"taskType": "SINGLE_EMBEDDING"}), (NOVA, {**segmented("a"), "extra": 1}), (NOVA, {}), ("amazon.nova-reel-v1:0", {})):
        with pytest.raises(runtime.exceptions.ValidationException):
            runtime.start_async_invoke(modelId=model, modelInput=body, outputDataConfig=output(bucket))
    with pytest.raises(runtime.exceptions.ValidationException):
        runtime.get_async_invoke(invocationArn="arn:aws:bedrock:us-east-1:000000000000:async-invoke/nothing00000")
