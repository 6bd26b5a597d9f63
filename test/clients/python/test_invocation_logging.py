"""Model invocation logging, as boto3 configures it and as its records are read:
in a region that no other test uses, for the configuration is one of a region."""

import gzip
import json

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import CLAUDE, TITAN_EMBED
from knowledge import make_bucket, until

REGION = "eu-north-1"
FOLDER = f"logs/AWSLogs/000000000000/BedrockModelInvocationLogs/{REGION}/"


@pytest.fixture
def control():
    client = boto3.client("bedrock", region_name=REGION)
    yield client
    client.delete_model_invocation_logging_configuration()


@pytest.fixture
def models():
    return boto3.client("bedrock-runtime", region_name=REGION)


def ask(models, text, **more):
    return models.converse(
        modelId=CLAUDE,
        messages=[{"role": "user", "content": [{"text": text}]}],
        inferenceConfig={"maxTokens": 3},
        **more,
    )


def keys(bucket):
    listed = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=FOLDER)
    return [o["Key"] for o in listed.get("Contents", [])]


def load(bucket, key):
    return gzip.decompress(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def records(bucket, count):
    """The records by their request ids, once there are as many."""

    def enough():
        found = {}
        for key in keys(bucket):
            if "/data/" not in key:
                for line in load(bucket, key).splitlines():
                    record = json.loads(line)
                    found[record["requestId"]] = record
        return found if len(found) >= count else None

    return until(enough, seconds=20)


def request_id(response):
    return response["ResponseMetadata"]["RequestId"]


def test_configuration(control):
    assert "loggingConfig" not in control.get_model_invocation_logging_configuration()
    bucket = make_bucket({})
    control.put_model_invocation_logging_configuration(
        loggingConfig={"s3Config": {"bucketName": bucket, "keyPrefix": "logs"}, "imageDataDeliveryEnabled": False}
    )
    config = control.get_model_invocation_logging_configuration()["loggingConfig"]
    assert config["s3Config"] == {"bucketName": bucket, "keyPrefix": "logs"}
    assert (config["textDataDeliveryEnabled"], config["imageDataDeliveryEnabled"]) == (True, False)
    listed = boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [o["Key"].rpartition("/")[2] for o in listed] == ["amazon-bedrock-logs-permission-check"]
    elsewhere = boto3.client("bedrock", region_name="eu-west-2")
    assert "loggingConfig" not in elsewhere.get_model_invocation_logging_configuration()
    control.delete_model_invocation_logging_configuration()
    assert "loggingConfig" not in control.get_model_invocation_logging_configuration()


@pytest.mark.parametrize(
    "config, said",
    [
        ({"s3Config": {"bucketName": "there-is-no-such-bucket"}}, "Failed to validate permissions"),
        ({"cloudWatchConfig": {"logGroupName": "g", "roleArn": "arn:aws:iam::000000000000:role/r"}}, "s3Config"),
        ({"textDataDeliveryEnabled": True}, "s3Config"),
    ],
)
def test_configuration_that_cannot_be(control, config, said):
    with pytest.raises(ClientError) as caught:
        control.put_model_invocation_logging_configuration(loggingConfig=config)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert said in caught.value.response["Error"]["Message"]
    assert "loggingConfig" not in control.get_model_invocation_logging_configuration()


def test_records(control, models):
    bucket = make_bucket({})
    ask(models, "Before anybody asked for a log")
    control.put_model_invocation_logging_configuration(
        loggingConfig={"s3Config": {"bucketName": bucket, "keyPrefix": "logs"}}
    )
    whole = ask(models, "Say hi", requestMetadata={"team": "blue"})
    streamed = models.converse_stream(
        modelId=CLAUDE,
        messages=[{"role": "user", "content": [{"text": "Say hi"}]}],
        inferenceConfig={"maxTokens": 3},
    )
    events = list(streamed["stream"])
    native = models.invoke_model_with_response_stream(
        modelId=CLAUDE,
        body=json.dumps(
            {
                "anthropic_version": "bedrock-2023-05-31",
                "max_tokens": 3,
                "messages": [{"role": "user", "content": "Hi"}],
            }
        ),
    )
    chunks = [json.loads(e["chunk"]["bytes"]) for e in native["body"]]
    vectors = models.invoke_model(modelId=TITAN_EMBED, body=json.dumps({"inputText": "hi"}))
    with pytest.raises(ClientError) as caught:
        models.converse(modelId="no.such-model", messages=[{"role": "user", "content": [{"text": "Hi"}]}])
    found = records(bucket, 5)

    record = found[request_id(whole)]
    assert (record["schemaType"], record["schemaVersion"]) == ("ModelInvocationLog", "1.0")
    assert (record["accountId"], record["region"], record["operation"]) == ("000000000000", REGION, "Converse")
    assert record["modelId"] == CLAUDE
    assert record["identity"]["arn"] == boto3.client("sts").get_caller_identity()["Arn"]
    assert record["requestMetadata"] == {"team": "blue"}
    assert record["input"]["inputBodyJson"]["messages"][0]["content"] == [{"text": "Say hi"}]
    assert record["output"]["outputBodyJson"]["output"] == whole["output"]
    assert record["input"]["inputTokenCount"] == whole["usage"]["inputTokens"]
    assert record["output"]["outputTokenCount"] == whole["usage"]["outputTokens"]

    text = "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
    body = found[request_id(streamed)]["output"]["outputBodyJson"]
    assert body["output"]["message"] == {"role": "assistant", "content": [{"text": text}]}
    assert body["usage"] == events[-1]["metadata"]["usage"]

    assert found[request_id(native)]["output"]["outputBodyJson"] == chunks
    assert len(found[request_id(vectors)]["output"]["outputBodyJson"]["embedding"]) == 1024

    failed = found[request_id(caught.value.response)]
    assert failed["errorCode"] == "ResourceNotFoundException"
    assert "outputBodyJson" not in failed["output"]
    assert not any("Before anybody" in json.dumps(r) for r in found.values())


def test_large_bodies_are_objects_of_their_own(control, models):
    bucket = make_bucket({})
    control.put_model_invocation_logging_configuration(
        loggingConfig={"s3Config": {"bucketName": bucket, "keyPrefix": "logs"}, "embeddingDataDeliveryEnabled": False}
    )
    vectors = models.invoke_model(modelId=TITAN_EMBED, body=json.dumps({"inputText": "hi", "dimensions": 256}))
    text = "x" * 120_000
    with pytest.raises(ClientError) as caught:
        models.converse(modelId="no.such-model", messages=[{"role": "user", "content": [{"text": text}]}])
    found = records(bucket, 2)
    assert "outputBodyJson" not in found[request_id(vectors)]["output"]
    assert found[request_id(vectors)]["input"]["inputBodyJson"]["inputText"] == "hi"
    large = found[request_id(caught.value.response)]["input"]
    assert "inputBodyJson" not in large
    key = large["inputBodyS3Path"].removeprefix(f"s3://{bucket}/")
    assert key in keys(bucket) and key.endswith(f"/data/{request_id(caught.value.response)}_input.json.gz")
    assert json.loads(load(bucket, key))["messages"][0]["content"][0]["text"] == text
