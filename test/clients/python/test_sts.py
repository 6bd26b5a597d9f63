"""Temporary credentials: of a role, of a user, and what becomes of them."""

import json
import time
import urllib.error
import urllib.request

import boto3
import pytest
from aws_bedrock_token_generator import provide_token
from botocore.exceptions import ClientError
from conftest import CLAUDE
from conftest import user as message

ACCOUNT = "000000000000"
BY_ACCOUNT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
COUNT = {"modelId": CLAUDE, "input": {"converse": {"messages": message("Hi")}}}


def document(effect, action, resource="*", **more):
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}
    )


def trust(principal, *actions, **more):
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions or "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def client(service, credentials, **more):
    return boto3.client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
        **more,
    )


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def iam():
    return boto3.client("iam")


@pytest.fixture(scope="module")
def alice(iam):
    """The credentials of a user with a path, who may take on roles and nothing else."""
    iam.create_user(UserName="sts-alice", Path="/people/")
    iam.put_user_policy(UserName="sts-alice", PolicyName="assume", PolicyDocument=document("Allow", "sts:*"))
    yield iam.create_access_key(UserName="sts-alice")["AccessKey"]
    for key in iam.list_access_keys(UserName="sts-alice")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="sts-alice", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="sts-alice", PolicyName="assume")
    iam.delete_user(UserName="sts-alice")


@pytest.fixture(scope="module")
def sts(alice):
    return client("sts", alice)


@pytest.fixture(scope="module")
def role(iam):
    """A role that may use models and buckets, and that whoever may in the account takes on."""
    made = iam.create_role(
        RoleName="sts-role",
        Path="/apps/",
        AssumeRolePolicyDocument=trust(BY_ACCOUNT, "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"),
    )["Role"]
    iam.put_role_policy(RoleName="sts-role", PolicyName="use", PolicyDocument=document("Allow", ["bedrock:*", "s3:*"]))
    yield made
    iam.delete_role_policy(RoleName="sts-role", PolicyName="use")
    iam.delete_role(RoleName="sts-role")


def test_identities(sts, role):
    me = sts.get_caller_identity()
    assert me["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/people/sts-alice"
    assert me["UserId"].startswith("AIDA")
    made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="ci")
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/sts-role/ci"
    assert made["AssumedRoleUser"] == {"AssumedRoleId": f"{role['RoleId']}:ci", "Arn": arn}
    assert "PackedPolicySize" not in made
    assert made["Credentials"]["AccessKeyId"].startswith("ASIA")
    it = client("sts", made["Credentials"]).get_caller_identity()
    assert (it["Arn"], it["UserId"], it["Account"]) == (arn, f"{role['RoleId']}:ci", ACCOUNT)
    assert sts.get_access_key_info(AccessKeyId=made["Credentials"]["AccessKeyId"])["Account"] == ACCOUNT


def test_session_policy_takes_away(sts, role, alice):
    message_of_denial = refused("AccessDeniedException", client("bedrock-runtime", alice).count_tokens, **COUNT)
    assert "because no identity-based policy allows the bedrock:CountTokens action" in message_of_denial
    plain = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="plain")
    assert client("bedrock-runtime", plain["Credentials"]).count_tokens(**COUNT)["inputTokens"] > 0
    made = sts.assume_role(
        RoleArn=role["Arn"], RoleSessionName="less", Policy=document("Allow", ["bedrock:List*", "iam:*"]), DurationSeconds=900
    )
    assert 1 <= made["PackedPolicySize"] <= 10
    less = made["Credentials"]
    assert client("bedrock", less).list_foundation_models()["modelSummaries"]
    text = refused("AccessDeniedException", client("bedrock-runtime", less).count_tokens, **COUNT)
    assert f"User: arn:aws:sts::{ACCOUNT}:assumed-role/sts-role/less is not authorized" in text
    assert "because no session policy allows the bedrock:CountTokens action" in text
    # A session policy gives nothing that the role does not have.
    refused("AccessDenied", client("iam", less).list_users)
    by_arn = sts.assume_role(
        RoleArn=role["Arn"], RoleSessionName="arn", PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    )["Credentials"]
    client("s3", by_arn).list_buckets()
    refused("AccessDeniedException", client("bedrock", by_arn).list_foundation_models)


