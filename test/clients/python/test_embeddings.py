"""Titan embeddings: sizes, forms, and that the vectors mean something."""

import json
import math

import pytest
from conftest import TITAN_EMBED


def embed(runtime, text, model=TITAN_EMBED, **more):
    response = runtime.invoke_model(modelId=model, body=json.dumps({"inputText": text, **more}))
    return json.loads(response["body"].read()), response["ResponseMetadata"]["HTTPHeaders"]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


@pytest.mark.parametrize(("asked", "want"), [(None, 1024), (1024, 1024), (512, 512), (256, 256)])
def test_dimensions(runtime, asked, want):
    more = {} if asked is None else {"dimensions": asked}
    result, headers = embed(runtime, "The tide rises.", **more)
    assert len(result["embedding"]) == want
    assert math.isclose(math.hypot(*result["embedding"]), 1, abs_tol=1e-4)
    assert result["inputTextTokenCount"] > 0
    assert headers["x-amzn-bedrock-input-token-count"] == str(result["inputTextTokenCount"])
    assert "x-amzn-bedrock-output-token-count" not in headers


@pytest.mark.parametrize("dimensions", [1024, 512, 256])
def test_similar_texts_are_closer(runtime, dimensions):
    cat, kitten, tax = (
        embed(runtime, text, dimensions=dimensions)[0]["embedding"]
        for text in ("A cat sleeps on the sofa.", "A kitten naps on the couch.", "The tax return is due in April.")
    )
    assert cosine(cat, kitten) > cosine(cat, tax) + 0.2


def test_the_same_text_has_the_same_vector(runtime):
    first, second = (embed(runtime, "granite")[0]["embedding"] for _ in range(2))
    assert cosine(first, second) > 0.9999


def test_forms(runtime):
    result, _ = embed(runtime, "granite", dimensions=256, embeddingTypes=["float", "binary"])
    by_type = result["embeddingsByType"]
    assert len(by_type["float"]) == 256
    assert len(by_type["binary"]) == 256
    assert set(by_type["binary"]) == {0, 1}
    assert [int(x > 0) for x in by_type["float"]] == by_type["binary"]


def test_version_one(runtime):
    result, _ = embed(runtime, "granite", model="amazon.titan-embed-text-v1")
    assert len(result["embedding"]) == 1536


def test_multimodal_model_with_text(runtime):
    result, _ = embed(runtime, "granite", model="amazon.titan-embed-image-v1", embeddingConfig={"outputEmbeddingLength": 384})
    assert len(result["embedding"]) == 384


def test_a_size_that_is_not_offered(runtime):
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        embed(runtime, "granite", dimensions=300)
    assert "dimensions" in caught.value.response["Error"]["Message"]


def test_without_text(runtime):
    with pytest.raises(runtime.exceptions.ValidationException) as caught:
        runtime.invoke_model(modelId=TITAN_EMBED, body="{}")
    assert "inputText" in caught.value.response["Error"]["Message"]
