"""CloudWatch's view of what the server did, by the client of today, which speaks CBOR, and by the older protocols.

The tests have a region of their own, for CloudWatch keeps regions apart.
"""

import datetime
import json
import urllib.error
import urllib.request
import uuid

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from conftest import LLAMA

REGION = "eu-west-3"
CALLS = 3


@pytest.fixture(scope="module")
def calls(warm):
    """Some calls of a model, and what their answers said was used."""
    runtime = boto3.client("bedrock-runtime", region_name=REGION)
    used = {"inputTokens": 0, "outputTokens": 0}
    for _ in range(CALLS):
        answer = runtime.converse(
            modelId=LLAMA, messages=[{"role": "user", "content": [{"text": "Hi"}]}], inferenceConfig={"maxTokens": 4}
        )
        for kind in used:
            used[kind] += answer["usage"][kind]
    stream = runtime.converse_stream(
        modelId=LLAMA, messages=[{"role": "user", "content": [{"text": "Hi"}]}], inferenceConfig={"maxTokens": 4}
    )["stream"]
    usage = [event["metadata"]["usage"] for event in stream if "metadata" in event][0]
    for kind in used:
        used[kind] += usage[kind]
    with pytest.raises(ClientError):
        runtime.converse(modelId=LLAMA, messages=[])
    return used


@pytest.fixture(scope="module")
def cloudwatch():
    return boto3.client("cloudwatch", region_name=REGION)


