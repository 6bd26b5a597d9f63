"""Documents that are put into a knowledge base directly."""

import boto3
import pytest
from documents import pdf
from knowledge import Base, make_bucket, message_of, unique, until, uris


@pytest.fixture(scope="module")
def base():
    made = Base()
    made.custom = made.add_custom()
    return made


def text_document(name, text, **attributes):
    document = {
        "content": {
            "dataSourceType": "CUSTOM",
            "custom": {
                "customDocumentIdentifier": {"id": name},
                "sourceType": "IN_LINE",
                "inlineContent": {"type": "TEXT", "textContent": {"data": text}},
            },
        }
    }
    if attributes:
        document["metadata"] = {"type": "IN_LINE_ATTRIBUTE", "inlineAttributes": [{"key": key, "value": value} for key, value in attributes.items()]}
    return document


def identifier(name):
    return {"dataSourceType": "CUSTOM", "custom": {"id": name}}


def ingest(base, source, *documents):
    details = base.agent.ingest_knowledge_base_documents(knowledgeBaseId=base.id, dataSourceId=source, documents=list(documents))["documentDetails"]
    assert len(details) == len(documents)
    return details


def wait(base, source, *identifiers, status="INDEXED"):
    def settled():
        details = base.agent.get_knowledge_base_documents(
            knowledgeBaseId=base.id, dataSourceId=source, documentIdentifiers=list(identifiers)
        )["documentDetails"]
        return details if {detail["status"] for detail in details} == {status} else None

    return until(settled)


def custom_ids(results):
    return [result["location"]["customDocumentLocation"]["id"] for result in results]


def test_text(base):
    details = ingest(
        base, base.custom,
        text_document("whales", "Whales breathe air.", size={"type": "NUMBER", "numberValue": 30}, seas={"type": "STRING_LIST", "stringListValue": ["north", "south"]}),
        text_document("bread", "Bread is baked from flour and water.", size={"type": "NUMBER", "numberValue": 1}),
    )  # fmt: skip
    assert {detail["identifier"]["custom"]["id"] for detail in details} == {"whales", "bread"}
    wait(base, base.custom, identifier("whales"), identifier("bread"))
    best = base.retrieve("What do whales breathe?")[0]
    assert best["location"] == {"type": "CUSTOM", "customDocumentLocation": {"id": "whales"}}
    assert best["content"]["text"] == "Whales breathe air."
    assert best["metadata"]["size"] == 30
    found = base.retrieve("What do whales breathe?", filter={"lessThan": {"key": "size", "value": 5}})
    assert custom_ids(found) == ["bread"]
    found = base.retrieve("What do whales breathe?", filter={"listContains": {"key": "seas", "value": "north"}})
    assert custom_ids(found) == ["whales"]


def test_bytes(base):
    ingest(
        base, base.custom,
        {
            "content": {
                "dataSourceType": "CUSTOM",
                "custom": {
                    "customDocumentIdentifier": {"id": "timetable"},
                    "sourceType": "IN_LINE",
                    "inlineContent": {"type": "BYTE", "byteContent": {"mimeType": "application/pdf", "data": pdf("The train to the coast leaves at nine.")}},
                },
            }
        },
    )  # fmt: skip
    wait(base, base.custom, identifier("timetable"))
    assert custom_ids(base.retrieve("When does the train leave?"))[0] == "timetable"


def test_document_is_replaced(base):
    ingest(base, base.custom, text_document("capital", "The capital of the island is Porthaven."))
    wait(base, base.custom, identifier("capital"))
    ingest(base, base.custom, text_document("capital", "The capital of the island is Westbury."))

    def replaced():
        found = [result["content"]["text"] for result in base.retrieve("What is the capital of the island?", numberOfResults=20)]
        return "The capital of the island is Westbury." in found and "The capital of the island is Porthaven." not in found

    until(replaced)