def test_who_may_assume(iam, sts, role, alice):
    me = f"User: arn:aws:iam::{ACCOUNT}:user/people/sts-alice is not authorized to perform: sts:AssumeRole on resource: "
    other = iam.create_role(
        RoleName="sts-other",
        AssumeRolePolicyDocument=trust({"AWS": alice_arn()}, Condition={"StringEquals": {"sts:ExternalId": "42"}}),
    )["Role"]
    try:
        for wrong in ({}, {"ExternalId": "43"}):
            text = refused("AccessDenied", sts.assume_role, RoleArn=other["Arn"], RoleSessionName="ci", **wrong)
            assert text == me + other["Arn"]
        assert sts.assume_role(RoleArn=other["Arn"], RoleSessionName="ci", ExternalId="42")["Credentials"]
    finally:
        iam.delete_role(RoleName="sts-other")
    nobody = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    assert refused("AccessDenied", sts.assume_role, RoleArn=nobody, RoleSessionName="ci") == me + nobody
    root = boto3.client("sts")
    text = refused("AccessDenied", root.assume_role, RoleArn=role["Arn"], RoleSessionName="ci")
    assert text == "Roles may not be assumed by root accounts."


def boto3_credentials(made):
    own = made._request_signer._credentials.get_frozen_credentials()
    return {"AccessKeyId": own.access_key, "SecretAccessKey": own.secret_key}


def alice_arn():
    return f"arn:aws:iam::{ACCOUNT}:user/people/sts-alice"


def test_limits(sts, role):
    ask = {"RoleArn": role["Arn"], "RoleSessionName": "ci"}
    text = refused("ValidationError", sts.assume_role, **ask, DurationSeconds=3601)
    assert text == "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    unchecked = client("sts", boto3_credentials(sts), config=boto3.session.Config(parameter_validation=False))
    refused("ValidationError", unchecked.assume_role, **ask, DurationSeconds=899)
    refused("MalformedPolicyDocument", sts.assume_role, **ask, Policy="{")
    session = client("sts", sts.assume_role(**ask)["Credentials"])
    text = refused("AccessDenied", session.get_session_token)
    assert text == "Cannot call GetSessionToken with session credentials"


def test_session_of_a_user(sts):
    made = sts.get_session_token(DurationSeconds=900)["Credentials"]
    assert client("sts", made).get_caller_identity()["Arn"] == alice_arn()


@pytest.mark.parametrize(
    "wrong",
    [
        {"SessionToken": None},
        {"SessionToken": "AAAA"},
        {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE"},
    ],
)
def test_token_that_is_not_its_own(sts, role, wrong):
    made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="ci")["Credentials"]
    text = refused("InvalidClientTokenId", client("sts", {**made, **wrong}).get_caller_identity)
    assert text == "The security token included in the request is invalid."


def test_presigned_url_of_a_session(sts, role):
    made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="ci")["Credentials"]
    for signature in ("s3v4", "s3"):
        s3 = client("s3", made, config=boto3.session.Config(signature_version=signature))
        place = {"Bucket": f"sts-{signature}", "Key": "a.txt"}
        s3.create_bucket(Bucket=place["Bucket"])
        s3.put_object(**place, Body=b"by a session")
        url = s3.generate_presigned_url("get_object", Params=place, ExpiresIn=60)
        assert urllib.request.urlopen(url, timeout=60).read() == b"by a session"
        assert "oken=" in url
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url.replace("oken=", "oken=A"), timeout=60)
        assert caught.value.code == 403


def test_short_term_api_key_of_a_session(sts, role, server, monkeypatch):
    made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="bearer")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", made["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", made["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", made["SessionToken"])
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", provide_token(region="us-east-1"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    runtime = boto3.session.Session().client("bedrock-runtime", endpoint_url=server.https)
    assert runtime.count_tokens(**COUNT)["inputTokens"] > 0


def test_a_role_that_is_deleted_ends_its_sessions(iam, sts):
    role = iam.create_role(RoleName="sts-gone", AssumeRolePolicyDocument=trust({"AWS": alice_arn()}))["Role"]
    made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="ci")["Credentials"]
    session = client("sts", made)
    session.get_caller_identity()
    iam.delete_role(RoleName="sts-gone")
    # A role of the same name is another one.
    iam.create_role(RoleName="sts-gone", AssumeRolePolicyDocument=trust({"AWS": alice_arn()}))
    try:
        deadline = time.monotonic() + 10
        with pytest.raises(ClientError) as caught:
            while time.monotonic() < deadline:
                session.get_caller_identity()
        assert caught.value.response["Error"]["Code"] == "InvalidClientTokenId"
    finally:
        iam.delete_role(RoleName="sts-gone")


def test_profile_with_a_role(role, alice, tmp_path, monkeypatch):
    """The way in which programs usually take on a role: a profile that names it."""
    config = tmp_path / "config"
    config.write_text(
        "[profile alice]\n"
        f"aws_access_key_id = {alice['AccessKeyId']}\naws_secret_access_key = {alice['SecretAccessKey']}\n"
        f"[profile app]\nsource_profile = alice\nrole_arn = {role['Arn']}\nrole_session_name = app\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    session = boto3.session.Session(profile_name="app")
    assert session.client("sts").get_caller_identity()["Arn"].endswith(":assumed-role/sts-role/app")
    assert session.client("bedrock-runtime").count_tokens(**COUNT)["inputTokens"] > 0
