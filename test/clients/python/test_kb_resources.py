"""Knowledge bases and data sources as resources: names, tokens, tags, limits, and their end."""

import boto3
import pytest
from knowledge import ROLE, TITAN_ARN, Base, make_bucket, message_of, status_of, unique, until


@pytest.fixture(scope="module")
def agent():
    return boto3.client("bedrock-agent")


def create(agent, name=None, model=TITAN_ARN, configuration=None, **more):
    return agent.create_knowledge_base(
        name=name or unique("kb"),
        roleArn=ROLE,
        knowledgeBaseConfiguration={
            "type": "VECTOR",
            "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": model, **(configuration or {})},
        },
        **more,
    )["knowledgeBase"]


def test_life_of_a_base(agent):
    name = unique("life")
    made = create(agent, name, description="What it is about")
    assert made["status"] in ("CREATING", "ACTIVE")
    shown = agent.get_knowledge_base(knowledgeBaseId=made["knowledgeBaseId"])["knowledgeBase"]
    assert shown["name"] == name
    assert shown["description"] == "What it is about"
    assert shown["roleArn"] == ROLE
    assert shown["knowledgeBaseArn"] == f"arn:aws:bedrock:us-east-1:000000000000:knowledge-base/{made['knowledgeBaseId']}"
    assert shown["knowledgeBaseConfiguration"]["vectorKnowledgeBaseConfiguration"]["embeddingModelArn"] == TITAN_ARN
    assert len(made["knowledgeBaseId"]) == 10

    agent.update_knowledge_base(
        knowledgeBaseId=made["knowledgeBaseId"], name=name + "-2", roleArn=ROLE, knowledgeBaseConfiguration=shown["knowledgeBaseConfiguration"]
    )
    assert agent.get_knowledge_base(knowledgeBaseId=made["knowledgeBaseId"])["knowledgeBase"]["name"] == name + "-2"

    assert agent.delete_knowledge_base(knowledgeBaseId=made["knowledgeBaseId"])["status"] == "DELETING"

    def gone():
        try:
            agent.get_knowledge_base(knowledgeBaseId=made["knowledgeBaseId"])
        except agent.exceptions.ResourceNotFoundException:
            return True
        return False

    until(gone)
    runtime = boto3.client("bedrock-agent-runtime")
    with pytest.raises(runtime.exceptions.ResourceNotFoundException):
        runtime.retrieve(knowledgeBaseId=made["knowledgeBaseId"], retrievalQuery={"text": "Hi"})
    create(agent, name + "-2")  # the name is free again


def test_name_taken(agent):
    name = unique("taken")
    create(agent, name)
    with pytest.raises(agent.exceptions.ConflictException) as caught:
        create(agent, name)
    assert status_of(caught) == 409
    assert message_of(caught) == f"KnowledgeBase with name {name} already exists."


def test_token_makes_creation_repeatable(agent):
    name, token = unique("token"), "t" * 36
    first = create(agent, name, clientToken=token + name)
    assert create(agent, name, clientToken=token + name)["knowledgeBaseId"] == first["knowledgeBaseId"]
    # A token that was seen is answered as before, whatever else is in the request.
    assert create(agent, unique("token"), clientToken=token + name)["name"] == name


def test_lists_have_pages(agent):
    made = {create(agent)["knowledgeBaseId"] for _ in range(3)}
    pages = list(agent.get_paginator("list_knowledge_bases").paginate(PaginationConfig={"PageSize": 2}))
    assert all(len(page["knowledgeBaseSummaries"]) <= 2 for page in pages)
    listed = [summary["knowledgeBaseId"] for page in pages for summary in page["knowledgeBaseSummaries"]]
    assert made <= set(listed)
    assert len(set(listed)) == len(listed)


def test_regions_are_kept_apart(agent):
    made = create(agent)
    elsewhere = boto3.client("bedrock-agent", region_name="us-west-2")
    with pytest.raises(elsewhere.exceptions.ResourceNotFoundException):
        elsewhere.get_knowledge_base(knowledgeBaseId=made["knowledgeBaseId"])


def test_tags(agent):
    arn = create(agent, tags={"team": "support"})["knowledgeBaseArn"]
    assert agent.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "support"}
    agent.tag_resource(resourceArn=arn, tags={"stage": "test"})
    agent.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert agent.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "test"}


RDS = {
    "type": "RDS",
    "rdsConfiguration": {
        "resourceArn": "arn:aws:rds:us-east-1:000000000000:cluster:vectors",
        "credentialsSecretArn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:vectors",
        "databaseName": "vectors",
        "tableName": "chunks",
        "fieldMapping": {"primaryKeyField": "id", "vectorField": "embedding", "textField": "chunks", "metadataField": "metadata"},
    },
}


