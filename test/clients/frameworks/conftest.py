"""Fixtures for the tests of agent frameworks.

The tests run against a server that test/launch has started with rules.yaml:
its address and the credentials are in the environment, as a user's would be.
Nothing here configures a framework in a way that a Bedrock program would not.
Two do not know AWS_ENDPOINT_URL and have variables of their own for the address.
"""

import json
import os
import urllib.request

import pytest

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-pro-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"

os.environ["ANTHROPIC_BEDROCK_BASE_URL"] = os.environ["AWS_ENDPOINT_URL"]
os.environ["AWS_BEDROCK_RUNTIME_ENDPOINT"] = os.environ["AWS_ENDPOINT_URL"]  # of LiteLLM
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would ask the internet for prices


class Script:
    """What the server was asked and answered since the test began."""

    def __init__(self):
        self.base = f"http://{os.environ['TESTED_ADDRESS']}/outcrop/script"
        self.begin = self._get("/")["calls"]

    def _get(self, path):
        with urllib.request.urlopen(self.base + path, timeout=30) as response:
            return json.load(response)

    def calls(self, kind="generate"):
        """The calls of a kind, the oldest first."""
        page = self._get(f"/calls?after={self.begin}&limit=1000")
        assert page["dropped"] == 0
        return [call for call in page["calls"] if call["kind"] == kind]

    def rules(self):
        """The names of the rules that answered."""
        return [call["rule"] for call in self.calls()]

    def reset(self):
        """Go back to the rules of the file, and count anew."""
        request = urllib.request.Request(self.base + "/rules", method="DELETE")
        urllib.request.urlopen(request, timeout=30).close()


@pytest.fixture
def script():
    script = Script()
    script.reset()
    return script


def parts(message, kind):
    """The parts of a message of a recorded request that are of a kind."""
    return [part for part in message["content"] if part["type"] == kind]


def check_loop(script, result="sunny"):
    """The server saw a whole tool loop: the tool on offer, and its result."""
    first, second = script.calls()
    assert (first["rule"], second["rule"]) == ("weather, the call", "weather, the answer")
    (tool,) = first["request"]["tools"]
    assert tool["name"] == "get_weather"
    assert "city" in tool["schema"]["properties"]
    answer, results = second["request"]["messages"][-2:]
    (use,) = parts(answer, "toolUse")
    assert use["input"] == {"city": "Lisbon"}
    (told,) = parts(results, "toolResult")
    assert told["id"] == use["id"]
    assert result in json.dumps(told["content"])
