"""CloudWatch's numbers through the AWS CLI, as typed in a shell."""

import datetime
import json
import os
import subprocess

REGION = "eu-north-1"  # which no other test uses
MODEL = "meta.llama3-1-70b-instruct-v1:0"


def aws(*args):
    done = subprocess.run(
        ["aws", "--region", REGION, "--output", "json", *args], capture_output=True, text=True, timeout=180, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_metrics_of_a_call():
    messages = json.dumps([{"role": "user", "content": [{"text": "Hi"}]}])
    usage = aws(
        "bedrock-runtime", "converse", "--model-id", MODEL, "--messages", messages, "--inference-config", '{"maxTokens": 3}'
    )["usage"]
    listed = aws("cloudwatch", "list-metrics", "--namespace", "AWS/Bedrock", "--dimensions", f"Name=ModelId,Value={MODEL}")
    assert {"Invocations", "InvocationLatency", "OutputTokenCount"} <= {m["MetricName"] for m in listed["Metrics"]}
    now = datetime.datetime.now(datetime.timezone.utc)
    points = aws(
        "cloudwatch", "get-metric-statistics", "--namespace", "AWS/Bedrock", "--metric-name", "OutputTokenCount",
        "--dimensions", f"Name=ModelId,Value={MODEL}", "--statistics", "Sum", "--period", "3600",
        "--start-time", (now - datetime.timedelta(minutes=30)).isoformat(), "--end-time", (now + datetime.timedelta(minutes=30)).isoformat(),
    )["Datapoints"]
    assert [p["Sum"] for p in points] == [usage["outputTokens"]]
