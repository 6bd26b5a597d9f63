"""The program of a Bedrock user over a knowledge base, from the bucket to the cited answer. Only the ID of the
knowledge base is filled in."""

import subprocess
import sys

from conftest import words

PROGRAM = """\
import boto3

client = boto3.client("bedrock-agent-runtime", region_name="us-east-1")

def ask(question, session=None):
    extra = {"sessionId": session} if session else {}
    response = client.retrieve_and_generate(
        input={"text": question},
        retrieveAndGenerateConfiguration={
            "type": "KNOWLEDGE_BASE",
            "knowledgeBaseConfiguration": {
                "knowledgeBaseId": "KNOWLEDGE_BASE_ID",
                "modelArn": "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0",
            },
        },
        **extra,
    )
    print(response["output"]["text"])
    for citation in response["citations"]:
        for reference in citation["retrievedReferences"]:
            print("Source:", reference["location"]["s3Location"]["uri"])
    return response["sessionId"]

session = ask("What is our refund policy?")
assert ask("And how long does shipping take?", session) == session
"""


def test_program_with_the_id_filled_in(handbook):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("KNOWLEDGE_BASE_ID", handbook.id)],
        capture_output=True, text=True, timeout=120, check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    words(lines[0])
    sources = [line for line in lines if line.startswith("Source: ")]
    assert f"Source: s3://{handbook.bucket}/refunds.md" in sources
    assert all(source.startswith(f"Source: s3://{handbook.bucket}/") for source in sources)
