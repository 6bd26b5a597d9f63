"""Quotas and provisioned throughput: with the AWS CLI, boto3 and the outcrop command.

The quotas are those of a region that no other test calls models in.
"""

import json
import os
import subprocess
import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "sa-east-1"
MODEL = "mistral.mistral-7b-instruct-v0:2"
RESERVED = "meta.llama3-70b-instruct-v1:0"


def output(*args):
    done = subprocess.run(args, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{' '.join(args)}: {done.stderr}"
    return done.stdout


def aws(*args):
    printed = output("aws", *args, "--region", REGION, "--output", "json")
    return json.loads(printed) if printed.strip() else None


def outcrop(*args):
    return output(os.environ["TESTED_BINARY"], "quota", *args)


def set_quota(*args):
    return outcrop("set", *args, "--region", REGION)


def until(attempt, seconds=10):
    """Asks until the attempt gives something that is true; the event is never set and only spaces the tries."""
    never = threading.Event()
    for _ in range(seconds * 10):
        if result := attempt():
            return result
        never.wait(0.1)
    raise AssertionError(f"not after {seconds} seconds")


def client(service, attempts=1):
    return boto3.client(service, region_name=REGION, config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}))


@pytest.fixture(scope="module")
def runtime():
    return client("bedrock-runtime")


def ask(runtime, model=MODEL, tokens=2, **more):
    return runtime.converse(
        modelId=model, messages=[{"role": "user", "content": [{"text": "Hello"}]}], inferenceConfig={"maxTokens": tokens} | more
    )


def refusal(call):
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def holds(code, value):
    """Waits until the server knows what a command set beside it."""
    quota = ["service-quotas", "get-service-quota", "--service-code", "bedrock", "--quota-code", code]
    return until(lambda: aws(*quota)["Quota"]["Value"] == value)


THROTTLED = (429, "ThrottlingException", "Too many requests, please wait before trying again.")


def test_a_quota_throttles_the_fourth_request_and_an_increase_lifts_it(runtime):
    code = set_quota(MODEL, "requests-per-minute", "3").split()[0]
    holds(code, 3)
    quota = aws("service-quotas", "get-service-quota", "--service-code", "bedrock", "--quota-code", code)["Quota"]
    assert quota["QuotaName"].startswith("On-demand model inference requests per minute for Mistral")
    assert quota["UsageMetric"]["MetricNamespace"] == "AWS/Bedrock" and quota["Adjustable"]
    for _ in range(3):
        assert ask(runtime)["usage"]["outputTokens"] > 0
    assert refusal(lambda: ask(runtime)) == THROTTLED
    for call in (
        lambda: runtime.converse_stream(modelId=MODEL, messages=[{"role": "user", "content": [{"text": "Hi"}]}]),
        lambda: runtime.invoke_model(modelId=MODEL, body='{"prompt": "<s>[INST] Hi [/INST]"}'),
    ):
        assert refusal(call) == THROTTLED
    # An SDK takes it for what it is, and tries again.
    with pytest.raises(ClientError) as caught:
        ask(client("bedrock-runtime", attempts=2))
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 1
    # Other quotas have room: of another model, and in another region.
    ask(runtime, model=RESERVED)
    ask(boto3.client("bedrock-runtime", region_name="us-east-1"))

    increase = ["service-quotas", "request-service-quota-increase", "--service-code", "bedrock", "--quota-code", code]
    quotas = client("service-quotas")
    assert refusal(lambda: quotas.request_service_quota_increase(ServiceCode="bedrock", QuotaCode=code, DesiredValue=3)) == (
        400, "IllegalArgumentException", "You must provide a quota value greater than the current quota value",
    )  # fmt: skip
    asked = aws(*increase, "--desired-value", "1000")["RequestedQuota"]
    assert asked["Status"] == "PENDING" and asked["DesiredValue"] == 1000
    assert refusal(lambda: quotas.request_service_quota_increase(ServiceCode="bedrock", QuotaCode=code, DesiredValue=99))[1] == (
        "ResourceAlreadyExistsException"
    )
    assert refusal(lambda: ask(runtime)) == THROTTLED
    assert asked["Id"] in outcrop("requests")
    outcrop("approve", asked["Id"])
    holds(code, 1000)
    ask(runtime)
    seen = aws("service-quotas", "get-requested-service-quota-change", "--request-id", asked["Id"])["RequestedQuota"]
    assert seen["Status"] == "APPROVED"
    history = aws("service-quotas", "list-requested-service-quota-change-history-by-quota", "--service-code", "bedrock", "--quota-code", code)
    assert [r["Id"] for r in history["RequestedQuotas"]] == [asked["Id"]]


