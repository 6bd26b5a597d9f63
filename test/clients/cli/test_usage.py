"""What it cost: outcrop usage, aws ce, and budgets."""

import csv
import datetime
import io
import json
import os
import subprocess
import time
import urllib.request

import pytest
from test_cli import aws, output

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"


def outcrop(*args):
    done = subprocess.run(
        [os.environ["TESTED_BINARY"], *args], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def converse(*args, model=HAIKU, env=None):
    return aws(
        "bedrock-runtime", "converse", "--model-id", model,
        "--messages", '[{"role":"user","content":[{"text":"Name a river."}]}]',
        "--inference-config", '{"maxTokens":8}', *args, env=env,
    )  # fmt: skip


def used(team):
    """Makes two calls for a team and returns the sum of their usage."""
    sums = {"inputTokens": 0, "outputTokens": 0}
    for _ in range(2):
        done = converse("--request-metadata", f"team={team}")
        assert done.returncode == 0, done.stderr
        usage = json.loads(done.stdout)["usage"]
        for key in sums:
            sums[key] += usage[key]
    return sums


def dollars(usage):
    # The catalog's price of the model: 0.25 and 1.25 dollars a million.
    return usage["inputTokens"] * 0.25e-6 + usage["outputTokens"] * 1.25e-6


def bill(*args):
    return json.loads(outcrop("usage", "--since", "1d", "--format", "json", *args))


def test_usage_is_the_sum_of_the_answers():
    sums = used("sum")
    rows = [row for row in bill("--by", "tag:team,model,operation") if row["group"]["tag:team"] == "sum"]
    assert len(rows) == 1
    row = rows[0]
    assert row["group"] == {"tag:team": "sum", "model": HAIKU, "operation": "Converse"}
    assert row["calls"] == 2 and row["failed"] == 0
    assert row["inputTokens"] == sums["inputTokens"] and row["outputTokens"] == sums["outputTokens"]
    assert float(row["costUSD"]) == pytest.approx(dollars(sums), rel=1e-9)

    table = list(csv.DictReader(io.StringIO(outcrop("usage", "--by", "tag:team", "--format", "csv"))))
    assert [line["input_tokens"] for line in table if line["tag:team"] == "sum"] == [str(sums["inputTokens"])]
    assert "TAG:TEAM" in outcrop("usage", "--by", "tag:team")
    assert bill("--model", "nothing.*") == []


def test_cost_explorer():
    sums = used("explorer")
    today = datetime.datetime.now(datetime.UTC).date()
    only = json.dumps({"Tags": {"Key": "team", "Values": ["explorer"]}})
    period = f"Start={today},End={today + datetime.timedelta(days=2)}"
    answer = json.loads(
        output(
            "ce", "get-cost-and-usage", "--time-period", period, "--granularity", "DAILY",
            "--metrics", "UnblendedCost", "UsageQuantity", "--filter", only,
            "--group-by", "Type=DIMENSION,Key=SERVICE", "Type=DIMENSION,Key=USAGE_TYPE",
        )
    )  # fmt: skip
    groups = {tuple(group["Keys"]): group["Metrics"] for day in answer["ResultsByTime"] for group in day["Groups"]}
    assert groups[("Amazon Bedrock", f"USE1-{HAIKU}-input-tokens")]["UsageQuantity"]["Amount"] == str(sums["inputTokens"])
    assert groups[("Amazon Bedrock", f"USE1-{HAIKU}-output-tokens")]["UsageQuantity"]["Amount"] == str(sums["outputTokens"])
    total = sum(float(metrics["UnblendedCost"]["Amount"]) for metrics in groups.values())
    assert total == pytest.approx(dollars(sums), rel=1e-9)

    regions = json.loads(output("ce", "get-dimension-values", "--time-period", period, "--dimension", "REGION"))
    assert "us-east-1" in [value["Value"] for value in regions["DimensionValues"]]
    tags = json.loads(output("ce", "get-tags", "--time-period", period, "--tag-key", "team"))
    assert "explorer" in tags["Tags"]

    done = aws(
        "ce", "get-cost-and-usage", "--time-period", f"Start={today},End={today}", "--granularity", "DAILY",
        "--metrics", "UnblendedCost",
    )  # fmt: skip
    assert done.returncode != 0
    assert "(ValidationException)" in done.stderr and "should be before end date" in done.stderr


def test_a_spent_budget_refuses_calls():
    created = outcrop("keys", "create", "--user", "spender")
    keys = dict(line.split("=", 1) for line in created.splitlines() if line.startswith("AWS_"))
    outcrop("budget", "set", "spender", "--for", "user/spender", "--limit", "0.000001", "--period", "day")
    try:
        deadline = time.monotonic() + 30
        while (done := converse(env=keys)).returncode == 0:
            assert time.monotonic() < deadline, "the budget was never in force"
        assert "(AccessDeniedException)" in done.stderr
        assert "The budget spender is spent" in done.stderr
        assert converse().returncode == 0, "root has no budget"
        listed = outcrop("budget", "list")
        assert "user/spender" in listed and "refuse" in listed
        with urllib.request.urlopen(f"http://{os.environ['TESTED_ADDRESS']}/metrics", timeout=30) as page:
            metrics = page.read().decode()
        assert 'outcrop_budget_spent_dollars{account="000000000000",budget="spender"}' in metrics
    finally:
        outcrop("budget", "rm", "spender")
    failed = [row for row in bill("--principal", "user/spender", "--by", "outcome") if row["failed"]]
    assert [row["group"]["outcome"] for row in failed] == ["AccessDeniedException"]
    assert failed[0]["costUSD"] == "0"


def test_bad_flags_are_refused():
    for args in (["--since", "yesterday"], ["--by", "colour"], ["--format", "xml"], ["--since", "1h", "--until", "2h"]):
        done = subprocess.run([os.environ["TESTED_BINARY"], "usage", *args], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2, args
