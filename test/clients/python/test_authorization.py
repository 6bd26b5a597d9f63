"""Authorization: who has a permission has that one, and denials read as AWS's."""

import json
import time

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import CLAUDE, LLAMA

CLAUDE_ARN = f"arn:aws:bedrock:us-east-1::foundation-model/{CLAUDE}"
PROFILE = f"us.{CLAUDE}"
HI = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"maxTokens": 1}}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resources, **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


class Caller:
    """A user whose only policy a test writes."""

    def __init__(self, iam, name):
        self.iam, self.name = iam, name
        self.arn = iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": "red"}])["User"]["Arn"]
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self.key = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def may(self, *statements):
        self.iam.put_user_policy(UserName=self.name, PolicyName="only", PolicyDocument=document(*statements))

    def client(self, service, **more):
        return boto3.client(service, **self.key, **more)

    def delete(self):
        for policy in self.iam.list_user_policies(UserName=self.name)["PolicyNames"]:
            self.iam.delete_user_policy(UserName=self.name, PolicyName=policy)
        self.iam.delete_access_key(UserName=self.name, AccessKeyId=self.key["aws_access_key_id"])
        self.iam.delete_user(UserName=self.name)


@pytest.fixture(scope="module")
def iam():
    return boto3.client("iam")


@pytest.fixture
def caller(iam, request):
    made = Caller(iam, request.node.name[:64])
    yield made
    made.delete()


