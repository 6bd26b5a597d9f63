import { describe, expect, test, vi } from "vitest";
import { CreateKnowledgeBase, GetKnowledgeBase, UntagResource } from "@/api/bedrock-agent.gen";
import { Retrieve } from "@/api/bedrock-agent-runtime.gen";
import { Converse, ConverseStream, InvokeModel } from "@/api/bedrock-runtime.gen";
import { ListFoundationModels } from "@/api/bedrock.gen";
import { ListUsers } from "@/api/iam.gen";
import { ListServiceQuotas } from "@/api/service-quotas.gen";
import { bodyOf, collect, encodeEvent } from "@/test/frames";
import { Client } from "./client";
import { ServiceError, sessionEnded } from "./errors";
import { deleteObject, listObjects } from "./s3";

interface Sent {
  url: string;
  init: RequestInit;
  headers: Headers;
}

/** A client whose server gives these answers, one after the other. */
function clientOf(...answers: (Response | Error)[]) {
  const sent: Sent[] = [];
  const ended = vi.fn();
  const client = new Client({
    region: () => "eu-west-1",
    csrf: () => "token",
    ended,
    fetch: (url, init = {}) => {
      sent.push({ url: url as string, init, headers: new Headers(init.headers) });
      const answer = answers.shift() ?? new Response("{}");
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
  return { client, sent, ended };
}

const json = (body: object, init?: ResponseInit) => new Response(JSON.stringify(body), init);

async function caught(promise: Promise<unknown>): Promise<ServiceError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ServiceError)) throw new Error("no ServiceError was thrown");
  return thrown;
}

describe("a request", () => {
  test("goes to the service and region with the token of the session", async () => {
    const { client, sent } = clientOf(json({ modelSummaries: [] }));
    expect(await client.call(ListFoundationModels, { byProvider: "Meta & Co" })).toEqual({ modelSummaries: [] });
    expect(sent[0]?.url).toBe("/console/call/bedrock/eu-west-1/foundation-models?byProvider=Meta+%26+Co");
    expect(sent[0]?.init).toMatchObject({ method: "GET", body: null, credentials: "same-origin" });
    expect(sent[0]?.headers.get("x-outcrop-csrf")).toBe("token");
  });

  test("escapes what stands in its path", async () => {
    const { client, sent } = clientOf();
    const modelId = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x";
    await client.call(Converse, { modelId, messages: [] }, { region: "us-west-2" });
    expect(sent[0]?.url).toBe(
      "/console/call/bedrock/us-west-2/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse",
    );
    expect(sent[0]?.init.body).toBe('{"messages":[]}');
    expect(sent[0]?.headers.get("content-type")).toBe("application/json");
  });

  test("does not leave without what its path needs", async () => {
    const { client, sent } = clientOf();
    const error = await caught(client.call(GetKnowledgeBase, { knowledgeBaseId: "" }));
    expect(error.code).toBe("ValidationException");
    expect(sent).toEqual([]);
  });

  test("repeats a list in its query", async () => {
    const { client, sent } = clientOf();
    await client.call(UntagResource, { resourceArn: "arn:a", tagKeys: ["a", "b"] });
    expect(sent[0]?.url).toBe("/console/call/bedrock/eu-west-1/tags/arn%3Aa?tagKeys=a&tagKeys=b");
    expect(sent[0]?.init.method).toBe("DELETE");
  });

  test("has a token of its own where it must not be done twice", async () => {
    const { client, sent } = clientOf();
    const input = { name: "n", roleArn: "r", knowledgeBaseConfiguration: { type: "VECTOR" as const } };
    await client.call(CreateKnowledgeBase, input);
    await client.call(CreateKnowledgeBase, input);
    await client.call(CreateKnowledgeBase, { ...input, clientToken: "mine" });
    const tokens = sent.map(({ init }) => (JSON.parse(init.body as string) as { clientToken: string }).clientToken);
    expect(tokens[0]).toMatch(/^[0-9a-f-]{33,}$/);
    expect(tokens[1]).not.toBe(tokens[0]);
    expect(tokens[2]).toBe("mine");
  });

  test("carries a body of any kind and headers", async () => {
    const answer = new Response(Uint8Array.of(1, 2), { headers: { "Content-Type": "application/octet-stream" } });
    const { client, sent } = clientOf(answer);
    const input = { modelId: "m", body: '{"prompt":"x"}', accept: "*/*", contentType: "text/plain" };
    expect(await client.call(InvokeModel, input)).toEqual({
      body: Uint8Array.of(1, 2),
      contentType: "application/octet-stream",
    });
    expect(sent[0]?.init.body).toBe('{"prompt":"x"}');
    expect(sent[0]?.headers.get("accept")).toBe("*/*");
    expect(sent[0]?.headers.get("content-type")).toBe("text/plain");
  });

  test("of IAM is a form, and its answer XML", async () => {
    const xml =
      '<ListUsersResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListUsersResult><Users><member><UserName>a</UserName></member></Users></ListUsersResult></ListUsersResponse>';
    const { client, sent } = clientOf(new Response(xml));
    expect(await client.call(ListUsers, { MaxItems: 1 })).toEqual({ Users: [{ UserName: "a" }] });
    expect(sent[0]?.url).toBe("/console/call/iam/eu-west-1/");
    expect(sent[0]?.init.body).toBe("Action=ListUsers&Version=2010-05-08&MaxItems=1");
  });

  test("of Service Quotas names its target", async () => {
    const { client, sent } = clientOf();
    await client.call(ListServiceQuotas, { ServiceCode: "bedrock" });
    expect(sent[0]?.url).toBe("/console/call/servicequotas/eu-west-1/");
    expect(sent[0]?.headers.get("x-amz-target")).toBe("ServiceQuotasV20190624.ListServiceQuotas");
    expect(sent[0]?.headers.get("content-type")).toBe("application/x-amz-json-1.1");
    expect(sent[0]?.init.body).toBe('{"ServiceCode":"bedrock"}');
  });

  test("of the operator API is JSON below its path", async () => {
    const { client, sent } = clientOf(json({ ok: true }), new Response(null, { status: 204 }));
    expect(await client.operator("GET", "usage", { query: { groupBy: "model", limit: 5, from: undefined } })).toEqual({
      ok: true,
    });
    expect(await client.operator("POST", "reload", { body: {} })).toBeUndefined();
    expect(sent[0]?.url).toBe("/console/call/outcrop/eu-west-1/usage?groupBy=model&limit=5");
    expect(sent[1]?.init).toMatchObject({ method: "POST", body: "{}" });
  });
});

