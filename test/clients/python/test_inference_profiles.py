"""Application inference profiles: made, called, allowed and billed under an ARN of their own."""

import json
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import CLAUDE

NOVA = "amazon.nova-lite-v1:0"
MODEL = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}"
PROFILE = "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us." + NOVA
ASK = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}], "inferenceConfig": {"maxTokens": 3}}


@pytest.fixture(scope="module")
def bedrock():
    return boto3.client("bedrock")


@pytest.fixture
def make(bedrock):
    """Makes profiles, which are gone when the test is over."""
    made = []

    def create(source, **more):
        name = "pytest-" + uuid.uuid4().hex[:12]
        arn = bedrock.create_inference_profile(inferenceProfileName=name, modelSource={"copyFrom": source}, **more)["inferenceProfileArn"]
        made.append(arn)
        return arn

    yield create
    for arn in made:
        try:
            bedrock.delete_inference_profile(inferenceProfileIdentifier=arn)
        except bedrock.exceptions.ResourceNotFoundException:
            pass


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_life_of_a_profile(bedrock, make, runtime):
    token = uuid.uuid4().hex * 2
    arn = make(PROFILE, description="For the team", tags=[{"key": "team", "value": "red"}], clientRequestToken=token)
    assert arn.startswith("arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/")
    known = bedrock.get_inference_profile(inferenceProfileIdentifier=arn)
    assert (known["status"], known["type"], known["description"]) == ("ACTIVE", "APPLICATION", "For the team")
    assert bedrock.get_inference_profile(inferenceProfileIdentifier=known["inferenceProfileId"])["inferenceProfileArn"] == arn
    system = bedrock.get_inference_profile(inferenceProfileIdentifier=PROFILE)
    assert known["models"] == system["models"] and len(known["models"]) > 1

    pages = bedrock.get_paginator("list_inference_profiles").paginate(typeEquals="APPLICATION", PaginationConfig={"PageSize": 1})
    assert [p["inferenceProfileArn"] for page in pages for p in page["inferenceProfileSummaries"]].count(arn) == 1
    assert not any(p["type"] == "APPLICATION" for p in bedrock.list_inference_profiles()["inferenceProfileSummaries"])

    bedrock.tag_resource(resourceARN=arn, tags=[{"key": "stage", "value": "test"}])
    bedrock.untag_resource(resourceARN=arn, tagKeys=["team"])
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "stage", "value": "test"}]

    assert runtime.converse(modelId=arn, **ASK)["output"]["message"]["content"]
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"maxTokens": 3}}
    assert json.loads(runtime.invoke_model(modelId=arn, body=json.dumps(body))["body"].read())["output"]

    bedrock.delete_inference_profile(inferenceProfileIdentifier=arn)
    assert refusal(runtime.converse, modelId=arn, **ASK)[0] == "ResourceNotFoundException"
    assert refusal(bedrock.get_inference_profile, inferenceProfileIdentifier=arn)[0] == "ResourceNotFoundException"


def test_it_is_billed_under_its_own_arn_and_tags(make, runtime, server):
    team = uuid.uuid4().hex
    arn = make(MODEL, tags=[{"key": "team", "value": team}])
    usage = runtime.converse(modelId=arn, **ASK)["usage"]
    rows = json.loads(server.outcrop("usage", "--since", "1d", "--by", "tag:team,model", "--format", "json"))
    mine = [row for row in rows if row["group"]["tag:team"] == team]
    assert len(mine) == 1, rows
    assert mine[0]["inputTokens"] == usage["inputTokens"] and mine[0]["outputTokens"] == usage["outputTokens"]


def test_a_profile_goes_around_no_deny(make):
    iam = boto3.client("iam")
    name = "pytest-profiles"
    arn = make(MODEL)
    iam.create_user(UserName=name)
    try:
        key = iam.create_access_key(UserName=name)["AccessKey"]
        mine = boto3.client(
            "bedrock-runtime", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
        )

        def allow(*statements):
            text = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=text)

        profile = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": arn}
        through = {
            "Effect": "Allow",
            "Action": "bedrock:InvokeModel",
            "Resource": MODEL,
            "Condition": {"StringEquals": {"bedrock:InferenceProfileArn": arn}},
        }
        allow(profile)
        code, message = refusal(mine.converse, modelId=arn, **ASK)
        assert code == "AccessDeniedException" and MODEL in message
        allow(profile, through)
        mine.converse(modelId=arn, **ASK)
        assert refusal(mine.converse, modelId=NOVA, **ASK)[0] == "AccessDeniedException"
        assert refusal(mine.converse, modelId=CLAUDE, **ASK)[0] == "AccessDeniedException"
        allow(profile, through, {"Effect": "Deny", "Action": "*", "Resource": MODEL})
        assert refusal(mine.converse, modelId=arn, **ASK)[0] == "AccessDeniedException"
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    finally:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="own")
        iam.delete_user(UserName=name)


@pytest.mark.parametrize(
    ("source", "code", "message"),
    [
        (MODEL.replace("lite", "none"), "ValidationException", "The provided model identifier is invalid."),
        (PROFILE.replace("us-east-1", "eu-west-1"), "ValidationException", "The provided ARN is invalid for the service region"),
        ("arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/abc123def456", "ValidationException", None),
    ],
)
def test_what_is_not_copied(bedrock, source, code, message):
    got = refusal(bedrock.create_inference_profile, inferenceProfileName="pytest-bad", modelSource={"copyFrom": source})
    assert got[0] == code and message in (None, got[1])


def test_names_are_taken_once(bedrock, make):
    arn = make(MODEL)
    name = bedrock.get_inference_profile(inferenceProfileIdentifier=arn)["inferenceProfileName"]
    again = refusal(bedrock.create_inference_profile, inferenceProfileName=name, modelSource={"copyFrom": MODEL})
    assert again[0] == "ConflictException"
    assert refusal(bedrock.delete_inference_profile, inferenceProfileIdentifier="us." + NOVA)[0] == "ValidationException"