def span():
    """The time around now, in whole hours, so that one period holds everything."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"StartTime": now - datetime.timedelta(minutes=30), "EndTime": now + datetime.timedelta(minutes=30)}


def query(identifier, metric, stat, model=LLAMA):
    dimensions = [{"Name": "ModelId", "Value": model}] if model else []
    return {
        "Id": identifier,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/Bedrock", "MetricName": metric, "Dimensions": dimensions},
            "Period": 3600,
            "Stat": stat,
        },
    }


def values(response):
    assert {result["StatusCode"] for result in response["MetricDataResults"]} <= {"Complete"}
    return {result["Id"]: result["Values"] for result in response["MetricDataResults"]}


def test_get_metric_data(cloudwatch, calls):
    response = cloudwatch.get_metric_data(
        MetricDataQueries=[
            query("calls", "Invocations", "Sum"),
            query("all", "Invocations", "Sum", model=None),
            query("latency", "InvocationLatency", "p90"),
            query("slowest", "InvocationLatency", "Maximum"),
            query("first", "TimeToFirstToken", "SampleCount"),
            query("input", "InputTokenCount", "Sum"),
            query("output", "OutputTokenCount", "Sum"),
            query("errors", "InvocationClientErrors", "Sum"),
            query("throttles", "InvocationThrottles", "Sum"),
            {"Id": "tokens", "Expression": "input + output", "Label": "Tokens"},
        ],
        **span(),
    )
    got = values(response)
    assert got["calls"] == got["all"] == [CALLS + 1]
    assert got["first"] == [1]
    assert got["input"] == [calls["inputTokens"]]
    assert got["output"] == [calls["outputTokens"]]
    assert got["tokens"] == [calls["inputTokens"] + calls["outputTokens"]]
    assert 0 < got["latency"][0] <= got["slowest"][0]
    assert got["errors"] == [1]
    assert got["throttles"] == []
    assert [r["Label"] for r in response["MetricDataResults"] if r["Id"] == "tokens"] == ["Tokens"]
    assert all(isinstance(t, datetime.datetime) for r in response["MetricDataResults"] for t in r["Timestamps"])


def test_search(cloudwatch, calls):
    expression = """SEARCH('{AWS/Bedrock,ModelId} MetricName="Invocations"', 'Sum', 3600)"""
    response = cloudwatch.get_metric_data(MetricDataQueries=[{"Id": "s", "Expression": expression}], **span())
    assert [(r["Label"], r["Values"]) for r in response["MetricDataResults"]] == [(f"{LLAMA} Invocations", [CALLS + 1])]


def test_get_metric_statistics(cloudwatch, calls):
    response = cloudwatch.get_metric_statistics(
        Namespace="AWS/Bedrock", MetricName="Invocations", Dimensions=[{"Name": "ModelId", "Value": LLAMA}],
        Period=3600, Statistics=["Sum", "SampleCount", "Average"], **span(),
    )
    assert response["Label"] == "Invocations"
    [point] = response["Datapoints"]
    assert (point["Sum"], point["SampleCount"], point["Average"], point["Unit"]) == (CALLS + 1, CALLS + 1, 1, "Count")


def test_list_metrics(cloudwatch, calls):
    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace="AWS/Bedrock", Dimensions=[{"Name": "ModelId", "Value": LLAMA}])
    names = {metric["MetricName"] for page in pages for metric in page["Metrics"]}
    assert {"Invocations", "InvocationLatency", "InputTokenCount", "OutputTokenCount", "TimeToFirstToken", "InvocationClientErrors"} <= names


def test_what_is_elsewhere_is_empty(cloudwatch, calls):
    assert cloudwatch.list_metrics(Namespace="AWS/Lambda")["Metrics"] == []
    other = boto3.client("cloudwatch", region_name="ap-south-1")
    assert values(other.get_metric_data(MetricDataQueries=[query("m", "Invocations", "Sum")], **span())) == {"m": []}


def test_errors_are_those_of_cloudwatch(cloudwatch):
    with pytest.raises(cloudwatch.exceptions.InvalidNextToken):
        cloudwatch.get_metric_data(MetricDataQueries=[query("m", "Invocations", "Sum")], NextToken="made up", **span())
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_metric_data(MetricDataQueries=[query("m", "Invocations", "tm99")], **span())
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert "tm99" in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as refused:
        cloudwatch.get_metric_statistics(
            Namespace="AWS/Bedrock", MetricName="Invocations", Period=61, Statistics=["Sum"], **span()
        )
    assert refused.value.response["Error"]["Code"] in ("InvalidParameterValue", "InvalidParameterValueException")
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "m", "Value": 1}])
    assert "PutMetricData" in refused.value.response["Error"]["Message"]


def send(server, headers, body):
    """Signs and sends a request for CloudWatch, and returns status and body."""
    request = AWSRequest("POST", server.http + "/", data=body, headers=headers)
    SigV4Auth(boto3.Session().get_credentials(), "monitoring", REGION).add_auth(request)
    try:
        with urllib.request.urlopen(
            urllib.request.Request(request.url, data=body.encode(), headers=dict(request.headers), method="POST"), timeout=60
        ) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_aws_json(server, calls):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics"}
    status, body = send(server, headers, json.dumps({"Namespace": "AWS/Bedrock", "MetricName": "Invocations"}))
    assert status == 200
    assert {m["MetricName"] for m in json.loads(body)["Metrics"]} == {"Invocations"}
    headers["X-Amz-Target"] = "GraniteServiceVersion20100801.GetMetricStatistics"
    status, body = send(server, headers, json.dumps({"Namespace": "AWS/Bedrock"}))
    assert status == 400
    assert json.loads(body)["__type"]


def test_query(server, calls):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    form = "Action=ListMetrics&Version=2010-08-01&Namespace=AWS%2FBedrock&MetricName=Invocations&Dimensions.member.1.Name=ModelId"
    status, body = send(server, headers, form)
    assert status == 200, body
    assert "<ListMetricsResult>" in body and f"<Value>{LLAMA}</Value>" in body
    status, body = send(server, headers, f"Action=ListMetrics&Version=2010-08-01&NextToken={uuid.uuid4()}")
    assert status == 400
    assert "<Code>InvalidParameterValue</Code>" in body


def test_prometheus(server, calls):
    with urllib.request.urlopen(server.http + "/metrics", timeout=60) as response:
        lines = response.read().decode().splitlines()
    line = [x for x in lines if x.startswith("aws_bedrock_invocations_total{") and REGION in x and LLAMA in x]
    assert [x.rpartition(" ")[2] for x in line] == [str(CALLS + 1)]
    for name in (
        "gen_ai_server_request_duration_seconds_bucket", "gen_ai_client_operation_duration_seconds_bucket", "gen_ai_client_token_usage_bucket",
        "gen_ai_server_time_to_first_token_seconds_bucket", "gen_ai_server_time_per_output_token_seconds_bucket", "outcrop_requests_total",
    ):
        assert any(x.startswith(name + "{") for x in lines), name
