"""From a bucket to a cited answer: with the AWS CLI, and with the outcrop command."""

import json
import os
import re
import signal
import subprocess
import threading

import pytest

CLAUDE_ARN = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0"
TITAN_ARN = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"

FILES = {
    "refunds.md": "# Refund policy\n\nCustomers may return any product within 30 days of delivery and receive a full refund.\n",
    "shipping.txt": "Parcels to Europe take three working days. Orders above 50 euros are shipped free of charge.\n",
    "shipping.txt.metadata.json": json.dumps({"metadataAttributes": {"department": "logistics", "year": 2025}}),
}


def run(*args, **more):
    return subprocess.run(args, capture_output=True, text=True, timeout=180, check=False, **more)


def output(*args, **more):
    done = run(*args, **more)
    assert done.returncode == 0, f"{' '.join(args)}: {done.stderr}"
    return done.stdout


def aws(*args):
    printed = output("aws", *args)
    return json.loads(printed) if printed.lstrip().startswith("{") else printed


def outcrop(*args, **more):
    return run(os.environ["TESTED_BINARY"], "kb", *args, **more)


def kb(*args):
    done = outcrop(*args)
    assert done.returncode == 0, f"outcrop kb {' '.join(args)}: {done.stderr}"
    return done.stdout


def until(attempt, seconds=120):
    """Asks until the attempt gives something that is true; the event is never set and only spaces the tries."""
    never = threading.Event()
    for _ in range(seconds * 10):
        if result := attempt():
            return result
        never.wait(0.1)
    raise AssertionError(f"not after {seconds} seconds")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("handbook")
    for name, text in FILES.items():
        (path / name).write_text(text)
    return path


@pytest.fixture(scope="module")
def bucket(folder):
    aws("s3", "mb", "s3://cli-handbook")
    aws("s3", "cp", "--recursive", str(folder), "s3://cli-handbook/")
    return "cli-handbook"


def test_with_the_aws_cli(bucket):
    base = aws(
        "bedrock-agent", "create-knowledge-base", "--name", "aws-cli", "--role-arn", "arn:aws:iam::000000000000:role/kb",
        "--knowledge-base-configuration", json.dumps({"type": "VECTOR", "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": TITAN_ARN}}),
    )["knowledgeBase"]["knowledgeBaseId"]  # fmt: skip
    source = aws(
        "bedrock-agent", "create-data-source", "--knowledge-base-id", base, "--name", "bucket",
        "--data-source-configuration", json.dumps({"type": "S3", "s3Configuration": {"bucketArn": f"arn:aws:s3:::{bucket}"}}),
    )["dataSource"]["dataSourceId"]  # fmt: skip
    names = ["--knowledge-base-id", base, "--data-source-id", source]
    job = aws("bedrock-agent", "start-ingestion-job", *names)["ingestionJob"]["ingestionJobId"]

    def ended():
        found = aws("bedrock-agent", "get-ingestion-job", *names, "--ingestion-job-id", job)["ingestionJob"]
        return found if found["status"] in ("COMPLETE", "FAILED") else None

    found = until(ended)
    assert found["status"] == "COMPLETE"
    assert found["statistics"]["numberOfNewDocumentsIndexed"] == 2
    assert found["statistics"]["numberOfMetadataDocumentsScanned"] == 1

    results = aws(
        "bedrock-agent-runtime", "retrieve", "--knowledge-base-id", base, "--retrieval-query", '{"text": "When is shipping free of charge?"}',
        "--retrieval-configuration", json.dumps({"vectorSearchConfiguration": {"filter": {"equals": {"key": "department", "value": "logistics"}}}}),
    )["retrievalResults"]  # fmt: skip
    assert [result["location"]["s3Location"]["uri"] for result in results] == [f"s3://{bucket}/shipping.txt"]

    answer = aws(
        "bedrock-agent-runtime", "retrieve-and-generate", "--input", '{"text": "What is our refund policy?"}',
        "--retrieve-and-generate-configuration",
        json.dumps({"type": "KNOWLEDGE_BASE", "knowledgeBaseConfiguration": {"knowledgeBaseId": base, "modelArn": CLAUDE_ARN}}),
    )  # fmt: skip
    assert answer["output"]["text"].strip()
    cited = [reference["location"]["s3Location"]["uri"] for citation in answer["citations"] for reference in citation["retrievedReferences"]]
    assert f"s3://{bucket}/refunds.md" in cited

    assert aws("bedrock-agent", "delete-knowledge-base", "--knowledge-base-id", base)["status"] == "DELETING"


def test_the_commands_of_the_readme(bucket):
    """Their last three: the first two are the environment and the bucket."""
    printed = kb("create", "readme", "--from", f"s3://{bucket}", "--sync")
    assert re.search(r"COMPLETE in \S+: 2 scanned, 2 new\n", printed), printed
    answer = kb("ask", "readme", "What is our refund policy?")
    assert f"Source: s3://{bucket}/refunds.md\n" in answer
    assert answer.partition("\n\nSource:")[0].strip()


