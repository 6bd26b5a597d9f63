"""Syncs: what is found, what is left alone, what fails and why."""

import boto3
import pytest
from documents import HANDBOOK, metadata, pdf
from knowledge import Base, make_bucket, message_of, put, statistics, status_of, unique, until, uris


@pytest.fixture(scope="module")
def base():
    return Base()


def test_statistics_of_a_first_sync(handbook):
    job = handbook.first
    assert job["status"] == "COMPLETE", job.get("failureReasons")
    assert statistics(job) == {"DocumentsScanned": 7, "MetadataDocumentsScanned": 3, "NewDocumentsIndexed": 7}
    # Those that are zero are there, too.
    assert job["statistics"]["numberOfDocumentsFailed"] == 0
    assert job["statistics"]["numberOfDocumentsDeleted"] == 0
    assert job["startedAt"] <= job["updatedAt"]


def test_documents_of_a_source(handbook):
    listed = [
        detail
        for page in handbook.agent.get_paginator("list_knowledge_base_documents").paginate(
            knowledgeBaseId=handbook.id, dataSourceId=handbook.source, PaginationConfig={"PageSize": 3}
        )
        for detail in page["documentDetails"]
    ]
    assert {detail["identifier"]["s3"]["uri"] for detail in listed} == {
        f"s3://{handbook.bucket}/{key}" for key in HANDBOOK if not key.endswith(".metadata.json")
    }
    assert {detail["status"] for detail in listed} == {"INDEXED"}
    assert all(detail["identifier"]["dataSourceType"] == "S3" for detail in listed)


def test_only_changes_are_indexed():
    base = Base()
    bucket = make_bucket(
        {
            "a.txt": b"Anteaters eat ants.",
            "b.txt": b"Bears eat berries.",
            "c.txt": b"Cows eat clover.",
            "c.txt.metadata.json": metadata(legs=4),
        }
    )
    source = base.add(bucket)
    assert statistics(base.sync(source)) == {"DocumentsScanned": 3, "MetadataDocumentsScanned": 1, "NewDocumentsIndexed": 3}

    assert statistics(base.sync(source)) == {"DocumentsScanned": 3, "MetadataDocumentsScanned": 1}

    s3 = boto3.client("s3")
    put(bucket, {"a.txt": b"Alpacas eat grass.", "c.txt.metadata.json": metadata(legs=4, horns=2), "d.txt": b"Dolphins eat fish."})
    s3.delete_object(Bucket=bucket, Key="b.txt")
    assert statistics(base.sync(source)) == {
        "DocumentsScanned": 3,
        "MetadataDocumentsScanned": 1,
        "NewDocumentsIndexed": 1,
        "ModifiedDocumentsIndexed": 1,
        "MetadataDocumentsModified": 1,
        "DocumentsDeleted": 1,
    }

    found = base.retrieve("What do animals eat?", numberOfResults=10)
    assert sorted(result["content"]["text"] for result in found) == ["Alpacas eat grass.", "Cows eat clover.", "Dolphins eat fish."]
    horned = base.retrieve("What do animals eat?", numberOfResults=10, filter={"equals": {"key": "horns", "value": 2}})
    assert uris(horned) == [f"s3://{bucket}/c.txt"]


def test_prefix():
    base = Base()
    bucket = make_bucket({"in/a.txt": b"Anteaters eat ants.", "out/b.txt": b"Bears eat berries."})
    job = base.sync(base.add(bucket, prefix="in/"))
    assert statistics(job) == {"DocumentsScanned": 1, "NewDocumentsIndexed": 1}
    assert uris(base.retrieve("What do bears eat?")) == [f"s3://{bucket}/in/a.txt"]