def test_storage_that_is_not_built(agent):
    with pytest.raises(agent.exceptions.ValidationException) as caught:
        create(agent, storageConfiguration=RDS)
    assert "RDS" in message_of(caught)


def test_model_that_does_not_exist(agent):
    with pytest.raises(agent.exceptions.ClientError) as caught:
        create(agent, model="arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-nothing-v9")
    assert status_of(caught) in (400, 404)


def test_model_that_makes_no_vectors(agent):
    with pytest.raises(agent.exceptions.ValidationException):
        create(agent, model="arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0")


@pytest.mark.parametrize("dimensions", [256, 512])
def test_dimensions(agent, dimensions):
    base = Base(embeddingModelConfiguration={"bedrockEmbeddingModelConfiguration": {"dimensions": dimensions, "embeddingDataType": "FLOAT32"}})
    base.sync(base.add(make_bucket({"a.txt": b"Anteaters eat ants.", "b.txt": b"Bread is baked from flour."})))
    assert base.retrieve("What do anteaters eat?")[0]["content"]["text"] == "Anteaters eat ants."
    shown = agent.get_knowledge_base(knowledgeBaseId=base.id)["knowledgeBase"]["knowledgeBaseConfiguration"]
    assert shown["vectorKnowledgeBaseConfiguration"]["embeddingModelConfiguration"]["bedrockEmbeddingModelConfiguration"]["dimensions"] == dimensions


def test_dimensions_that_the_model_does_not_have(agent):
    with pytest.raises(agent.exceptions.ValidationException):
        create(agent, configuration={"embeddingModelConfiguration": {"bedrockEmbeddingModelConfiguration": {"dimensions": 300}}})


def test_unknown_base(agent):
    with pytest.raises(agent.exceptions.ResourceNotFoundException) as caught:
        agent.get_knowledge_base(knowledgeBaseId="AAAAAAAAAA")
    assert "AAAAAAAAAA" in message_of(caught)
    with pytest.raises(agent.exceptions.ResourceNotFoundException):
        agent.delete_knowledge_base(knowledgeBaseId="AAAAAAAAAA")


def test_data_sources(agent):
    base = Base()
    bucket = make_bucket({})
    source = base.add(bucket, prefix="a/", description="Some of it")
    shown = agent.get_data_source(knowledgeBaseId=base.id, dataSourceId=source)["dataSource"]
    assert shown["status"] == "AVAILABLE"
    assert shown["description"] == "Some of it"
    assert shown["dataDeletionPolicy"] == "DELETE"
    assert shown["dataSourceConfiguration"] == {"type": "S3", "s3Configuration": {"bucketArn": f"arn:aws:s3:::{bucket}", "inclusionPrefixes": ["a/"]}}
    with pytest.raises(agent.exceptions.ConflictException):
        agent.create_data_source(knowledgeBaseId=base.id, name=shown["name"], dataSourceConfiguration=shown["dataSourceConfiguration"])
    assert [summary["dataSourceId"] for summary in agent.list_data_sources(knowledgeBaseId=base.id)["dataSourceSummaries"]] == [source]


def test_chunking_cannot_be_changed(agent):
    base = Base()
    bucket = make_bucket({})
    source = base.add(bucket, chunking={"chunkingStrategy": "NONE"})
    shown = agent.get_data_source(knowledgeBaseId=base.id, dataSourceId=source)["dataSource"]
    with pytest.raises(agent.exceptions.ValidationException):
        agent.update_data_source(
            knowledgeBaseId=base.id, dataSourceId=source, name=shown["name"], dataSourceConfiguration=shown["dataSourceConfiguration"],
            vectorIngestionConfiguration={
                "chunkingConfiguration": {"chunkingStrategy": "FIXED_SIZE", "fixedSizeChunkingConfiguration": {"maxTokens": 100, "overlapPercentage": 10}}
            },
        )  # fmt: skip


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param({"type": "WEB", "webConfiguration": {"sourceConfiguration": {"urlConfiguration": {"seedUrls": [{"url": "https://example.org"}]}}}}, id="web"),
        pytest.param({"type": "S3"}, id="S3 without a bucket"),
    ],
)
def test_sources_that_are_not_possible(agent, configuration):
    base = Base()
    with pytest.raises(agent.exceptions.ValidationException):
        agent.create_data_source(knowledgeBaseId=base.id, name=unique("source"), dataSourceConfiguration=configuration)


def test_source_of_an_unknown_base(agent):
    with pytest.raises(agent.exceptions.ResourceNotFoundException):
        agent.create_data_source(knowledgeBaseId="AAAAAAAAAA", name="a", dataSourceConfiguration={"type": "CUSTOM"})
