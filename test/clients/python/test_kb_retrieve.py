"""Searches over one small handbook."""

import boto3
import pytest
from documents import HANDBOOK, QUESTIONS
from knowledge import message_of, status_of, uris

FILES = {key for key in HANDBOOK if not key.endswith(".metadata.json")}


def names(results):
    return {uri.rpartition("/")[2] for uri in uris(results)}


@pytest.mark.parametrize("mode", ["SEMANTIC", "HYBRID"])
@pytest.mark.parametrize(("question", "file"), QUESTIONS, ids=[file for _, file in QUESTIONS])
def test_best_passage(handbook, question, file, mode):
    found = handbook.retrieve(question, overrideSearchType=mode)
    assert uris(found)[0] == f"s3://{handbook.bucket}/{file}"


def test_shape_of_results(handbook):
    found = handbook.retrieve("Where does the first aid kit hang?", numberOfResults=3)
    assert len(found) == 3
    best = found[0]
    assert best["content"] == {"type": "TEXT", "text": best["content"]["text"]}
    assert "beside the coffee machine" in best["content"]["text"]
    assert best["location"] == {"type": "S3", "s3Location": {"uri": f"s3://{handbook.bucket}/safety.pdf"}}
    assert best["metadata"]["x-amz-bedrock-kb-source-uri"] == f"s3://{handbook.bucket}/safety.pdf"
    assert best["metadata"]["x-amz-bedrock-kb-data-source-id"] == handbook.source
    assert best["metadata"]["x-amz-bedrock-kb-document-page-number"] == 0.0, "a chunk of two pages is of the first"
    assert best["metadata"]["x-amz-bedrock-kb-chunk-id"]
    scores = [result["score"] for result in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_metadata_of_the_file_comes_back(handbook):
    best = handbook.retrieve("What is the refund policy?")[0]
    own = {key: value for key, value in best["metadata"].items() if not key.startswith("x-amz-")}
    assert own == {"department": "sales", "year": 2026, "public": True, "tags": ["returns", "money"]}


def test_words_find_what_meaning_does_not(handbook):
    """A name means nothing to an embedding model; a hybrid search finds its letters."""
    assert uris(handbook.retrieve("Gomes", overrideSearchType="HYBRID"))[0] == f"s3://{handbook.bucket}/offices.csv"


def leaf(operator, key, value):
    return {operator: {"key": key, "value": value}}


SALES, LOGISTICS = leaf("equals", "department", "sales"), leaf("equals", "department", "logistics")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(SALES, {"refunds.md", "warranty.html"}, id="equals string"),
        pytest.param(leaf("equals", "year", 2026), {"refunds.md"}, id="equals number"),
        pytest.param(leaf("equals", "public", False), {"warranty.html"}, id="equals boolean"),
        pytest.param(leaf("equals", "year", "2026"), set(), id="equals another type"),
        pytest.param(leaf("notEquals", "department", "sales"), FILES - {"refunds.md", "warranty.html"}, id="notEquals"),
        pytest.param(leaf("greaterThan", "year", 2024), {"refunds.md", "shipping.txt"}, id="greaterThan"),
        pytest.param(leaf("greaterThanOrEquals", "year", 2025), {"refunds.md", "shipping.txt"}, id="greaterThanOrEquals"),
        pytest.param(leaf("lessThan", "year", 2025), {"warranty.html"}, id="lessThan"),
        pytest.param(leaf("lessThanOrEquals", "year", 2025), {"shipping.txt", "warranty.html"}, id="lessThanOrEquals"),
        pytest.param(leaf("greaterThan", "department", "m"), {"refunds.md", "warranty.html"}, id="greaterThan of strings"),
        pytest.param(leaf("greaterThan", "year", "2024"), set(), id="greaterThan of another type"),
        pytest.param(leaf("in", "department", ["logistics", "legal"]), {"shipping.txt"}, id="in"),
        pytest.param(leaf("notIn", "department", ["sales", "legal"]), FILES - {"refunds.md", "warranty.html"}, id="notIn"),
        pytest.param(leaf("startsWith", "department", "log"), {"shipping.txt"}, id="startsWith"),
        pytest.param(leaf("stringContains", "department", "ale"), {"refunds.md", "warranty.html"}, id="stringContains"),
        pytest.param(leaf("stringContains", "tags", "money"), {"refunds.md", "warranty.html"}, id="stringContains of a list"),
        pytest.param(leaf("listContains", "tags", "money"), {"refunds.md"}, id="listContains"),
        pytest.param({"andAll": [SALES, leaf("equals", "public", True)]}, {"refunds.md"}, id="andAll"),
        pytest.param({"orAll": [LOGISTICS, leaf("equals", "year", 2024)]}, {"shipping.txt", "warranty.html"}, id="orAll"),
        pytest.param(
            {"andAll": [leaf("equals", "public", True), {"orAll": [LOGISTICS, {"andAll": [SALES, leaf("lessThan", "year", 2026)]}]}]},
            {"shipping.txt"},
            id="nested",
        ),
        pytest.param(leaf("equals", "planet", "Mars"), set(), id="unknown key"),
        pytest.param(leaf("equals", "x-amz-bedrock-kb-data-source-id", "AAAAAAAAAA"), set(), id="unknown source"),
        pytest.param(leaf("equals", "x-amz-bedrock-kb-document-page-number", 0), {"safety.pdf"}, id="page"),
    ],
)
@pytest.mark.parametrize("mode", ["SEMANTIC", "HYBRID"])
def test_filters(handbook, condition, expected, mode):
    found = handbook.retrieve("What are the rules of the company?", numberOfResults=100, overrideSearchType=mode, filter=condition)
    assert names(found) == expected