def test_tokens_are_reserved_before_and_settled_after(runtime):
    code = set_quota(MODEL, "tokens-per-minute", "300").split()[0]
    holds(code, 300)
    try:
        too_many = (429, "ThrottlingException", "Too many tokens, please wait before trying again.")
        assert refusal(lambda: ask(runtime, tokens=300)) == too_many
        for _ in range(3):  # each reserves most of it and uses a tenth, as it stops at once
            assert ask(runtime, tokens=200, stopSequences=list("aeiou "))["usage"]["totalTokens"] < 50
    finally:
        set_quota(code, "default")


def test_zero_refuses_everything(runtime):
    for metric, want in {
        "requests-per-minute": THROTTLED,
        "tokens-per-day": (429, "ThrottlingException", "Too many tokens per day, please wait before trying again."),
        "concurrency": (503, "ServiceUnavailableException", "Too many connections, please wait before trying again."),
    }.items():
        code = set_quota(MODEL, metric, "0").split()[0]
        holds(code, 0)
        assert refusal(lambda: ask(runtime)) == want
        set_quota(code, "default")
        holds(code, 9007199254740991)
    ask(runtime)


def test_lists_and_errors():
    quotas = client("service-quotas")
    assert [s["ServiceCode"] for s in aws("service-quotas", "list-services")["Services"]] == ["bedrock"]
    pages = [page["Quotas"] for page in quotas.get_paginator("list_service_quotas").paginate(ServiceCode="bedrock", PaginationConfig={"PageSize": 100})]
    every = {q["QuotaCode"]: q for page in pages for q in page}
    assert len(pages) > 3 and len(every) == sum(map(len, pages))
    defaults = quotas.get_paginator("list_aws_default_service_quotas").paginate(ServiceCode="bedrock")
    assert {q["QuotaCode"] for page in defaults for q in page["Quotas"]} == set(every)
    assert every["L-254CACF4"]["QuotaName"] == "On-demand model inference requests per minute for Anthropic Claude 3.5 Sonnet"
    default = quotas.get_aws_default_service_quota(ServiceCode="bedrock", QuotaCode="L-254CACF4")["Quota"]
    assert default["Value"] == 9007199254740991
    for call, code in (
        (lambda: quotas.list_service_quotas(ServiceCode="ec2"), "NoSuchResourceException"),
        (lambda: quotas.get_service_quota(ServiceCode="bedrock", QuotaCode="L-00000000"), "NoSuchResourceException"),
        (lambda: quotas.list_service_quotas(ServiceCode="bedrock", NextToken="x"), "InvalidPaginationTokenException"),
        (lambda: quotas.get_requested_service_quota_change(RequestId="0" * 40), "NoSuchResourceException"),
        (quotas.get_association_for_service_quota_template, "NoAvailableOrganizationException"),
    ):
        assert refusal(call)[:2] == (400, code)
    arn = every["L-254CACF4"]["QuotaArn"]
    quotas.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "a"}, {"Key": "x", "Value": "y"}])
    quotas.untag_resource(ResourceARN=arn, TagKeys=["x"])
    assert quotas.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "a"}]


