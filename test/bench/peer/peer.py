"""A retrieval program as it is written with LangChain and FAISS, timed.

It reads the same files and embeds with the same model, through the same
endpoint, as the knowledge base that it is compared with. What it prints is one
JSON object; nothing here knows Outcrop.

usage: peer.py FOLDER QUERIES KNOWLEDGE_BASE_ID
"""

import asyncio
import json
import pathlib
import statistics
import sys
import time

import boto3
from botocore.config import Config
from langchain_aws import AmazonKnowledgeBasesRetriever, BedrockEmbeddings
from langchain_community.vectorstores import FAISS
from langchain_core.documents import Document
from langchain_text_splitters import RecursiveCharacterTextSplitter

MODEL = "amazon.titan-embed-text-v2:0"
ROUNDS = 3
# LangChain's asynchronous embedding sends as many requests at once as there are
# threads; boto3 keeps ten connections unless it is told otherwise.
runtime = boto3.client("bedrock-runtime", config=Config(max_pool_connections=64))
embeddings = BedrockEmbeddings(client=runtime, model_id=MODEL)


def milliseconds(call, query):
    begin = time.perf_counter()
    found = call(query)
    assert found, query
    return (time.perf_counter() - begin) * 1000


async def ingest(folder):
    documents = [Document(path.read_text(), metadata={"source": path.name}) for path in sorted(folder.glob("*.txt"))]
    # About 300 tokens, which is what a data source cuts by default.
    chunks = RecursiveCharacterTextSplitter(chunk_size=1400, chunk_overlap=0).split_documents(documents)
    return await FAISS.afrom_documents(chunks, embeddings), len(chunks)


def main():
    folder, queries = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text().splitlines()
    embeddings.embed_query("warm")
    begin = time.perf_counter()
    store, chunks = asyncio.run(ingest(folder))
    ingested = time.perf_counter() - begin
    # The same framework over the knowledge base instead of its own index.
    search = {"vectorSearchConfiguration": {"numberOfResults": 5, "overrideSearchType": "SEMANTIC"}}
    agent = boto3.client("bedrock-agent-runtime")
    base = AmazonKnowledgeBasesRetriever(knowledge_base_id=sys.argv[3], client=agent, retrieval_config=search)
    base.invoke("warm")
    # How often both name the same best file: they should, with one model.
    same = sum(
        base.invoke(query)[0].metadata["location"]["s3Location"]["uri"].endswith("/" + store.similarity_search(query, k=1)[0].metadata["source"])
        for query in queries
    )
    # They take turns, so that whatever else the machine does slows down all of them.
    own, plain, framework = [], [], []
    for query in queries * ROUNDS:
        own.append(milliseconds(lambda text: store.similarity_search(text, k=5), query))
        plain.append(milliseconds(lambda text: agent.retrieve(knowledgeBaseId=sys.argv[3], retrievalQuery={"text": text}, retrievalConfiguration=search), query))
        framework.append(milliseconds(base.invoke, query))
    print(
        json.dumps(
            {
                "chunks": chunks,
                "ingestSeconds": ingested,
                "queryMilliseconds": statistics.median(own),
                "retrieveMilliseconds": statistics.median(plain),
                "retrieverMilliseconds": statistics.median(framework),
                "sameBest": same / len(queries),
            }
        )
    )


if __name__ == "__main__":
    main()
