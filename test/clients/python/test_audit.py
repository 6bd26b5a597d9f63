"""The audit trail, as a person reads it with the outcrop command."""

import json
import re
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import CLAUDE
from knowledge import make_bucket


def trail(server, *args):
    """The events by their request ids."""
    lines = server.outcrop("audit", "--since", "10m", "--format", "json", *args).splitlines()
    return {e["requestID"]: e for e in map(json.loads, lines)}


def request_id(response):
    return response["ResponseMetadata"]["RequestId"]


def test_changes_and_refusals_are_in_the_trail(server):
    control = boto3.client("bedrock", region_name="eu-south-1")
    bucket = make_bucket({})
    changed = control.put_model_invocation_logging_configuration(loggingConfig={"s3Config": {"bucketName": bucket}})
    removed = control.delete_model_invocation_logging_configuration()
    stranger = boto3.client("bedrock", aws_access_key_id="AKIAABCDEFGHIJKLMNOP", aws_secret_access_key="not-a-key-of-ours")
    with pytest.raises(ClientError) as caught:
        stranger.list_foundation_models()
    events = trail(server)

    event = events[request_id(changed)]
    assert (event["eventSource"], event["eventName"]) == ("bedrock.amazonaws.com", "PutModelInvocationLoggingConfiguration")
    assert (event["awsRegion"], event["readOnly"], event["eventCategory"]) == ("eu-south-1", False, "Management")
    assert event["userIdentity"]["type"] == "Root"
    assert event["requestParameters"] == {"loggingConfig": {"s3Config": {"bucketName": bucket}}}
    assert event["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in event["userAgent"]
    assert events[request_id(removed)]["eventName"] == "DeleteModelInvocationLoggingConfiguration"

    refused = events[request_id(caught.value.response)]
    assert refused["errorCode"] == "UnrecognizedClientException"
    assert refused["userIdentity"] == {"type": "Unknown", "accountId": "000000000000", "accessKeyId": "AKIAABCDEFGHIJKLMNOP"}
    assert set(trail(server, "--errors")) <= set(events)
    assert request_id(changed) not in trail(server, "--event", "Delete*")


def test_prompts_are_not_in_the_trail(server, runtime):
    answer = runtime.converse(
        modelId=CLAUDE,
        messages=[{"role": "user", "content": [{"text": "a prompt that nobody audits"}]}],
        inferenceConfig={"maxTokens": 1},
    )
    text = server.outcrop("audit", "--format", "json")
    assert request_id(answer) not in text
    assert "a prompt that nobody audits" not in text


def test_table(server):
    boto3.client("bedrock").list_foundation_models()
    head, *lines = server.outcrop("audit", "--event", "ListFoundationModels").splitlines()
    assert head.split() == ["TIME", "PRINCIPAL", "SERVICE", "EVENT", "REGION", "FROM", "RESULT"]
    assert any(line.split()[2:4] == ["bedrock", "ListFoundationModels"] and line.endswith("ok") for line in lines)


def test_metrics_tell_what_became_of_the_logs(server):
    boto3.client("bedrock").list_foundation_models()
    with urllib.request.urlopen(f"{server.http}/metrics", timeout=10) as response:
        text = response.read().decode()
    assert float(re.search(r"^outcrop_audit_events_total (\S+)$", text, re.M)[1]) > 0
    for name in ("outcrop_audit_failures_total", 'outcrop_log_dropped_total{log="invocations"}', "outcrop_invocation_log_dropped_total"):
        assert f"\n{name} 0\n" in text
