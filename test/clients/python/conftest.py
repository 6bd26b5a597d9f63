"""Fixtures for the boto3 tests.

The tests run against a server that test/launch has started: its address and
the credentials are in the environment, as a user's would be. Nothing here
configures a client in a way that a Bedrock program would not.
"""

import os
import re
import subprocess

import boto3
import pytest
from documents import HANDBOOK
from knowledge import Base, make_bucket

CLAUDE = "anthropic.claude-3-5-sonnet-20241022-v2:0"
LLAMA = "meta.llama3-1-70b-instruct-v1:0"
TITAN_EMBED = "amazon.titan-embed-text-v2:0"


class Server:
    """The server under test, as far as a client's machine can see it."""

    def __init__(self):
        self.address = os.environ["TESTED_ADDRESS"]
        self.binary = os.environ["TESTED_BINARY"]
        self.pid = int(os.environ["TESTED_PID"])
        self.http = f"http://{self.address}"
        self.https = f"https://{self.address}"

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])

    def outcrop(self, *args):
        """Run the outcrop command, which the environment points at this server, and return what it printed."""
        done = subprocess.run([self.binary, *args], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"outcrop {' '.join(args)}: {done.stderr}"
        return done.stdout

    def runners(self):
        """The process ids of the model runners, which are children of the server."""
        listing = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        found = []
        for line in listing.splitlines():
            pid, parent, args = line.split(None, 2)
            if int(parent) == self.pid and " runner" in args:
                found.append(int(pid))
        return found


@pytest.fixture(scope="session")
def server():
    return Server()


@pytest.fixture(scope="session")
def runtime():
    return boto3.client("bedrock-runtime")


@pytest.fixture(scope="session")
def bedrock():
    return boto3.client("bedrock")


@pytest.fixture(scope="session")
def warm(runtime):
    """Both default models are loaded, so that a test can look at the clock."""
    runtime.converse(
        modelId=CLAUDE,
        messages=[{"role": "user", "content": [{"text": "Hi"}]}],
        inferenceConfig={"maxTokens": 1},
    )
    runtime.invoke_model(modelId=TITAN_EMBED, body='{"inputText": "Hi"}')


@pytest.fixture(scope="session")
def handbook():
    """A knowledge base over a bucket with one file of each kind, which no test changes."""
    base = Base()
    base.bucket = make_bucket(HANDBOOK)
    base.source = base.add(base.bucket)
    base.first = base.sync(base.source)
    return base


def user(text):
    """One user message in Converse's form."""
    return [{"role": "user", "content": [{"text": text}]}]


def words(text):
    """The text, after checking that a model plausibly wrote it."""
    assert isinstance(text, str)
    assert re.search(r"[^\W\d_]{2}", text), f"no words in {text!r}"
    return text