def test_list_and_delete(base):
    name = unique("doc")
    ingest(base, base.custom, text_document(name, "Mercury is the planet nearest to the sun."))
    wait(base, base.custom, identifier(name))
    listed = base.agent.list_knowledge_base_documents(knowledgeBaseId=base.id, dataSourceId=base.custom)["documentDetails"]
    assert name in [detail["identifier"]["custom"]["id"] for detail in listed]

    details = base.agent.delete_knowledge_base_documents(
        knowledgeBaseId=base.id, dataSourceId=base.custom, documentIdentifiers=[identifier(name)]
    )["documentDetails"]
    assert details[0]["status"] in ("DELETING", "DELETE_IN_PROGRESS")
    wait(base, base.custom, identifier(name), status="NOT_FOUND")
    assert name not in custom_ids(base.retrieve("Which planet is nearest to the sun?", numberOfResults=20))


def test_document_that_was_never_there(base):
    details = base.agent.get_knowledge_base_documents(
        knowledgeBaseId=base.id, dataSourceId=base.custom, documentIdentifiers=[identifier("never")]
    )["documentDetails"]
    assert details[0]["status"] == "NOT_FOUND"


def test_object_of_a_bucket():
    base = Base()
    bucket = make_bucket({"a.txt": b"Anteaters eat ants.", "b.txt": b"Bears eat berries."})
    source = base.add(bucket)
    uri = f"s3://{bucket}/b.txt"
    ingest(base, source, {"content": {"dataSourceType": "S3", "s3": {"s3Location": {"uri": uri}}}})
    wait(base, source, {"dataSourceType": "S3", "s3": {"uri": uri}})
    assert uris(base.retrieve("Who eats?", numberOfResults=10)) == [uri]


def test_object_that_is_not_there():
    base = Base()
    bucket = make_bucket({})
    source = base.add(bucket)
    uri = f"s3://{bucket}/none.txt"
    ingest(base, source, {"content": {"dataSourceType": "S3", "s3": {"s3Location": {"uri": uri}}}})

    def failed():
        detail = base.agent.get_knowledge_base_documents(
            knowledgeBaseId=base.id, dataSourceId=source, documentIdentifiers=[{"dataSourceType": "S3", "s3": {"uri": uri}}]
        )["documentDetails"][0]
        return detail if detail["status"] in ("FAILED", "NOT_FOUND") else None

    until(failed)


def test_file_that_cannot_be_read(base):
    name = unique("broken")
    ingest(
        base, base.custom,
        {
            "content": {
                "dataSourceType": "CUSTOM",
                "custom": {
                    "customDocumentIdentifier": {"id": name},
                    "sourceType": "IN_LINE",
                    "inlineContent": {"type": "BYTE", "byteContent": {"mimeType": "application/pdf", "data": b"%PDF-1.4 and then nothing"}},
                },
            }
        },
    )  # fmt: skip
    assert wait(base, base.custom, identifier(name), status="FAILED")[0]["statusReason"]


def test_document_of_another_kind_of_source(base):
    with pytest.raises(base.agent.exceptions.ValidationException):
        ingest(base, base.custom, {"content": {"dataSourceType": "S3", "s3": {"s3Location": {"uri": "s3://some-bucket/a.txt"}}}})


def test_too_many_documents(base):
    with pytest.raises(base.agent.exceptions.ValidationException) as caught:
        ingest(base, base.custom, *[text_document(f"d{i}", "text") for i in range(11)])
    assert "length less than or equal to 10" in message_of(caught)


def test_unknown_source(base):
    with pytest.raises(base.agent.exceptions.ResourceNotFoundException):
        ingest(base, "AAAAAAAAAA", text_document("a", "text"))


def test_data_source_of_another_base(base):
    other = boto3.client("bedrock-agent")
    with pytest.raises(other.exceptions.ResourceNotFoundException):
        ingest(Base(), base.custom, text_document("a", "text"))