def test_life_of_a_base(bucket):
    kb("create", "life", "--description", "For a while")
    assert "life" in kb("list")
    kb("add", "life", f"s3://{bucket}/", "--chunking", "fixed:50,10")
    shown = kb("show", "life")
    assert f"s3://{bucket}" in shown
    assert "fixed:50,10" in shown
    assert "never" in shown
    assert "2 new" in kb("sync", "life")
    assert "2 scanned" in kb("sync", "life")
    assert "new" not in kb("sync", "life")
    state = json.loads(kb("show", "life", "--json"))
    assert state["dataSources"][0]["lastIngestionJob"]["status"] == "COMPLETE"
    by_id = kb("docs", state["knowledgeBaseId"])
    assert re.search(rf"INDEXED\s+s3://{bucket}/refunds.md", by_id)
    found = kb("search", "life", "When is shipping free of charge?", "-n", "1", "--hybrid")
    assert found.startswith(f"1. s3://{bucket}/shipping.txt (")
    found = json.loads(
        kb("search", "life", "refunds", "--semantic", "--json", "--filter", '{"equals": {"key": "year", "value": 2025}}')
    )
    assert {result["location"]["s3Location"]["uri"] for result in found} == {f"s3://{bucket}/shipping.txt"}
    kb("rm", "life")
    assert "life" not in kb("list")


def test_session(bucket):
    kb("create", "session", "--from", f"s3://{bucket}", "--sync")
    first = json.loads(kb("ask", "session", "What is our refund policy?", "--json"))
    again = outcrop("ask", "session", "And shipping?", "--session", first["sessionId"])
    assert again.returncode == 0, again.stderr
    assert f"--session {first['sessionId']}" in again.stderr
    unknown = outcrop("ask", "session", "And shipping?", "--session", "no-such-session")
    assert unknown.returncode == 1
    assert "ValidationException" in unknown.stderr


def test_documents_that_fail(tmp_path):
    aws("s3", "mb", "s3://cli-broken")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 and then nothing")
    (tmp_path / "good.txt").write_text("Seals swim.")
    aws("s3", "cp", "--recursive", str(tmp_path), "s3://cli-broken/")
    done = outcrop("create", "broken", "--from", "s3://cli-broken", "--sync")
    assert done.returncode == 1
    assert "1 new, 1 failed" in done.stdout
    assert "broken.pdf" in done.stderr
    assert re.search(r"FAILED\s+s3://cli-broken/broken.pdf\s+\S+\s+\S", kb("docs", "broken"))


def test_bucket_that_does_not_exist():
    done = outcrop("create", "nowhere", "--from", "s3://cli-nowhere", "--sync")
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "cli-nowhere" in done.stderr


def test_interrupted_command_leaves_the_job_running(tmp_path):
    for i in range(60):
        (tmp_path / f"{i}.txt").write_text(f"File {i} is about the number {i}. " * 15)
    aws("s3", "mb", "s3://cli-many")
    aws("s3", "cp", "--recursive", "--only-show-errors", str(tmp_path), "s3://cli-many/")
    kb("create", "many", "--from", "s3://cli-many")
    process = subprocess.Popen(
        [os.environ["TESTED_BINARY"], "kb", "sync", "many"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: "IN_PROGRESS" in kb("show", "many") or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "goes on in the server" in stderr
    until(lambda: "COMPLETE" in kb("show", "many"))
    assert kb("docs", "many").count("INDEXED") == 60


def test_folder(tmp_path):
    """A folder of this machine, synced on demand: nothing is uploaded."""
    (tmp_path / "whales.md").write_text("# Whales\n\nWhales breathe air.")
    kb("create", "folder", "--from", str(tmp_path), "--sync")
    uri = (tmp_path / "whales.md").as_uri()
    assert kb("search", "folder", "What do whales breathe?").startswith(f"1. {uri} (")
    assert f"Source: {uri}\n" in kb("ask", "folder", "What do whales breathe?")
    assert tmp_path.as_uri() in kb("show", "folder")

    (tmp_path / "whales.md").unlink()
    (tmp_path / "seals.md").write_text("Seals swim.")
    printed = kb("sync", "folder")
    assert "1 new" in printed
    assert "1 deleted" in printed
    assert "whales.md" not in kb("docs", "folder")


def test_watched_folder(tmp_path):
    """The server itself notices what changes."""
    (tmp_path / "whales.md").write_text("Whales breathe air.")
    kb("create", "watched", "--from", str(tmp_path), "--watch")
    until(lambda: "INDEXED" in kb("docs", "watched"))
    (tmp_path / "seals.md").write_text("Seals swim.")
    until(lambda: kb("docs", "watched").count("INDEXED") == 2)
    (tmp_path / "whales.md").unlink()
    until(lambda: "whales.md" not in kb("docs", "watched"))
    assert len(json.loads(kb("search", "watched", "Who swims?", "--json"))) == 1


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["show", "nothing-of-the-kind"], 1, "there is no knowledge base"),
        (["create", "a", "--from", "/no/such/folder"], 2, "no such file"),
        (["create", "not a name"], 1, "ValidationException"),
        (["search", "readme", "x" * 20001], 1, "ValidationException"),
        (["search", "readme", "x", "--filter", '{"near": {"key": "a", "value": 1}}'], 1, "ValidationException"),
    ],
)
def test_errors(args, code, message, bucket):
    if args[0] == "search" and outcrop("show", "readme").returncode:
        kb("create", "readme")
    done = outcrop(*args)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr


def test_name_taken():
    kb("create", "taken")
    done = outcrop("create", "taken")
    assert done.returncode == 1
    assert "has the name taken already" in done.stderr
    assert "kb add taken s3://bucket/prefix" in done.stderr


def test_without_a_server(tmp_path):
    done = outcrop("list", env={**os.environ, "OUTCROP_DATA": str(tmp_path), "OUTCROP_LISTEN": "127.0.0.1:1"})
    assert done.returncode == 1
    assert "no server answers at http://127.0.0.1:1; start one with:" in done.stderr
