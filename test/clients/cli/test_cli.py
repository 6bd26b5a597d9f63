"""The AWS CLI, as typed in a shell. The environment is what a user exports."""

import json
import os
import subprocess

import pytest

CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"


def aws(*args, env=None):
    return subprocess.run(
        ["aws", *args], capture_output=True, text=True, timeout=180, check=False, env={**os.environ, **(env or {})}
    )


def output(*args, env=None):
    done = aws(*args, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_list_foundation_models():
    listed = json.loads(output("bedrock", "list-foundation-models", "--by-provider", "anthropic"))
    assert CLAUDE in [model["modelId"] for model in listed["modelSummaries"]]


def test_query_and_text_output():
    printed = output(
        "bedrock", "get-foundation-model", "--model-identifier", CLAUDE, "--query", "modelDetails.providerName", "--output", "text"
    )
    assert printed.strip() == "Anthropic"


def test_converse():
    answer = json.loads(
        output(
            "bedrock-runtime", "converse", "--model-id", CLAUDE,
            "--messages", '[{"role":"user","content":[{"text":"Name a river."}]}]',
            "--inference-config", '{"maxTokens":20}',
        )
    )  # fmt: skip
    assert answer["output"]["message"]["content"][0]["text"].strip()
    assert answer["usage"]["outputTokens"] > 0


def test_invoke_model_to_a_file(tmp_path):
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 20,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Name a river."}]}],
    }
    target = tmp_path / "answer.json"
    output("bedrock-runtime", "invoke-model", "--model-id", CLAUDE, "--body", json.dumps(body), str(target))
    assert json.loads(target.read_text())["content"][0]["text"].strip()


def test_caller_identity():
    assert json.loads(output("sts", "get-caller-identity"))["Account"] == "000000000000"


def test_unknown_model():
    done = aws(
        "bedrock-runtime", "converse", "--model-id", "anthropic.claude-3-5-sonnet-v2",
        "--messages", '[{"role":"user","content":[{"text":"Hi"}]}]',
    )  # fmt: skip
    assert done.returncode != 0
    assert "(ResourceNotFoundException)" in done.stderr
    assert "Could not resolve the foundation model" in done.stderr


@pytest.fixture
def home(tmp_path):
    """A user without any AWS environment, who has nothing but files."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env["HOME"] = str(tmp_path)
    return env


def test_configured_profile(home):
    subprocess.run(
        [os.environ["TESTED_BINARY"], "configure"], env=home, capture_output=True, timeout=60, check=True
    )
    done = subprocess.run(
        ["aws", "--profile", "outcrop", "bedrock", "list-foundation-models", "--query", "length(modelSummaries)"],
        env=home, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50
