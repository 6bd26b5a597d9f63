"""What the tests of knowledge bases do again and again."""

import itertools
import os
import threading

import boto3

TITAN_ARN = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0"
CLAUDE_ARN = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0"
ROLE = "arn:aws:iam::000000000000:role/knowledge"

_numbers = itertools.count(1)


def unique(stem):
    """A name that no other test uses, also not one of another process."""
    return f"{stem}-{os.getpid()}-{next(_numbers)}"


def until(attempt, seconds=120):
    """Asks until the attempt gives something that is true; the event is never set and only spaces the tries."""
    never = threading.Event()
    for _ in range(seconds * 20):
        if result := attempt():
            return result
        never.wait(0.05)
    raise AssertionError(f"not after {seconds} seconds: {attempt}")


def put(bucket, files):
    s3 = boto3.client("s3")
    for key, body in files.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def make_bucket(files):
    """A new bucket with files in it."""
    name = unique("kb")
    boto3.client("s3").create_bucket(Bucket=name)
    put(name, files)
    return name


class Base:
    """A knowledge base as a boto3 program makes it."""

    def __init__(self, **configuration):
        self.agent = boto3.client("bedrock-agent")
        self.runtime = boto3.client("bedrock-agent-runtime")
        self.name = unique("kb")
        made = self.agent.create_knowledge_base(
            name=self.name,
            roleArn=ROLE,
            knowledgeBaseConfiguration={
                "type": "VECTOR",
                "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": TITAN_ARN, **configuration},
            },
            storageConfiguration={"type": "S3_VECTORS", "s3VectorsConfiguration": {"indexName": "an-index", "vectorBucketArn": "arn:aws:s3vectors:us-east-1:000000000000:bucket/vectors"}},
        )["knowledgeBase"]
        self.id, self.arn = made["knowledgeBaseId"], made["knowledgeBaseArn"]
        until(lambda: self.agent.get_knowledge_base(knowledgeBaseId=self.id)["knowledgeBase"]["status"] == "ACTIVE")

    def add(self, bucket, chunking=None, prefix=None, **more):
        """A data source over a bucket; returns its ID."""
        s3 = {"bucketArn": f"arn:aws:s3:::{bucket}"} | ({"inclusionPrefixes": [prefix]} if prefix else {})
        if chunking:
            more["vectorIngestionConfiguration"] = {"chunkingConfiguration": chunking}
        return self.agent.create_data_source(
            knowledgeBaseId=self.id, name=unique("source"), dataSourceConfiguration={"type": "S3", "s3Configuration": s3}, **more
        )["dataSource"]["dataSourceId"]

    def add_custom(self):
        """A data source that documents are put into; returns its ID."""
        return self.agent.create_data_source(
            knowledgeBaseId=self.id, name=unique("source"), dataSourceConfiguration={"type": "CUSTOM"}
        )["dataSource"]["dataSourceId"]

    def start(self, source):
        job = self.agent.start_ingestion_job(knowledgeBaseId=self.id, dataSourceId=source)["ingestionJob"]
        return job["ingestionJobId"]

    def wait(self, source, job):
        def ended():
            found = self.agent.get_ingestion_job(knowledgeBaseId=self.id, dataSourceId=source, ingestionJobId=job)["ingestionJob"]
            return found if found["status"] in ("COMPLETE", "FAILED", "STOPPED") else None

        return until(ended)

    def sync(self, source):
        """Syncs a source to the end; returns the job."""
        return self.wait(source, self.start(source))

    def retrieve(self, text, **search):
        configuration = {"retrievalConfiguration": {"vectorSearchConfiguration": search}} if search else {}
        return self.runtime.retrieve(knowledgeBaseId=self.id, retrievalQuery={"text": text}, **configuration)["retrievalResults"]

    def ask(self, text, session=None, stream=False, generation=None, orchestration=None, **search):
        more = {"sessionId": session} if session else {}
        configuration = {"knowledgeBaseId": self.id, "modelArn": CLAUDE_ARN}
        if search:
            configuration["retrievalConfiguration"] = {"vectorSearchConfiguration": search}
        if generation:
            configuration["generationConfiguration"] = generation
        if orchestration:
            configuration["orchestrationConfiguration"] = orchestration
        call = self.runtime.retrieve_and_generate_stream if stream else self.runtime.retrieve_and_generate
        return call(
            input={"text": text},
            retrieveAndGenerateConfiguration={"type": "KNOWLEDGE_BASE", "knowledgeBaseConfiguration": configuration},
            **more,
        )


def uris(results):
    """The objects of results or references."""
    return [result["location"]["s3Location"]["uri"] for result in results]


def statistics(job):
    """What a job counted, without the zeros."""
    return {name.removeprefix("numberOf"): count for name, count in job["statistics"].items() if count}


def references(answer):
    return [reference for citation in answer["citations"] for reference in citation["retrievedReferences"]]


def message_of(caught):
    return caught.value.response["Error"]["Message"]


def status_of(caught):
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
