// The JavaScript SDK against a running Outcrop. Endpoint, credentials and region
// come from the environment, as in a user's shell. By default this SDK speaks
// HTTP/2 to bedrock-runtime, also without TLS; the transports below make it
// speak everything that it can.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BedrockClient, ListFoundationModelsCommand, paginateListInferenceProfiles } from "@aws-sdk/client-bedrock";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
  ResourceNotFoundException,
  ValidationException,
} from "@aws-sdk/client-bedrock-runtime";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { NodeHttp2Handler, NodeHttpHandler } from "@smithy/node-http-handler";

const claude = "anthropic.claude-3-5-sonnet-20241022-v2:0";
const llama = "meta.llama3-1-70b-instruct-v1:0";
const secure = `https://${process.env.TESTED_ADDRESS}`;

const transports = [
  { name: "as it comes", config: () => ({}) },
  { name: "HTTP/1.1", config: () => ({ requestHandler: new NodeHttpHandler() }) },
  { name: "HTTP/1.1 with TLS", config: () => ({ endpoint: secure, requestHandler: new NodeHttpHandler() }) },
  { name: "HTTP/2 with TLS", config: () => ({ endpoint: secure, requestHandler: new NodeHttp2Handler() }) },
];

const user = (text) => [{ role: "user", content: [{ text }] }];
const claudeBody = (text) =>
  JSON.stringify({
    anthropic_version: "bedrock-2023-05-31",
    max_tokens: 20,
    messages: [{ role: "user", content: [{ type: "text", text }] }],
  });
const decode = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

for (const { name, config } of transports) {
  describe(`bedrock-runtime, ${name}`, () => {
    const using = async (run) => {
      const client = new BedrockRuntimeClient(config());
      try {
        await run(client);
      } finally {
        client.destroy();
      }
    };

    test("Converse", () =>
      using(async (client) => {
        const answer = await client.send(
          new ConverseCommand({ modelId: claude, messages: user("Name a river."), inferenceConfig: { maxTokens: 20 } }),
        );
        assert.match(answer.output.message.content[0].text, /[a-z]/i);
        assert.equal(answer.usage.totalTokens, answer.usage.inputTokens + answer.usage.outputTokens);
      }));

    test("ConverseStream", () =>
      using(async (client) => {
        const answer = await client.send(
          new ConverseStreamCommand({ modelId: claude, messages: user("Write a long story."), inferenceConfig: { maxTokens: 30 } }),
        );
        const events = [];
        for await (const event of answer.stream) events.push(event);
        assert.equal(events[0].messageStart.role, "assistant");
        assert.match(events.map((event) => event.contentBlockDelta?.delta.text ?? "").join(""), /[a-z]/i);
        assert.equal(events.at(-2).messageStop.stopReason, "max_tokens");
        assert.equal(events.at(-1).metadata.usage.outputTokens, 30);
      }));

    test("InvokeModel", () =>
      using(async (client) => {
        const answer = await client.send(new InvokeModelCommand({ modelId: claude, body: claudeBody("Name a river.") }));
        assert.match(decode(answer.body).content[0].text, /[a-z]/i);
        assert.equal(answer.contentType, "application/json");
      }));

    test("InvokeModelWithResponseStream", () =>
      using(async (client) => {
        const answer = await client.send(
          new InvokeModelWithResponseStreamCommand({ modelId: claude, body: claudeBody("Write a long story.") }),
        );
        const chunks = [];
        for await (const event of answer.body) chunks.push(decode(event.chunk.bytes));
        assert.equal(chunks[0].type, "message_start");
        assert.match(chunks.map((chunk) => chunk.delta?.text ?? "").join(""), /[a-z]/i);
        assert.equal(chunks.at(-1)["amazon-bedrock-invocationMetrics"].outputTokenCount, 20);
      }));

    test("an answer that is an error has its class", () =>
      using(async (client) => {
        await assert.rejects(
          client.send(new ConverseCommand({ modelId: "anthropic.claude-3-5-sonnet-v2", messages: user("Hi") })),
          (error) => error instanceof ResourceNotFoundException && /Could not resolve the foundation model/.test(error.message),
        );
        await assert.rejects(
          client.send(new InvokeModelCommand({ modelId: llama, body: "{}" })),
          (error) => error instanceof ValidationException && /required key \[prompt\] not found/.test(error.message),
        );
      }));

    test("ten calls at once on one client", () =>
      using(async (client) => {
        const command = () => new CountTokensCommand({ modelId: claude, input: { converse: { messages: user("How many moons has Mars?") } } });
        const counts = await Promise.all(Array.from({ length: 10 }, async () => (await client.send(command())).inputTokens));
        assert.ok(counts[0] > 0);
        assert.deepEqual(new Set(counts).size, 1);
      }));

    test("a stream that is left early", () =>
      using(async (client) => {
        const abort = new AbortController();
        const answer = await client.send(
          new ConverseStreamCommand({ modelId: claude, messages: user("Write a very long story."), inferenceConfig: { maxTokens: 1000 } }),
          { abortSignal: abort.signal },
        );
        for await (const event of answer.stream) if (event.contentBlockDelta) break;
        abort.abort();
        const next = await client.send(
          new ConverseCommand({ modelId: claude, messages: user("Hi"), inferenceConfig: { maxTokens: 2 } }),
        );
        assert.ok(next.usage.outputTokens > 0);
      }));
  });
}

describe("the other services", () => {
  test("ListFoundationModels", async () => {
    const client = new BedrockClient({});
    const { modelSummaries } = await client.send(new ListFoundationModelsCommand({ byProvider: "meta" }));
    assert.ok(modelSummaries.some((model) => model.modelId === llama));
    assert.ok(modelSummaries.every((model) => model.providerName === "Meta"));
    client.destroy();
  });

  test("ListInferenceProfiles, page by page", async () => {
    const client = new BedrockClient({});
    const ids = [];
    for await (const page of paginateListInferenceProfiles({ client, pageSize: 20 }, {})) {
      ids.push(...page.inferenceProfileSummaries.map((profile) => profile.inferenceProfileId));
    }
    assert.ok(ids.includes(`us.${claude}`));
    assert.equal(new Set(ids).size, ids.length);
    client.destroy();
  });

  test("GetCallerIdentity", async () => {
    const client = new STSClient({});
    assert.equal((await client.send(new GetCallerIdentityCommand({}))).Account, "000000000000");
    client.destroy();
  });
});
