"""The audit trail, as a person reads it with the outcrop command."""

import json
import re
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import CLAUDE
from knowledge import make_bucket, unique, until


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


@pytest.fixture
def user():
    iam, name = boto3.client("iam"), unique("audited")
    iam.create_user(UserName=name)
    yield name
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for credential in iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"]:
        iam.delete_service_specific_credential(
            UserName=name, ServiceSpecificCredentialId=credential["ServiceSpecificCredentialId"]
        )
    iam.delete_user(UserName=name)


def test_secrets_are_not_in_the_trail(server, user):
    iam = boto3.client("iam")
    key = iam.create_access_key(UserName=user)
    credential = iam.create_service_specific_credential(UserName=user, ServiceName="bedrock.amazonaws.com")
    mine = boto3.client(
        "sts",
        aws_access_key_id=key["AccessKey"]["AccessKeyId"],
        aws_secret_access_key=key["AccessKey"]["SecretAccessKey"],
    )
    session = mine.get_session_token()
    text = server.outcrop("audit", "--format", "json")
    secrets = [
        key["AccessKey"]["SecretAccessKey"],
        credential["ServiceSpecificCredential"]["ServiceCredentialSecret"],
        session["Credentials"]["SecretAccessKey"],
        session["Credentials"]["SessionToken"],
    ]
    assert [s for s in secrets if s in text] == []
    events = trail(server)
    shown = events[request_id(key)]["responseElements"]["accessKey"]
    assert shown["accessKeyId"] == key["AccessKey"]["AccessKeyId"]
    assert shown["secretAccessKey"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert events[request_id(credential)]["requestParameters"]["userName"] == user
    assert events[request_id(session)]["userIdentity"]["userName"] == user


def test_denials_name_who_and_what(server, user):
    key = boto3.client("iam").create_access_key(UserName=user)["AccessKey"]
    mine = boto3.client("iam", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    with pytest.raises(ClientError) as caught:
        mine.create_user(UserName="somebody")
    event = trail(server, "--principal", user, "--errors")[request_id(caught.value.response)]
    assert (event["eventName"], event["errorCode"], event["requestParameters"]) == ("CreateUser", "AccessDenied", None)
    assert event["errorMessage"] == caught.value.response["Error"]["Message"]
    assert event["userIdentity"]["type"] == "IAMUser"
    assert event["userIdentity"]["accessKeyId"] == key["AccessKeyId"]


def test_buckets_are_in_the_trail_and_objects_are_not(server):
    s3, bucket = boto3.client("s3"), unique("audited")
    made = s3.create_bucket(Bucket=bucket)
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"text")
    removed = s3.delete_object(Bucket=bucket, Key="a")
    gone = s3.delete_bucket(Bucket=bucket)
    until(lambda: request_id(gone) in trail(server))  # written when the answer is over
    events = trail(server, "--event", "*Bucket")
    assert events[request_id(made)]["requestParameters"] == {"bucketName": bucket}
    assert not {request_id(put), request_id(removed)} & set(trail(server))


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
