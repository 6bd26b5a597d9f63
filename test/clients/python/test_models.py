"""The control plane's view of models, and who is calling."""

import boto3
import pytest
from conftest import CLAUDE, LLAMA, TITAN_EMBED


def ids(response):
    return {model["modelId"] for model in response["modelSummaries"]}


def test_list(bedrock):
    listed = ids(bedrock.list_foundation_models())
    assert {CLAUDE, LLAMA, TITAN_EMBED} <= listed


@pytest.mark.parametrize(
    ("filters", "check"),
    [
        pytest.param({"byProvider": "Anthropic"}, lambda m: m["providerName"] == "Anthropic", id="provider"),
        pytest.param({"byOutputModality": "EMBEDDING"}, lambda m: "EMBEDDING" in m["outputModalities"], id="output"),
        pytest.param({"byInferenceType": "ON_DEMAND"}, lambda m: "ON_DEMAND" in m["inferenceTypesSupported"], id="inference type"),
        pytest.param({"byCustomizationType": "FINE_TUNING"}, lambda m: "FINE_TUNING" in m["customizationsSupported"], id="customization"),
        pytest.param(
            {"byProvider": "Amazon", "byOutputModality": "TEXT"},
            lambda m: m["providerName"] == "Amazon" and "TEXT" in m["outputModalities"],
            id="two filters",
        ),
    ],
)
def test_filters(bedrock, filters, check):
    everything = bedrock.list_foundation_models()["modelSummaries"]
    filtered = bedrock.list_foundation_models(**filters)["modelSummaries"]
    assert 0 < len(filtered) < len(everything)
    assert all(check(model) for model in filtered)
    assert len(filtered) == sum(1 for model in everything if check(model))


@pytest.mark.parametrize("identifier", [CLAUDE, f"arn:aws:bedrock:us-east-1::foundation-model/{CLAUDE}"], ids=["ID", "ARN"])
def test_get(bedrock, identifier):
    details = bedrock.get_foundation_model(modelIdentifier=identifier)["modelDetails"]
    assert details["modelId"] == CLAUDE
    assert details["modelArn"] == f"arn:aws:bedrock:us-east-1::foundation-model/{CLAUDE}"
    assert details["providerName"] == "Anthropic"
    assert details["responseStreamingSupported"] is True
    assert "TEXT" in details["outputModalities"]


def test_get_of_a_model_that_does_not_exist(bedrock):
    with pytest.raises((bedrock.exceptions.ResourceNotFoundException, bedrock.exceptions.ValidationException)):
        bedrock.get_foundation_model(modelIdentifier="anthropic.claude-3-5-sonnet-v2")


def test_arns_name_the_region_that_was_asked():
    west = boto3.client("bedrock", region_name="us-west-2")
    details = west.get_foundation_model(modelIdentifier=LLAMA)["modelDetails"]
    assert details["modelArn"] == f"arn:aws:bedrock:us-west-2::foundation-model/{LLAMA}"


def test_inference_profiles_page_by_page(bedrock):
    pages = list(bedrock.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 10}))
    assert len(pages) > 1
    assert all(len(page["inferenceProfileSummaries"]) <= 10 for page in pages)
    listed = [profile["inferenceProfileId"] for page in pages for profile in page["inferenceProfileSummaries"]]
    assert len(listed) == len(set(listed))
    assert f"us.{CLAUDE}" in listed


def test_get_inference_profile(bedrock):
    profile = bedrock.get_inference_profile(inferenceProfileIdentifier=f"us.{CLAUDE}")
    assert profile["inferenceProfileId"] == f"us.{CLAUDE}"
    assert profile["inferenceProfileArn"] == f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.{CLAUDE}"
    assert profile["type"] == "SYSTEM_DEFINED"
    assert profile["status"] == "ACTIVE"
    assert any(model["modelArn"].endswith(f"::foundation-model/{CLAUDE}") for model in profile["models"])


def test_caller_identity():
    identity = boto3.client("sts").get_caller_identity()
    assert identity["Account"] == "000000000000"
    assert identity["Arn"] == "arn:aws:iam::000000000000:root"
    assert identity["UserId"]


def test_an_operation_that_is_not_built_says_so():
    agents = boto3.client("bedrock-agent")
    with pytest.raises(agents.exceptions.ClientError) as caught:
        agents.create_agent(agentName="surveyor")
    error = caught.value.response
    assert "CreateAgent" in error["Error"]["Message"]
    assert 400 <= error["ResponseMetadata"]["HTTPStatusCode"] < 500
    assert isinstance(caught.value, getattr(agents.exceptions, error["Error"]["Code"])), "an exception of the model"
