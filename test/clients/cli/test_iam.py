"""Who may do what, set up with `aws iam` as an administrator does it, and seen by boto3."""

import json
import subprocess

import boto3
import pytest
from botocore.exceptions import ClientError

CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"
LLAMA = "meta.llama3-1-70b-instruct-v1:0"
CLAUDE_ARN = f"arn:aws:bedrock:us-east-1::foundation-model/{CLAUDE}"
USER_ARN = "arn:aws:iam::000000000000:user/teams/converser"
POLICY_ARN = "arn:aws:iam::000000000000:policy/converse-only"

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "OneModel", "Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": CLAUDE_ARN}],
}


def run(*args):
    return subprocess.run(["aws", "iam", *args], capture_output=True, text=True, timeout=180, check=False)


def aws(*args):
    done = run(*args)
    assert done.returncode == 0, f"{' '.join(args)}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def refused(code, operation, message, *args):
    done = run(*args)
    assert done.returncode in (254, 255)  # CLI 2 and CLI 1
    assert f"An error occurred ({code}) when calling the {operation} operation: {message}" in done.stderr


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """The access key of a user who may converse with one model in one region."""
    document = tmp_path_factory.mktemp("policies") / "policy.json"
    document.write_text(json.dumps(POLICY, indent=4))
    assert aws("create-user", "--user-name", "converser", "--path", "/teams/")["User"]["Arn"] == USER_ARN
    made = aws("create-policy", "--policy-name", "converse-only", "--policy-document", f"file://{document}")
    assert made["Policy"]["Arn"] == POLICY_ARN
    aws("attach-user-policy", "--user-name", "converser", "--policy-arn", POLICY_ARN)
    made = aws("create-access-key", "--user-name", "converser")["AccessKey"]
    yield made
    aws("delete-access-key", "--user-name", "converser", "--access-key-id", made["AccessKeyId"])
    aws("detach-user-policy", "--user-name", "converser", "--policy-arn", POLICY_ARN)
    aws("delete-policy", "--policy-arn", POLICY_ARN)
    aws("delete-user", "--user-name", "converser")


def denied(call, action, resource, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    where = f" on resource: {resource}" if resource else ""
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert caught.value.response["Error"]["Code"] in ("AccessDeniedException", "AccessDenied")
    assert caught.value.response["Error"]["Message"] == (
        f"User: {USER_ARN} is not authorized to perform: {action}{where} because no identity-based policy allows the {action} action"
    )


def test_a_user_who_may_only_converse_with_one_model_in_one_region(key):
    def client(service, region="us-east-1"):
        return boto3.client(
            service, region_name=region, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
        )

    question = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"maxTokens": 2}}
    here, elsewhere = client("bedrock-runtime"), client("bedrock-runtime", "us-west-2")
    assert here.converse(modelId=CLAUDE, **question)["usage"]["outputTokens"] > 0
    assert here.converse(modelId=CLAUDE_ARN, **question)["usage"]["outputTokens"] > 0

    stream = "bedrock:InvokeModelWithResponseStream"
    denied(here.converse, "bedrock:InvokeModel", CLAUDE_ARN.replace(CLAUDE, LLAMA), modelId=LLAMA, **question)
    denied(elsewhere.converse, "bedrock:InvokeModel", CLAUDE_ARN.replace("us-east-1", "us-west-2"), modelId=CLAUDE, **question)
    denied(here.converse_stream, stream, CLAUDE_ARN, modelId=CLAUDE, **question)
    denied(client("bedrock").list_foundation_models, "bedrock:ListFoundationModels", None)
    denied(client("iam").create_access_key, "iam:CreateAccessKey", USER_ARN, UserName="converser")

    assert client("sts").get_caller_identity()["Arn"] == USER_ARN  # which nobody can be denied


def test_the_simulation_says_what_will_be(key):
    simulated = aws(
        "simulate-principal-policy", "--policy-source-arn", USER_ARN, "--resource-arns", CLAUDE_ARN,
        "--action-names", "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream",
    )["EvaluationResults"]  # fmt: skip
    assert [result["EvalDecision"] for result in simulated] == ["allowed", "implicitDeny"]
    assert simulated[0]["MatchedStatements"] == [
        {
            "SourcePolicyId": "converse-only",
            "SourcePolicyType": "IAM Policy",
            "StartPosition": {"Line": 3, "Column": 19},
            "EndPosition": {"Line": 9, "Column": 10},
        }
    ]


def test_what_is_there_can_be_read_back(key):
    listed = aws("list-attached-user-policies", "--user-name", "CONVERSER")["AttachedPolicies"]
    assert listed == [{"PolicyName": "converse-only", "PolicyArn": POLICY_ARN}]
    version = aws("get-policy-version", "--policy-arn", POLICY_ARN, "--version-id", "v1")["PolicyVersion"]
    assert version["Document"] == POLICY
    assert aws("get-policy", "--policy-arn", POLICY_ARN)["Policy"]["AttachmentCount"] == 1
    keys = aws("list-access-keys", "--user-name", "converser")["AccessKeyMetadata"]
    assert [one["AccessKeyId"] for one in keys] == [key["AccessKeyId"]]


def test_refusals_are_those_of_aws(key):
    refused("EntityAlreadyExists", "CreateUser", "User with name Converser already exists.", "create-user", "--user-name", "Converser")
    refused("NoSuchEntity", "GetUser", "The user with name nobody cannot be found.", "get-user", "--user-name", "nobody")
    refused("DeleteConflict", "DeletePolicy", "Cannot delete a policy attached to entities.", "delete-policy", "--policy-arn", POLICY_ARN)
    refused(
        "MalformedPolicyDocument", "PutUserPolicy", "Syntax errors in policy.",
        "put-user-policy", "--user-name", "converser", "--policy-name", "broken", "--policy-document", "{",
    )  # fmt: skip
