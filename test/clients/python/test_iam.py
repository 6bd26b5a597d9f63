"""The IAM API: what is made is there, governs at once, and is refused as AWS refuses."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import CLAUDE, TITAN_EMBED

FULL = "arn:aws:iam::aws:policy/AmazonBedrockFullAccess"
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "bedrock:List*", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="module")
def iam():
    return boto3.client("iam")


@pytest.fixture
def user(iam, request):
    """A user with an access key, and what goes with it when the test is over."""
    name = request.node.name.replace("[", "-").rstrip("]")[:64]
    iam.create_user(UserName=name)
    yield name
    for group in iam.list_groups_for_user(UserName=name)["Groups"]:
        iam.remove_user_from_group(GroupName=group["GroupName"], UserName=name)
    for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for credential in iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"]:
        iam.delete_service_specific_credential(
            UserName=name, ServiceSpecificCredentialId=credential["ServiceSpecificCredentialId"]
        )
    iam.delete_user(UserName=name)


def client(iam, user, service):
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return boto3.client(service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


def refused(code, message, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert (caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]) == (code, message)
    return caught.value.response


def test_policies_of_every_kind_govern_at_once(iam, user):
    bedrock = client(iam, user, "bedrock")
    arn = iam.get_user(UserName=user)["User"]["Arn"]
    no = f"User: {arn} is not authorized to perform: bedrock:ListFoundationModels"
    because = f"{no} because no identity-based policy allows the bedrock:ListFoundationModels action"
    refused("AccessDeniedException", because, bedrock.list_foundation_models)

    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=json.dumps(ALLOW))
    bedrock.list_foundation_models()
    iam.delete_user_policy(UserName=user, PolicyName="own")
    refused("AccessDeniedException", because, bedrock.list_foundation_models)

    iam.create_group(GroupName="pytest-iam")
    iam.attach_group_policy(GroupName="pytest-iam", PolicyArn=FULL)
    iam.add_user_to_group(GroupName="pytest-iam", UserName=user)
    bedrock.list_foundation_models()
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "bedrock:ListF*", "Resource": "*"}}
    iam.put_group_policy(GroupName="pytest-iam", PolicyName="deny", PolicyDocument=json.dumps(deny))
    refused("AccessDeniedException", f"{no} with an explicit deny in an identity-based policy", bedrock.list_foundation_models)
    iam.delete_group_policy(GroupName="pytest-iam", PolicyName="deny")

    boundary = iam.create_policy(PolicyName="pytest-boundary", PolicyDocument=json.dumps(ALLOW).replace("List", "Get"))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=boundary)
    refused(
        "AccessDeniedException", f"{no} because no permissions boundary allows the bedrock:ListFoundationModels action", bedrock.list_foundation_models
    )
    iam.create_policy_version(PolicyArn=boundary, PolicyDocument=json.dumps(ALLOW), SetAsDefault=True)
    bedrock.list_foundation_models()
    iam.delete_user_permissions_boundary(UserName=user)
    iam.delete_policy_version(PolicyArn=boundary, VersionId="v1")
    iam.delete_policy(PolicyArn=boundary)

    iam.detach_group_policy(GroupName="pytest-iam", PolicyArn=FULL)
    refused("AccessDeniedException", because, bedrock.list_foundation_models)
    refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", iam.delete_group, GroupName="pytest-iam")
    iam.remove_user_from_group(GroupName="pytest-iam", UserName=user)
    iam.delete_group(GroupName="pytest-iam")


def test_an_api_key_for_bedrock(iam, user, server, monkeypatch):
    made = iam.create_service_specific_credential(UserName=user, ServiceName="bedrock.amazonaws.com", CredentialAgeDays=1)
    credential = made["ServiceSpecificCredential"]
    assert credential["ServiceCredentialAlias"].startswith("BedrockAPIKey-")
    assert (credential["ExpirationDate"] - credential["CreateDate"]).days == 1
    iam.attach_user_policy(UserName=user, PolicyArn=FULL)

    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", credential["ServiceCredentialSecret"])
    runtime = boto3.session.Session().client("bedrock-runtime", endpoint_url=server.https)
    runtime.invoke_model(modelId=TITAN_EMBED, body='{"inputText": "Hi"}')

    identity = {"UserName": user, "ServiceSpecificCredentialId": credential["ServiceSpecificCredentialId"]}
    iam.update_service_specific_credential(Status="Inactive", **identity)
    with pytest.raises(ClientError) as caught:
        runtime.invoke_model(modelId=TITAN_EMBED, body='{"inputText": "Hi"}')
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_the_key_of_a_deleted_user_is_good_for_nothing(iam):
    iam.create_user(UserName="pytest-gone")
    iam.attach_user_policy(UserName="pytest-gone", PolicyArn=FULL)
    bedrock = client(iam, "pytest-gone", "bedrock")
    bedrock.list_foundation_models()
    for key in iam.list_access_keys(UserName="pytest-gone")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="pytest-gone", AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName="pytest-gone", PolicyArn=FULL)
    iam.delete_user(UserName="pytest-gone")
    response = refused(
        "UnrecognizedClientException", "The security token included in the request is invalid.", bedrock.list_foundation_models
    )
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_roles(iam):
    role = iam.create_role(
        RoleName="pytest-role", Path="/service/", AssumeRolePolicyDocument=json.dumps(TRUST), Description="a role",
        MaxSessionDuration=7200, Tags=[{"Key": "Team", "Value": "ml"}], PermissionsBoundary=FULL,
    )["Role"]  # fmt: skip
    assert role["Arn"] == "arn:aws:iam::000000000000:role/service/pytest-role"
    assert role["AssumeRolePolicyDocument"] == TRUST
    iam.update_role(RoleName="pytest-role", Description="", MaxSessionDuration=3600)
    iam.tag_role(RoleName="pytest-role", Tags=[{"Key": "team", "Value": "ops"}])
    iam.put_role_policy(RoleName="pytest-role", PolicyName="own", PolicyDocument=json.dumps(ALLOW))
    got = iam.get_role(RoleName="Pytest-Role")["Role"]
    assert (got["MaxSessionDuration"], got["Tags"]) == (3600, [{"Key": "team", "Value": "ops"}])
    assert got["PermissionsBoundary"]["PermissionsBoundaryArn"] == FULL
    assert iam.get_role_policy(RoleName="pytest-role", PolicyName="own")["PolicyDocument"] == ALLOW
    refused("EntityAlreadyExists", "Role with name PYTEST-ROLE already exists.", iam.create_role,
            RoleName="PYTEST-ROLE", AssumeRolePolicyDocument=json.dumps(TRUST))  # fmt: skip
    refused("DeleteConflict", "Cannot delete entity, must delete policies first.", iam.delete_role, RoleName="pytest-role")
    iam.delete_role_policy(RoleName="pytest-role", PolicyName="own")
    iam.delete_role(RoleName="pytest-role")
    refused("NoSuchEntity", "The role with name pytest-role cannot be found.", iam.get_role, RoleName="pytest-role")


def test_errors_have_their_statuses(iam, user):
    none = "arn:aws:iam::000000000000:policy/none"
    response = refused(
        "NoSuchEntity", f"Policy {none} does not exist or is not attachable.", iam.attach_user_policy, UserName=user, PolicyArn=none
    )
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert response["Error"]["Type"] == "Sender"
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_policy(PolicyArn=none)
    key = "AKIAAAAAAAAAAAAAAAAA"
    refused("NoSuchEntity", f"The Access Key with id {key} cannot be found", iam.get_access_key_last_used, AccessKeyId=key)
    response = refused(
        "ValidationError",
        "1 validation error detected: Value 'no spaces' at 'userName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]+",
        iam.create_user, UserName="no spaces",
    )  # fmt: skip
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    response = refused("AccessDenied", "Policy is outside your own account.", iam.delete_policy, PolicyArn=FULL)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName=user.upper())
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument='{"Version": "2012-10-17"}')
    with pytest.raises(iam.exceptions.LimitExceededException) as caught:
        long = {**ALLOW, "Statement": [{**ALLOW["Statement"][0], "Resource": "arn:aws:s3:::" + "x" * 2048}]}
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(long))
    assert caught.value.response["Error"]["Message"] == f"Maximum policy size of 2048 bytes exceeded for user {user}"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_paginators(iam):
    names = [f"pytest-page-{i}" for i in range(5)]
    for name in names:
        iam.create_user(UserName=name, Path="/pytest-pages/")
    pages = iam.get_paginator("list_users").paginate(PathPrefix="/pytest-pages/", PaginationConfig={"PageSize": 2})
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    details = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 2})
    assert set(names) <= {user["UserName"] for page in details for user in page["UserDetailList"]}
    aws = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 3})
    listed = [policy["PolicyName"] for page in aws for policy in page["Policies"]]
    assert "AmazonBedrockFullAccess" in listed
    assert len(listed) == len(set(listed))
    for name in names:
        iam.delete_user(UserName=name)


def test_simulate_a_custom_policy(iam):
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "bedrock:InvokeModel",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalTag/Team": "ml"}},
            }
        ],
    }
    arguments = {"PolicyInputList": [json.dumps(policy)], "ActionNames": ["bedrock:InvokeModel"]}
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[json.dumps(policy)])["ContextKeyNames"] == ["aws:PrincipalTag/Team"]
    (without,) = iam.simulate_custom_policy(**arguments)["EvaluationResults"]
    assert (without["EvalDecision"], without["MissingContextValues"]) == ("implicitDeny", ["aws:PrincipalTag/Team"])
    entry = {"ContextKeyName": "aws:PrincipalTag/Team", "ContextKeyType": "string", "ContextKeyValues": ["ml"]}
    model = f"arn:aws:bedrock:us-east-1::foundation-model/{CLAUDE}"
    (given,) = iam.simulate_custom_policy(ContextEntries=[entry], ResourceArns=[model], **arguments)["EvaluationResults"]
    assert (given["EvalDecision"], given["EvalResourceName"]) == ("allowed", model)
    assert given["ResourceSpecificResults"][0]["EvalResourceDecision"] == "allowed"
