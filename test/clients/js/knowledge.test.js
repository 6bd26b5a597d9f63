// Knowledge bases with the JavaScript SDK: from a bucket to a cited answer, also
// as a stream.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  BedrockAgentClient,
  CreateDataSourceCommand,
  CreateKnowledgeBaseCommand,
  GetIngestionJobCommand,
  StartIngestionJobCommand,
} from "@aws-sdk/client-bedrock-agent";
import {
  BedrockAgentRuntimeClient,
  ResourceNotFoundException,
  RetrieveAndGenerateCommand,
  RetrieveAndGenerateStreamCommand,
  RetrieveCommand,
  ValidationException,
} from "@aws-sdk/client-bedrock-agent-runtime";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { NodeHttp2Handler, NodeHttpHandler } from "@smithy/node-http-handler";

const claude = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20241022-v2:0";
const titan = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0";
const bucket = "js-handbook";
const files = {
  "refunds.md": "# Refund policy\n\nCustomers may return any product within 30 days of delivery and receive a full refund.",
  "shipping.txt": "Parcels to Europe take three working days. Orders above 50 euros are shipped free of charge.",
};
const transports = [
  { name: "as it comes", config: () => ({}) },
  { name: "HTTP/1.1", config: () => ({ requestHandler: new NodeHttpHandler() }) },
  { name: "HTTP/2 with TLS", config: () => ({ endpoint: `https://${process.env.TESTED_ADDRESS}`, requestHandler: new NodeHttp2Handler() }) },
];
const cited = (citations) => citations.flatMap((citation) => citation.retrievedReferences.map((reference) => reference.location.s3Location.uri));

describe("knowledge bases", () => {
  const agent = new BedrockAgentClient({});
  let knowledgeBaseId;
  let ask;

  before(async () => {
    const s3 = new S3Client({ forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    for (const [Key, Body] of Object.entries(files)) await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
    s3.destroy();
    ({
      knowledgeBase: { knowledgeBaseId },
    } = await agent.send(
      new CreateKnowledgeBaseCommand({
        name: "js",
        roleArn: "arn:aws:iam::000000000000:role/kb",
        knowledgeBaseConfiguration: { type: "VECTOR", vectorKnowledgeBaseConfiguration: { embeddingModelArn: titan } },
      }),
    ));
    const { dataSource } = await agent.send(
      new CreateDataSourceCommand({
        knowledgeBaseId,
        name: "bucket",
        dataSourceConfiguration: { type: "S3", s3Configuration: { bucketArn: `arn:aws:s3:::${bucket}` } },
      }),
    );
    const names = { knowledgeBaseId, dataSourceId: dataSource.dataSourceId };
    const { ingestionJob } = await agent.send(new StartIngestionJobCommand(names));
    const { ingestionJobId } = ingestionJob;
    let job = ingestionJob;
    const deadline = Date.now() + 60_000;
    while (!["COMPLETE", "FAILED"].includes(job.status)) {
      assert.ok(Date.now() < deadline, "the sync did not end");
      await new Promise((resolve) => setTimeout(resolve, 50));
      ({ ingestionJob: job } = await agent.send(new GetIngestionJobCommand({ ...names, ingestionJobId })));
    }
    assert.equal(job.status, "COMPLETE", String(job.failureReasons));
    assert.equal(job.statistics.numberOfNewDocumentsIndexed, 2);
    ask = {
      input: { text: "What is our refund policy?" },
      retrieveAndGenerateConfiguration: { type: "KNOWLEDGE_BASE", knowledgeBaseConfiguration: { knowledgeBaseId, modelArn: claude } },
    };
  });

  after(() => agent.destroy());

  for (const { name, config } of transports) {
    describe(name, () => {
      const using = async (run) => {
        const client = new BedrockAgentRuntimeClient(config());
        try {
          await run(client);
        } finally {
          client.destroy();
        }
      };

      test("Retrieve", () =>
        using(async (client) => {
          const { retrievalResults } = await client.send(
            new RetrieveCommand({
              knowledgeBaseId,
              retrievalQuery: { text: "When is shipping free of charge?" },
              retrievalConfiguration: { vectorSearchConfiguration: { numberOfResults: 1, overrideSearchType: "HYBRID" } },
            }),
          );
          assert.deepEqual(retrievalResults.map((result) => result.location.s3Location.uri), [`s3://${bucket}/shipping.txt`]);
          assert.equal(retrievalResults[0].metadata["x-amz-bedrock-kb-source-uri"], `s3://${bucket}/shipping.txt`);
        }));

      test("RetrieveAndGenerate", () =>
        using(async (client) => {
          const answer = await client.send(new RetrieveAndGenerateCommand(ask));
          assert.match(answer.output.text, /[a-z]/i);
          assert.ok(cited(answer.citations).includes(`s3://${bucket}/refunds.md`));
        }));

      test("RetrieveAndGenerateStream", () =>
        using(async (client) => {
          const answer = await client.send(new RetrieveAndGenerateStreamCommand(ask));
          assert.ok(answer.sessionId);
          const events = [];
          for await (const event of answer.stream) events.push(event);
          assert.match(events.map((event) => event.output?.text ?? "").join(""), /[a-z]/i);
          const citations = events.filter((event) => event.citation).map((event) => event.citation.citation ?? event.citation);
          assert.ok(cited(citations).includes(`s3://${bucket}/refunds.md`));
        }));

      test("a stream that is left early", () =>
        using(async (client) => {
          const abort = new AbortController();
          const answer = await client.send(new RetrieveAndGenerateStreamCommand(ask), { abortSignal: abort.signal });
          for await (const event of answer.stream) if (event.output) break;
          abort.abort();
          const { retrievalResults } = await client.send(new RetrieveCommand({ knowledgeBaseId, retrievalQuery: { text: "refunds" } }));
          assert.ok(retrievalResults.length > 0);
        }));

      test("errors have their classes", () =>
        using(async (client) => {
          const retrievalQuery = { text: "Hi" };
          await assert.rejects(client.send(new RetrieveCommand({ knowledgeBaseId: "AAAAAAAAAA", retrievalQuery })), ResourceNotFoundException);
          await assert.rejects(client.send(new RetrieveCommand({ knowledgeBaseId: "no id, is it", retrievalQuery })), ValidationException);
          await assert.rejects(client.send(new RetrieveAndGenerateStreamCommand({ ...ask, sessionId: "no-such-session" })), ValidationException);
        }));
    });
  }
});