def test_filter_on_the_uri(handbook):
    uri = f"s3://{handbook.bucket}/shipping.txt"
    found = handbook.retrieve("warranty", numberOfResults=100, filter=leaf("equals", "x-amz-bedrock-kb-source-uri", uri))
    assert set(uris(found)) == {uri}


def test_a_paginator_ends_where_the_list_does(handbook):
    everything = [
        result["metadata"]["x-amz-bedrock-kb-chunk-id"]
        for page in handbook.runtime.get_paginator("retrieve").paginate(
            knowledgeBaseId=handbook.id,
            retrievalQuery={"text": "rules"},
            retrievalConfiguration={"vectorSearchConfiguration": {"numberOfResults": 2}},
        )
        for result in page["retrievalResults"]
    ]
    assert len(everything) == len(set(everything)) == 2


def test_arn_instead_of_an_id(handbook):
    found = handbook.runtime.retrieve(knowledgeBaseId=handbook.arn, retrievalQuery={"text": "refunds"})["retrievalResults"]
    assert uris(found)[0] == f"s3://{handbook.bucket}/refunds.md"


def test_very_long_query(handbook):
    found = handbook.retrieve("What is the refund policy? " + "Please tell me. " * 625)
    assert found


@pytest.mark.parametrize("mode", ["SEMANTIC", "HYBRID"])
@pytest.mark.parametrize("text", ['"refund', "refund OR", "NEAR(refund)", "refund*", "col:refund", "(", "' -- ;", "?", "退货", "\U0001f4b6"])
def test_queries_that_are_no_language_of_ours(handbook, text, mode):
    assert len(handbook.retrieve(text, overrideSearchType=mode)) == 5


def reranked(handbook, **more):
    return handbook.retrieve(
        "Where does the first aid kit hang?",
        numberOfResults=7,
        rerankingConfiguration={
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "modelConfiguration": {"modelArn": "arn:aws:bedrock:us-east-1::foundation-model/amazon.rerank-v1:0"},
                **more,
            },
        },
    )


def test_reranked_search(handbook):
    found = reranked(handbook, numberOfRerankedResults=3)
    assert len(found) == 3
    assert "first aid kit" in found[0]["content"]["text"]
    scores = [result["score"] for result in found]
    assert scores == sorted(scores, reverse=True)


def test_rerank():
    runtime = boto3.client("bedrock-agent-runtime")
    texts = ["Bread is baked from flour and water.", "The train to the coast leaves at nine.", "Whales breathe air."]
    sources = [{"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}} for text in texts]
    sources.append({"type": "INLINE", "inlineDocumentSource": {"type": "JSON", "jsonDocument": {"stop": "harbour", "line": 4}}})
    results = runtime.rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": "When does the train leave?"}}],
        sources=sources,
        rerankingConfiguration={
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "modelConfiguration": {"modelArn": "arn:aws:bedrock:us-east-1::foundation-model/cohere.rerank-v3-5:0"},
                "numberOfResults": 2,
            },
        },
    )["results"]
    assert len(results) == 2
    assert results[0]["index"] == 1
    assert results[0]["relevanceScore"] >= results[1]["relevanceScore"]


@pytest.mark.parametrize(
    ("search", "why"),
    [
        pytest.param({"filter": leaf("in", "department", "sales")}, "in wants a list", id="in without a list"),
        pytest.param({"filter": leaf("greaterThan", "year", ["new"])}, "greaterThan wants a value", id="greaterThan of a list"),
        pytest.param({"filter": leaf("equals", "year", {"a": 1})}, "an object is no value", id="object as a value"),
    ],
)
def test_filters_that_make_no_sense(handbook, search, why):
    with pytest.raises(handbook.runtime.exceptions.ValidationException) as caught:
        handbook.retrieve("refunds", **search)
    assert message_of(caught), why


def test_too_many_results(handbook):
    with pytest.raises(handbook.runtime.exceptions.ValidationException) as caught:
        handbook.retrieve("refunds", numberOfResults=101)
    assert "less than or equal to 100" in message_of(caught)


def test_query_beyond_the_limit(handbook):
    with pytest.raises(handbook.runtime.exceptions.ValidationException) as caught:
        handbook.retrieve("x" * 20001)
    assert "length less than or equal to 20000" in message_of(caught)


def test_empty_query(handbook):
    with pytest.raises(handbook.runtime.exceptions.ValidationException):
        handbook.retrieve("")


def test_unknown_knowledge_base():
    runtime = boto3.client("bedrock-agent-runtime")
    with pytest.raises(runtime.exceptions.ResourceNotFoundException) as caught:
        runtime.retrieve(knowledgeBaseId="AAAAAAAAAA", retrievalQuery={"text": "refunds"})
    assert status_of(caught) == 404
    assert "AAAAAAAAAA" in message_of(caught)


def test_identifier_that_is_none():
    runtime = boto3.client("bedrock-agent-runtime")
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        runtime.retrieve(knowledgeBaseId="not-an-id!!", retrievalQuery={"text": "refunds"})
    assert message_of(caught).startswith("1 validation error detected: Value 'not-an-id!!' at 'knowledgeBaseId' failed to satisfy constraint")
