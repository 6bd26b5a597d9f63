"""Answers with their citations, sessions, streams and documents that are given along."""

import boto3
import pytest
from conftest import words
from documents import HANDBOOK, QUESTIONS
from knowledge import CLAUDE_ARN, Base, make_bucket, message_of, references, status_of, uris

REFUSAL = "Sorry, I am unable to assist you with this request."


def check(answer):
    """What holds for every answer: spans lie in the text and say what is in them, in order and without overlap."""
    text = answer["output"]["text"]
    words(text)
    assert answer["citations"]
    last = -1
    for citation in answer["citations"]:
        part = citation["generatedResponsePart"]["textResponsePart"]
        span = part["span"]
        if not span:
            continue
        assert last < span["start"] <= span["end"] < len(text)
        assert text[span["start"] : span["end"] + 1] == part["text"]
        last = span["end"]
    for reference in references(answer):
        assert reference["content"]["text"]
        assert reference["metadata"]["x-amz-bedrock-kb-source-uri"] == reference["location"]["s3Location"]["uri"]
    return text


@pytest.mark.parametrize(("question", "file"), QUESTIONS, ids=[file for _, file in QUESTIONS])
def test_cited_file_is_the_right_one(handbook, question, file):
    answer = handbook.ask(question, numberOfResults=3, generation={"inferenceConfig": {"textInferenceConfig": {"maxTokens": 80, "temperature": 0}}})
    check(answer)
    assert f"s3://{handbook.bucket}/{file}" in uris(references(answer))


def test_conversation_goes_on_in_its_session(handbook):
    first = handbook.ask("What is our refund policy?")
    check(first)
    second = handbook.ask("Is that true for every product?", session=first["sessionId"])
    check(second)
    assert second["sessionId"] == first["sessionId"]
    other = handbook.ask("What is our refund policy?")
    assert other["sessionId"] != first["sessionId"]


@pytest.mark.parametrize("session", ["no-such-session", "00000000-0000-4000-8000-000000000000"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_session_that_does_not_exist(handbook, session, stream):
    with pytest.raises(handbook.runtime.exceptions.ValidationException) as caught:
        handbook.ask("What is our refund policy?", session=session, stream=stream)
    assert session in message_of(caught)


def test_session_of_another_knowledge_base(handbook):
    session = handbook.ask("What is our refund policy?")["sessionId"]
    other = Base()
    with pytest.raises(other.runtime.exceptions.ValidationException):
        other.ask("What is our refund policy?", session=session)


def test_stream(handbook):
    response = handbook.ask("What is our refund policy?", stream=True)
    assert response["sessionId"]
    text, citations, pieces = "", [], 0
    for event in response["stream"]:
        if "output" in event:
            text += event["output"]["text"]
            pieces += 1
        elif "citation" in event:
            citations.append(event["citation"].get("citation") or event["citation"])
    assert pieces > 1, "the answer came in one piece"
    check({"output": {"text": text}, "citations": citations})
    assert f"s3://{handbook.bucket}/refunds.md" in uris(references({"citations": citations}))
    again = handbook.ask("And who pays the card?", session=response["sessionId"])
    assert again["sessionId"] == response["sessionId"]


def test_nothing_found():
    """A base without a document has nothing to say."""
    answer = Base().ask("What is our refund policy?")
    assert answer["output"]["text"] == REFUSAL
    assert [citation["retrievedReferences"] for citation in answer["citations"]] == [[]]
    assert answer["citations"][0]["generatedResponsePart"]["textResponsePart"]["span"] == {}


def test_filter_and_search_type(handbook):
    answer = handbook.ask(
        "What is our refund policy?",
        overrideSearchType="HYBRID",
        filter={"equals": {"key": "department", "value": "logistics"}},
    )
    assert set(uris(references(answer))) <= {f"s3://{handbook.bucket}/shipping.txt"}


def test_own_prompt(handbook):
    template = "Answer from these results.\n$search_results$\n$output_format_instructions$\nQuestion: $query$"
    answer = handbook.ask("When is shipping free of charge?", generation={"promptTemplate": {"textPromptTemplate": template}})
    check(answer)


def test_own_prompt_without_the_results(handbook):
    with pytest.raises(handbook.runtime.exceptions.ValidationException) as caught:
        handbook.ask("When?", generation={"promptTemplate": {"textPromptTemplate": "Answer $query$"}})
    assert "$search_results$" in message_of(caught)


def test_query_decomposition(handbook):
    answer = handbook.ask(
        "How long do refunds take, and how long does shipping to Europe take?",
        orchestration={"queryTransformationConfiguration": {"type": "QUERY_DECOMPOSITION"}},
    )
    check(answer)


def external(source, text="Where does the first aid kit hang?"):
    runtime = boto3.client("bedrock-agent-runtime")
    return runtime.retrieve_and_generate(
        input={"text": text},
        retrieveAndGenerateConfiguration={
            "type": "EXTERNAL_SOURCES",
            "externalSourcesConfiguration": {"modelArn": CLAUDE_ARN, "sources": [source]},
        },
    )


def test_document_given_along():
    answer = external(
        {
            "sourceType": "BYTE_CONTENT",
            "byteContent": {"identifier": "safety.pdf", "contentType": "application/pdf", "data": HANDBOOK["safety.pdf"]},
        }
    )
    words(answer["output"]["text"])
    assert answer["sessionId"]


def test_document_in_a_bucket():
    bucket = make_bucket({"safety.pdf": HANDBOOK["safety.pdf"]})
    answer = external({"sourceType": "S3", "s3Location": {"uri": f"s3://{bucket}/safety.pdf"}})
    words(answer["output"]["text"])
    assert set(uris(references(answer))) <= {f"s3://{bucket}/safety.pdf"}


def test_document_that_is_not_in_its_bucket():
    bucket = make_bucket({})
    with pytest.raises(boto3.client("bedrock-agent-runtime").exceptions.ClientError) as caught:
        external({"sourceType": "S3", "s3Location": {"uri": f"s3://{bucket}/safety.pdf"}})
    assert status_of(caught) in (400, 404)


def test_question_beyond_the_limit(handbook):
    with pytest.raises(handbook.runtime.exceptions.ValidationException) as caught:
        handbook.ask("x" * 10000)
    assert "length less than or equal to 1000" in message_of(caught)


def test_unknown_knowledge_base(handbook):
    with pytest.raises(handbook.runtime.exceptions.ResourceNotFoundException) as caught:
        handbook.runtime.retrieve_and_generate(
            input={"text": "Hi"},
            retrieveAndGenerateConfiguration={
                "type": "KNOWLEDGE_BASE",
                "knowledgeBaseConfiguration": {"knowledgeBaseId": "AAAAAAAAAA", "modelArn": CLAUDE_ARN},
            },
        )
    assert "AAAAAAAAAA" in message_of(caught)


def test_unknown_model(handbook):
    with pytest.raises(handbook.runtime.exceptions.ClientError) as caught:
        handbook.runtime.retrieve_and_generate(
            input={"text": "Hi"},
            retrieveAndGenerateConfiguration={
                "type": "KNOWLEDGE_BASE",
                "knowledgeBaseConfiguration": {
                    "knowledgeBaseId": handbook.id,
                    "modelArn": "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-v2",
                },
            },
        )
    assert status_of(caught) in (400, 404)