def test_provisioned_throughput(runtime):
    bedrock = client("bedrock")
    wanted = {"modelId": RESERVED, "modelUnits": 1, "provisionedModelName": "cli-quotas"}
    arn = bedrock.create_provisioned_model_throughput(**wanted, tags=[{"key": "team", "value": "a"}])["provisionedModelArn"]
    seen = until(lambda: (t := bedrock.get_provisioned_model_throughput(provisionedModelId=arn))["status"] == "InService" and t)
    assert seen["modelUnits"] == 1 and seen["foundationModelArn"].endswith(RESERVED)
    code = set_quota(RESERVED, "requests-per-minute", "0").split()[0]
    try:
        holds(code, 0)
        assert refusal(lambda: ask(runtime, model=RESERVED)) == THROTTLED
        for name in (arn, "cli-quotas"):  # on-demand quotas are none of its business
            assert ask(runtime, model=name)["usage"]["outputTokens"] > 0
        body = runtime.invoke_model(modelId=arn, body='{"prompt": "Hi", "max_gen_len": 2}')["body"].read()
        assert json.loads(body)["generation_token_count"] > 0
        assert refusal(lambda: bedrock.create_provisioned_model_throughput(**wanted))[1] == "ValidationException"
        more = wanted | {"provisionedModelName": "cli-too-many", "modelUnits": 64}
        assert refusal(lambda: bedrock.create_provisioned_model_throughput(**more))[1] == "ServiceQuotaExceededException"
        listed = aws("bedrock", "list-provisioned-model-throughputs", "--name-contains", "cli-")["provisionedModelSummaries"]
        assert [t["provisionedModelArn"] for t in listed] == [arn]
        aws("bedrock", "update-provisioned-model-throughput", "--provisioned-model-id", arn, "--desired-provisioned-model-name", "cli-renamed")
        ask(runtime, model="cli-renamed")
        bedrock.untag_resource(resourceARN=arn, tagKeys=["team"])
        assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == []
    finally:
        set_quota(code, "default")
        bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    assert refusal(lambda: ask(runtime, model=arn))[1] == "ResourceNotFoundException"
    assert refusal(lambda: bedrock.get_provisioned_model_throughput(provisionedModelId=arn))[1] == "ResourceNotFoundException"


def test_what_knowledge_bases_and_embeddings_ask_of_models_counts(runtime):
    titan, ranker = "amazon.titan-embed-text-v2:0", "amazon.rerank-v1:0"
    arn = f"arn:aws:bedrock:{REGION}::foundation-model/"
    agent, search = client("bedrock-agent"), client("bedrock-agent-runtime")
    base = agent.create_knowledge_base(
        name="cli-quotas", roleArn="arn:aws:iam::000000000000:role/kb",
        knowledgeBaseConfiguration={"type": "VECTOR", "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": arn + titan}},
    )["knowledgeBase"]["knowledgeBaseId"]  # fmt: skip

    def embed():
        runtime.invoke_model(modelId=titan, body='{"inputText": "Hello"}')["body"].read()

    def retrieve():
        search.retrieve(knowledgeBaseId=base, retrievalQuery={"text": "Hello"})

    def rerank():
        search.rerank(
            queries=[{"type": "TEXT", "textQuery": {"text": "Hello"}}],
            sources=[{"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": "Hi"}}}],
            rerankingConfiguration={
                "type": "BEDROCK_RERANKING_MODEL", "bedrockRerankingConfiguration": {"modelConfiguration": {"modelArn": arn + ranker}},
            },
        )  # fmt: skip

    try:
        for model, calls in {titan: (embed, retrieve), ranker: (rerank,)}.items():
            for metric in ("requests-per-minute", "tokens-per-minute"):
                for call in calls:
                    call()
                code = set_quota(model, metric, "0").split()[0]
                holds(code, 0)
                for call in calls:
                    assert refusal(call)[:2] == (429, "ThrottlingException")
                set_quota(code, "default")
                holds(code, 9007199254740991)
    finally:
        agent.delete_knowledge_base(knowledgeBaseId=base)