def test_files_that_cannot_be_read_do_not_stop_the_others():
    base = Base()
    whole = pdf("Penguins live in the south.")
    bucket = make_bucket(
        {
            "good.md": b"# Polar bears\n\nPolar bears live in the north.",
            "cut.pdf": whole[: len(whole) // 2],
            "renamed.docx": b"This was never a Word document.",
            "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(64),
            "empty.txt": b"",
            "large.txt": b"Walruses are large. " * ((51 << 20) // 20),
            "bad.txt": b"Seals swim.",
            "bad.txt.metadata.json": b'{"metadataAttributes": ',
        }
    )
    source = base.add(bucket)
    job = base.sync(source)
    assert job["status"] == "COMPLETE"
    expected = {
        "DocumentsScanned": 7,
        "MetadataDocumentsScanned": 1,
        "NewDocumentsIndexed": 1,
        "DocumentsFailed": 4,
    }
    known = base.agent.meta.service_model.shape_for("IngestionJobStatistics").members
    if "numberOfDocumentsSkipped" in known:  # not to a client of 1.43
        expected["DocumentsSkipped"] = 2
    assert statistics(job) == expected
    details = base.agent.list_knowledge_base_documents(knowledgeBaseId=base.id, dataSourceId=source)["documentDetails"]
    assert {detail["identifier"]["s3"]["uri"].rpartition("/")[2]: detail["status"] for detail in details} == {
        "good.md": "INDEXED",
        "cut.pdf": "FAILED",
        "renamed.docx": "FAILED",
        "large.txt": "FAILED",
        "bad.txt": "FAILED",
        "picture.png": "IGNORED",
        "empty.txt": "IGNORED",
    }
    assert all(detail["statusReason"] for detail in details if detail["status"] != "INDEXED")
    for name in ("cut.pdf", "renamed.docx", "large.txt", "bad.txt"):
        assert any(name in reason for reason in job["failureReasons"])
    found = base.retrieve("Where do polar bears live?", numberOfResults=20)
    assert uris(found)[0] == f"s3://{bucket}/good.md"
    assert f"s3://{bucket}/cut.pdf" not in uris(found)


@pytest.mark.parametrize(
    "chunking",
    [
        pytest.param({"chunkingStrategy": "FIXED_SIZE", "fixedSizeChunkingConfiguration": {"maxTokens": 20, "overlapPercentage": 10}}, id="fixed"),
        pytest.param(
            {
                "chunkingStrategy": "HIERARCHICAL",
                "hierarchicalChunkingConfiguration": {"levelConfigurations": [{"maxTokens": 60}, {"maxTokens": 15}], "overlapTokens": 3},
            },
            id="hierarchical",
        ),
        pytest.param(
            {
                "chunkingStrategy": "SEMANTIC",
                "semanticChunkingConfiguration": {"maxTokens": 40, "bufferSize": 0, "breakpointPercentileThreshold": 75},
            },
            id="semantic",
        ),
        pytest.param({"chunkingStrategy": "NONE"}, id="none"),
    ],
)
def test_chunking(chunking):
    text = " ".join(
        [
            "The whale is the largest animal. It lives in the sea and breathes air.",
            "Bread is baked from flour, water and yeast. The dough has to rest for an hour.",
            "The train to the coast leaves at nine. Tickets are sold at the station.",
            "Mercury is the planet nearest to the sun. A year there has eighty-eight days.",
        ]
    )
    base = Base()
    bucket = make_bucket({"mixed.txt": text.encode()})
    source = base.add(bucket, chunking=chunking)
    assert statistics(base.sync(source)) == {"DocumentsScanned": 1, "NewDocumentsIndexed": 1}
    found = [result["content"]["text"] for result in base.retrieve("When does the train leave?", numberOfResults=50)]
    assert "leaves at nine" in found[0]
    if chunking["chunkingStrategy"] == "NONE":
        assert found == [text]
    else:
        assert len(found) > 1
        assert all(len(chunk) < len(text) for chunk in found)
        assert all(chunk.strip() for chunk in found)
    shown = base.agent.get_data_source(knowledgeBaseId=base.id, dataSourceId=source)["dataSource"]
    assert shown["vectorIngestionConfiguration"]["chunkingConfiguration"] == chunking


def test_pages_of_a_pdf():
    base = Base()
    bucket = make_bucket(
        {
            "guide.pdf": pdf(
                "Bread is baked from flour, water and yeast. The dough has to rest for an hour.",
                "The train to the coast leaves at nine. Tickets are sold at the station.",
                "Mercury is the planet nearest to the sun. A year there has eighty-eight days.",
            )
        }
    )
    base.sync(base.add(bucket, chunking={"chunkingStrategy": "FIXED_SIZE", "fixedSizeChunkingConfiguration": {"maxTokens": 20, "overlapPercentage": 1}}))
    page = "x-amz-bedrock-kb-document-page-number"
    assert base.retrieve("When does the train leave?")[0]["metadata"][page] == 1.0, "the second page, counted from 0"
    found = base.retrieve("When does the train leave?", filter={"equals": {"key": page, "value": 2}})
    assert found
    assert {result["metadata"][page] for result in found} == {2.0}


def test_two_syncs_at_once(base):
    source = base.add(make_bucket({f"{i}.txt": f"File {i} is about the number {i}. ".encode() * 10 for i in range(20)}))
    job = base.start(source)
    with pytest.raises(base.agent.exceptions.ConflictException) as caught:
        base.start(source)
    assert status_of(caught) == 409
    assert base.wait(source, job)["status"] == "COMPLETE"
    assert base.sync(source)["status"] == "COMPLETE"


def test_stop():
    base = Base()
    source = base.add(make_bucket({f"{i:03}.txt": f"File {i} is about the number {i}. ".encode() * 15 for i in range(60)}))
    job = base.start(source)
    stopped = base.agent.stop_ingestion_job(knowledgeBaseId=base.id, dataSourceId=source, ingestionJobId=job)["ingestionJob"]
    assert stopped["status"] in ("STOPPING", "STOPPED")
    assert base.wait(source, job)["status"] == "STOPPED"
    with pytest.raises(base.agent.exceptions.ValidationException):
        base.agent.stop_ingestion_job(knowledgeBaseId=base.id, dataSourceId=source, ingestionJobId=job)
    # What was left is done by the next one, and nothing twice.
    again = base.sync(source)
    assert again["status"] == "COMPLETE"
    assert again["statistics"]["numberOfDocumentsScanned"] == 60
    details = base.agent.list_knowledge_base_documents(knowledgeBaseId=base.id, dataSourceId=source, maxResults=1000)["documentDetails"]
    assert [detail["status"] for detail in details] == ["INDEXED"] * 60


def test_list_of_jobs():
    base = Base()
    source = base.add(make_bucket({"a.txt": b"Anteaters eat ants."}))
    jobs = [base.sync(source)["ingestionJobId"] for _ in range(3)]
    listed = base.agent.list_ingestion_jobs(
        knowledgeBaseId=base.id, dataSourceId=source, sortBy={"attribute": "STARTED_AT", "order": "DESCENDING"}
    )["ingestionJobSummaries"]
    assert [job["ingestionJobId"] for job in listed] == jobs[::-1]
    assert [job["statistics"]["numberOfNewDocumentsIndexed"] for job in listed] == [0, 0, 1]
    complete = [{"attribute": "STATUS", "operator": "EQ", "values": ["FAILED"]}]
    assert not base.agent.list_ingestion_jobs(knowledgeBaseId=base.id, dataSourceId=source, filters=complete)["ingestionJobSummaries"]
    pages = base.agent.get_paginator("list_ingestion_jobs").paginate(
        knowledgeBaseId=base.id, dataSourceId=source, PaginationConfig={"PageSize": 2}
    )
    assert {job["ingestionJobId"] for page in pages for job in page["ingestionJobSummaries"]} == set(jobs)


def test_bucket_that_does_not_exist(base):
    job = base.sync(base.add(unique("nowhere")))
    assert job["status"] == "FAILED"
    assert any("nowhere" in reason for reason in job["failureReasons"])


def test_deleting_a_source_deletes_its_documents():
    base = Base()
    kept, dropped = make_bucket({"kept.txt": b"Anteaters eat ants."}), make_bucket({"dropped.txt": b"Bears eat berries."})
    base.sync(base.add(kept))
    source = base.add(dropped)
    base.sync(source)
    assert len(base.retrieve("Who eats?", numberOfResults=10)) == 2
    base.agent.delete_data_source(knowledgeBaseId=base.id, dataSourceId=source)

    def gone():
        try:
            base.agent.get_data_source(knowledgeBaseId=base.id, dataSourceId=source)
        except base.agent.exceptions.ResourceNotFoundException:
            return True
        return False

    until(gone)
    assert uris(base.retrieve("Who eats?", numberOfResults=10)) == [f"s3://{kept}/kept.txt"]


def test_retained_documents_outlive_their_source():
    base = Base()
    bucket = make_bucket({"a.txt": b"Anteaters eat ants."})
    source = base.add(bucket, dataDeletionPolicy="RETAIN")
    base.sync(source)
    base.agent.delete_data_source(knowledgeBaseId=base.id, dataSourceId=source)
    until(lambda: not base.agent.list_data_sources(knowledgeBaseId=base.id)["dataSourceSummaries"])
    assert uris(base.retrieve("Who eats?")) == [f"s3://{bucket}/a.txt"]


def test_sync_of_an_unknown_source(base):
    with pytest.raises(base.agent.exceptions.ResourceNotFoundException) as caught:
        base.start("AAAAAAAAAA")
    assert "AAAAAAAAAA" in message_of(caught)