test("the time is the server's", async () => {
  const { client, sent } = clientOf(json({}, { headers: { Date: "Sun, 02 Mar 2031 10:00:00 GMT" } }), json({}));
  expect((await client.time()).toISOString()).toMatch(/^2031-03-02T10:0/);
  await client.operator("GET", "server"); // says nothing of it
  expect((await client.time()).toISOString()).toMatch(/^2031-03-02T10:0/);
  expect(sent.map((s) => s.url)).toEqual(["/console/session", "/console/call/outcrop/eu-west-1/server"]);
});

test("the time is the browser's while the server cannot be reached", async () => {
  const { client } = clientOf(new TypeError("refused"));
  const before = Date.now();
  expect((await client.time()).getTime()).toBeGreaterThanOrEqual(before);
});

test("all pages of a listing are asked for", async () => {
  const { client, sent } = clientOf(
    json({ retrievalResults: [{ content: { text: "a" } }], nextToken: "t" }),
    json({ retrievalResults: [{ content: { text: "b" } }] }),
  );
  const input = { knowledgeBaseId: "K", retrievalQuery: { text: "q" } };
  const all = await client.all(Retrieve, input, (page) => page.retrievalResults);
  expect(all.map((r) => r.content?.text)).toEqual(["a", "b"]);
  expect(JSON.parse(sent[1]?.init.body as string)).toEqual({ retrievalQuery: { text: "q" }, nextToken: "t" });
});

test("pages of IAM end where the listing is not truncated", async () => {
  const page = (name: string, rest: string) =>
    new Response(
      `<R><ListUsersResult><Users><member><UserName>${name}</UserName></member></Users>${rest}</ListUsersResult></R>`,
    );
  const { client, sent } = clientOf(
    page("a", "<IsTruncated>true</IsTruncated><Marker>m</Marker>"),
    page("b", "<IsTruncated>false</IsTruncated>"),
  );
  expect((await client.all(ListUsers, {}, (o) => o.Users)).map((u) => u.UserName)).toEqual(["a", "b"]);
  expect(sent[1]?.init.body).toContain("Marker=m");
});