def denied(call, *args, **arguments):
    """The message of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(*args, **arguments)
    error = caught.value.response["Error"]
    assert error["Code"] in ("AccessDeniedException", "AccessDenied")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return error["Message"]


def test_converse_on_one_model_in_one_region(caller):
    caller.may(allow("bedrock:InvokeModel", CLAUDE_ARN))
    runtime = caller.client("bedrock-runtime")
    assert runtime.converse(modelId=CLAUDE, **HI)["output"]["message"]["role"] == "assistant"
    assert runtime.converse(modelId=CLAUDE_ARN, **HI)["output"]["message"]["role"] == "assistant"

    def because(action, resource):
        return (
            f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action"
        )

    other = f"arn:aws:bedrock:us-east-1::foundation-model/{LLAMA}"
    assert denied(runtime.converse, modelId=LLAMA, **HI) == because("bedrock:InvokeModel", other)
    elsewhere = caller.client("bedrock-runtime", region_name="eu-west-1")
    assert denied(elsewhere.converse, modelId=CLAUDE, **HI) == because(
        "bedrock:InvokeModel", CLAUDE_ARN.replace("us-east-1", "eu-west-1")
    )
    assert denied(runtime.converse_stream, modelId=CLAUDE, **HI) == because(
        "bedrock:InvokeModelWithResponseStream", CLAUDE_ARN
    )
    assert denied(caller.client("bedrock").list_foundation_models) == (
        f"User: {caller.arn} is not authorized to perform: bedrock:ListFoundationModels "
        "because no identity-based policy allows the bedrock:ListFoundationModels action"
    )
    # What names nothing is refused as what it would name.
    unknown = "arn:aws:bedrock:us-east-1::foundation-model/nobody.has-it"
    assert denied(runtime.converse, modelId="nobody.has-it", **HI) == because("bedrock:InvokeModel", unknown)
    # Who one is can always be asked.
    assert caller.client("sts").get_caller_identity()["Arn"] == caller.arn


def test_a_profile_and_the_models_that_it_leads_to(caller):
    profile = f"arn:aws:bedrock:us-east-1:{caller.arn.split(':')[4]}:inference-profile/{PROFILE}"
    runtime = caller.client("bedrock-runtime")
    caller.may(allow("bedrock:InvokeModel", profile))
    assert f"on resource: {CLAUDE_ARN} " in denied(runtime.converse, modelId=PROFILE, **HI)
    through = {"Condition": {"StringEquals": {"bedrock:InferenceProfileArn": profile}}}
    caller.may(
        allow("bedrock:InvokeModel", profile),
        allow("bedrock:InvokeModel", f"arn:aws:bedrock:*::foundation-model/{CLAUDE}", **through),
    )
    assert runtime.converse(modelId=PROFILE, **HI)["output"]["message"]["role"] == "assistant"
    denied(runtime.converse, modelId=CLAUDE, **HI)


def test_conditions(caller):
    runtime = caller.client("bedrock-runtime")
    for condition, good in [
        ({"StringEquals": {"aws:PrincipalTag/team": "red"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "blue"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
        ({"StringEquals": {"aws:username": caller.name}}, True),
        ({"StringLike": {"aws:UserAgent": "Boto3/*"}}, True),
    ]:
        caller.may(allow("bedrock:InvokeModel", "*", Condition=condition))
        if good:
            runtime.converse(modelId=CLAUDE, **HI)
        else:
            denied(runtime.converse, modelId=CLAUDE, **HI)


def test_tags_of_resources_and_requests(caller, iam):
    agent = caller.client("bedrock-agent")
    caller.may(
        allow("bedrock:*", "*", Condition={"StringEqualsIfExists": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}),
        allow("iam:PassRole", "*"),
        {
            "Effect": "Deny",
            "Action": "bedrock:CreateKnowledgeBase",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}},
        },
    )
    base = {
        "roleArn": "arn:aws:iam::000000000000:role/any",
        "knowledgeBaseConfiguration": {
            "type": "VECTOR",
            "vectorKnowledgeBaseConfiguration": {
                "embeddingModelArn": "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"
            },
        },
    }
    names = [f"{caller.name}-{team}-{time.time_ns()}"[:100] for team in ("red", "blue")]
    assert "explicit deny" in denied(agent.create_knowledge_base, name=names[1], tags={"team": "blue"}, **base)
    mine = agent.create_knowledge_base(name=names[0], tags={"team": "red"}, **base)["knowledgeBase"]["knowledgeBaseId"]
    owner = boto3.client("bedrock-agent")
    theirs = owner.create_knowledge_base(name=names[1], tags={"team": "blue"}, **base)["knowledgeBase"]["knowledgeBaseId"]
    try:
        assert agent.get_knowledge_base(knowledgeBaseId=mine)["knowledgeBase"]["name"] == names[0]
        assert f"knowledge-base/{theirs} because" in denied(agent.get_knowledge_base, knowledgeBaseId=theirs)
    finally:
        for base_id in (mine, theirs):
            owner.delete_knowledge_base(knowledgeBaseId=base_id)


def test_roles_are_passed_by_who_may(caller, iam):
    trust = document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName=caller.name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    agent = caller.client("bedrock-agent")
    base = {
        "name": caller.name,
        "roleArn": role,
        "knowledgeBaseConfiguration": {
            "type": "VECTOR",
            "vectorKnowledgeBaseConfiguration": {
                "embeddingModelArn": "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"
            },
        },
    }
    try:
        caller.may(allow("bedrock:*", "*"))
        assert f"to perform: iam:PassRole on resource: {role} because" in denied(agent.create_knowledge_base, **base)
        passing = {"Condition": {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}}}
        caller.may(allow("bedrock:*", "*"), allow("iam:PassRole", role, **passing))
        with pytest.raises(ClientError) as caught:
            agent.create_knowledge_base(**base)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
        assert "unable to assume the given role" in caught.value.response["Error"]["Message"]
        trust = trust.replace("lambda.amazonaws.com", "bedrock.amazonaws.com")
        iam.update_assume_role_policy(RoleName=caller.name, PolicyDocument=trust)
        made = agent.create_knowledge_base(**base)["knowledgeBase"]["knowledgeBaseId"]
        agent.delete_knowledge_base(knowledgeBaseId=made)
    finally:
        iam.delete_role(RoleName=caller.name)


def test_objects(caller):
    name = f"authz-{time.time_ns()}"
    owner = boto3.client("s3")
    owner.create_bucket(Bucket=name)
    for key in ("mine/a", "mine/b", "theirs/c"):
        owner.put_object(Bucket=name, Key=key, Body=b"x")
    s3 = caller.client("s3")
    caller.may(
        allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"arn:aws:s3:::{name}/mine/*"),
        allow("s3:ListBucket", f"arn:aws:s3:::{name}", Condition={"StringLike": {"s3:prefix": "mine/*"}}),
    )
    try:
        assert s3.get_object(Bucket=name, Key="mine/a")["Body"].read() == b"x"
        assert denied(s3.get_object, Bucket=name, Key="theirs/c") == (
            f'User: {caller.arn} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::{name}/theirs/c" '
            "because no identity-based policy allows the s3:GetObject action"
        )
        assert len(s3.list_objects_v2(Bucket=name, Prefix="mine/")["Contents"]) == 2
        denied(s3.list_objects_v2, Bucket=name)
        denied(s3.list_buckets)
        source = {"Bucket": name, "Key": "theirs/c"}
        assert '"theirs/c"' in denied(s3.copy_object, Bucket=name, Key="mine/copy", CopySource=source).replace(
            f"arn:aws:s3:::{name}/", ""
        )
        objects = [{"Key": "mine/a"}, {"Key": "theirs/c"}]
        answer = s3.delete_objects(Bucket=name, Delete={"Objects": objects})
        assert [d["Key"] for d in answer["Deleted"]] == ["mine/a"]
        assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("theirs/c", "AccessDenied")]
        assert owner.get_object(Bucket=name, Key="theirs/c")["Body"].read() == b"x"
    finally:
        for item in owner.list_objects_v2(Bucket=name).get("Contents", []):
            owner.delete_object(Bucket=name, Key=item["Key"])
        owner.delete_bucket(Bucket=name)


def test_explain(caller, server):
    caller.may(allow("bedrock:InvokeModel", CLAUDE_ARN))
    answer = json.loads(
        server.outcrop("iam", "explain", "--principal", caller.name, "--action", "Converse", "--resource", CLAUDE, "--json")
    )
    assert [(a["action"], a["resource"], a["allowed"]) for a in answer] == [("bedrock:InvokeModel", CLAUDE_ARN, True)]
    assert answer[0]["matches"][0]["policy"] == "only"
    assert "bedrock:InvokeModel" in server.outcrop("iam", "actions", "Converse")
