"""`aws sts assume-role`, and what the AWS CLI does with what it gets."""

import json
import os
import subprocess

import pytest

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]}


def run(*args, **env):
    return subprocess.run(
        ["aws", *args], capture_output=True, text=True, timeout=180, check=False, env={**os.environ, **env}
    )


def aws(*args, **env):
    done = run(*args, **env)
    assert done.returncode == 0, f"{' '.join(args)}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def environment(credentials):
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials.get("SessionToken", ""),
    }


@pytest.fixture(scope="module")
def key():
    """The access key of an administrator: root may not take on roles."""
    aws("iam", "create-user", "--user-name", "cli-sts")
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    aws("iam", "attach-user-policy", "--user-name", "cli-sts", "--policy-arn", admin)
    made = aws("iam", "create-access-key", "--user-name", "cli-sts")["AccessKey"]
    yield made
    aws("iam", "delete-access-key", "--user-name", "cli-sts", "--access-key-id", made["AccessKeyId"])
    aws("iam", "detach-user-policy", "--user-name", "cli-sts", "--policy-arn", admin)
    aws("iam", "delete-user", "--user-name", "cli-sts")


def test_assume_role_with_a_session_policy(key):
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"
    role = aws("iam", "create-role", "--role-name", "cli-sts", "--assume-role-policy-document", json.dumps(TRUST))["Role"]
    aws("iam", "attach-role-policy", "--role-name", "cli-sts", "--policy-arn", policy)
    try:
        ask = ("sts", "assume-role", "--role-arn", role["Arn"], "--role-session-name", "cli")
        made = aws(*ask, "--policy", json.dumps(READ), "--duration-seconds", "900", **environment(key))
        assert made["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000000:assumed-role/cli-sts/cli"
        session = environment(made["Credentials"])
        assert "Buckets" in aws("s3api", "list-buckets", **session)
        refused = run("bedrock", "list-foundation-models", **session)
        assert refused.returncode != 0
        assert "because no session policy allows the bedrock:ListFoundationModels action" in refused.stderr
        broken = {**session, "AWS_SESSION_TOKEN": session["AWS_SESSION_TOKEN"][:-8]}
        refused = run("sts", "get-caller-identity", **broken)
        assert "(InvalidClientTokenId) when calling the GetCallerIdentity operation: " in refused.stderr
    finally:
        aws("iam", "detach-role-policy", "--role-name", "cli-sts", "--policy-arn", policy)
        aws("iam", "delete-role", "--role-name", "cli-sts")


def test_keys_list_and_last_use(key):
    assert aws("sts", "get-caller-identity", **environment(key))["Arn"] == "arn:aws:iam::000000000000:user/cli-sts"
    used = aws("iam", "get-access-key-last-used", "--access-key-id", key["AccessKeyId"])
    assert used["UserName"] == "cli-sts"
    assert used["AccessKeyLastUsed"]["ServiceName"] in ("sts", "s3", "bedrock")
    listed = subprocess.run(
        [os.environ["TESTED_BINARY"], "keys", "list"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert key["AccessKeyId"] in listed
    assert key["SecretAccessKey"] not in listed