test("a stream gives its events", async () => {
  const body = bodyOf(
    encodeEvent("messageStart", { role: "assistant" }),
    encodeEvent("messageStop", { stopReason: "end_turn" }),
  );
  const { client } = clientOf(new Response(body, { headers: { "x-amzn-requestid": "r-9" } }));
  const answer = await client.stream(ConverseStream, { modelId: "m", messages: [] });
  expect(answer.requestId).toBe("r-9");
  expect(await collect(answer.events)).toEqual([
    { messageStart: { role: "assistant" } },
    { messageStop: { stopReason: "end_turn" } },
  ]);
});

describe("an error", () => {
  const cases: { name: string; answer: () => Response; want: object }[] = [
    {
      name: "of a REST service",
      answer: () =>
        json(
          { message: "No." },
          {
            status: 403,
            headers: {
              "x-amzn-errortype": "AccessDeniedException:http://internal.amazon.com/",
              "x-amzn-requestid": "r",
            },
          },
        ),
      want: {
        code: "AccessDeniedException",
        message: "No.",
        requestId: "r",
        status: 403,
        denied: true,
        transient: false,
      },
    },
    {
      name: "of a JSON service",
      answer: () =>
        json({ __type: "com.amazonaws.quotas#TooManyRequestsException", Message: "Slow." }, { status: 429 }),
      want: { code: "TooManyRequestsException", message: "Slow.", status: 429, transient: true },
    },
    {
      name: "of a query service",
      answer: () =>
        new Response(
          '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>Gone &amp; lost.</Message></Error><RequestId>q</RequestId></ErrorResponse>',
          { status: 404 },
        ),
      want: { code: "NoSuchEntity", message: "Gone & lost.", requestId: "q", status: 404 },
    },
    {
      name: "without a body",
      answer: () => new Response("", { status: 502 }),
      want: { code: "HTTP502", message: "The server answered with status 502.", status: 502, transient: true },
    },
  ];
  test.each(cases)("$name", async ({ answer, want }) => {
    const { client, ended } = clientOf(answer());
    expect(await caught(client.call(ListUsers, {}))).toMatchObject(want);
    expect(ended).not.toHaveBeenCalled();
  });

  test("names the action that was denied", () => {
    const message = "User: arn:aws:iam::1:user/e is not authorized to perform: bedrock:InvokeModel on resource: x";
    expect(new ServiceError({ code: "AccessDeniedException", message }).action).toBe("bedrock:InvokeModel");
  });

  test("of the console that says that the session is over is told", async () => {
    const over = json(
      { code: "SessionExpired", message: "Over." },
      { status: 401, headers: { "X-Outcrop-Console-Error": "SessionExpired" } },
    );
    const { client, ended } = clientOf(over);
    expect((await caught(client.call(ListUsers, {}))).code).toBe(sessionEnded);
    expect(ended).toHaveBeenCalledOnce();
  });

  test("of a service with the same status is not", async () => {
    const { client, ended } = clientOf(json({ message: "x" }, { status: 401 }));
    expect((await caught(client.call(ListUsers, {}))).status).toBe(401);
    expect(ended).not.toHaveBeenCalled();
  });

  test("of the network says so", async () => {
    const { client } = clientOf(new TypeError("Failed to fetch"));
    expect(await caught(client.call(ListUsers, {}))).toMatchObject({ code: "NetworkError", transient: true });
  });

  test("is none where somebody stopped the request", async () => {
    const { client } = clientOf(new TypeError("aborted"));
    const call = client.call(ListUsers, {}, { signal: AbortSignal.abort() });
    await expect(call).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("a bucket", () => {
  test("is listed by folders", async () => {
    const xml =
      '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><NextContinuationToken>n</NextContinuationToken><Contents><Key>a/b c.txt</Key><Size>12</Size><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>"e"</ETag></Contents><CommonPrefixes><Prefix>a/d/</Prefix></CommonPrefixes></ListBucketResult>';
    const { client, sent } = clientOf(new Response(xml));
    expect(await listObjects(client, "docs", { prefix: "a/" })).toEqual({
      objects: [{ key: "a/b c.txt", size: 12, modified: "2026-01-01T00:00:00Z", etag: "e" }],
      folders: ["a/d/"],
      next: "n",
    });
    expect(sent[0]?.url).toBe("/console/call/s3/eu-west-1/docs?list-type=2&prefix=a%2F&delimiter=%2F");
  });

  test("has keys with anything in them", async () => {
    const { client, sent } = clientOf(new Response(null, { status: 204 }));
    await deleteObject(client, "docs", "a/b ?#é.txt");
    expect(sent[0]?.url).toBe("/console/call/s3/eu-west-1/docs/a/b%20%3F%23%C3%A9.txt");
  });
});
