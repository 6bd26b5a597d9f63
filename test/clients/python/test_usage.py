"""The bill, as boto3 causes and reads it."""

import datetime
import json
import time

import boto3
import pytest
from conftest import CLAUDE

MESSAGES = [{"role": "user", "content": [{"text": "Tell a long story about a river."}]}]


def records(server, team):
    rows = json.loads(server.outcrop("usage", "--since", "1d", "--by", "tag:team,outcome", "--format", "json"))
    return {row["group"]["outcome"]: row for row in rows if row["group"]["tag:team"] == team}


def test_a_stream_that_is_read_and_one_that_is_not(server, runtime):
    def ask(most):
        return runtime.converse_stream(
            modelId=CLAUDE, messages=MESSAGES, inferenceConfig={"maxTokens": most}, requestMetadata={"team": "streams"}
        )["stream"]

    usage = [event["metadata"]["usage"] for event in ask(12) if "metadata" in event]
    assert len(usage) == 1
    # Known before the client was: there is nothing to wait for.
    read = records(server, "streams")
    # Right after the last event its end may not be written down yet.
    whole = read.get("ok") or read[""]
    assert (whole["calls"], whole["inputTokens"], whole["outputTokens"]) == (1, usage[0]["inputTokens"], usage[0]["outputTokens"])

    left = ask(4000)
    for event in left:
        if "contentBlockDelta" in event:
            break
    left.close()
    deadline = time.monotonic() + 60
    while "Canceled" not in (read := records(server, "streams")):
        assert time.monotonic() < deadline, read
        time.sleep(0.1)
    assert read["Canceled"]["calls"] == 1
    assert read["Canceled"]["inputTokens"] == usage[0]["inputTokens"]


def test_cost_explorer_errors_are_its_own():
    ce = boto3.client("ce")
    today = datetime.datetime.now(datetime.UTC).date()
    ask = {
        "TimePeriod": {"Start": str(today), "End": str(today + datetime.timedelta(days=1))},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
    }
    assert ce.get_cost_and_usage(**ask)["ResultsByTime"][0]["Total"]["UnblendedCost"]["Unit"] == "USD"
    with pytest.raises(ce.exceptions.InvalidNextTokenException):
        ce.get_cost_and_usage(**ask, NextPageToken="nonsense")
    with pytest.raises(ce.exceptions.ClientError, match="ValidationException.*Dimension AZ"):
        ce.get_cost_and_usage(**ask, GroupBy=[{"Type": "DIMENSION", "Key": "AZ"}])
