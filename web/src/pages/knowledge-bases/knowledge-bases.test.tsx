import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Route, Routes } from "react-router";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ServiceError } from "@/client";
import { renderPage, type Answers } from "@/test/render";
import { KnowledgeBases } from ".";

/** What the buckets were asked, and what they answer: nothing, unless it is said here. */
const buckets = {
  asked: [] as string[],
  answers: {} as { [request: string]: { status: number; body?: string } },
  /** Uploads wait while it is set. */
  held: false,
};

const answerOf = (request: string) => {
  buckets.asked.push(request);
  return buckets.answers[request] ?? { status: 200, body: "<ok/>" };
};
const below = (url: string) => decodeURIComponent(url.replace("/console/call/s3/us-east-1", ""));

class FakeRequest extends EventTarget {
  readonly upload = new EventTarget();
  status = 0;
  responseText = "";
  #request = "";
  open(method: string, url: string) {
    this.#request = `${method} ${below(url)}`;
  }
  setRequestHeader() {}
  getAllResponseHeaders() {
    return "x-amz-request-id: r-1\r\n";
  }
  send() {
    const { status, body = "" } = answerOf(this.#request);
    if (buckets.held) return;
    queueMicrotask(() => {
      this.status = status;
      this.responseText = body;
      this.dispatchEvent(new Event("load"));
    });
  }
  abort() {
    this.dispatchEvent(new Event("abort"));
  }
}

// What browsers have and jsdom has not.
// oxlint-disable-next-line typescript/unbound-method -- it is only looked whether it is there
Blob.prototype.arrayBuffer ??= function arrayBuffer(this: Blob) {
  const reader = new FileReader();
  reader.readAsArrayBuffer(this);
  return new Promise((resolve) => reader.addEventListener("load", () => resolve(reader.result as ArrayBuffer)));
};

beforeEach(() => {
  Object.assign(buckets, { asked: [], answers: {}, held: false });
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
  vi.stubGlobal("fetch", (url: string, { method }: RequestInit) => {
    const { status, body = "" } = answerOf(`${method} ${below(url)}`);
    return Promise.resolve(new Response(body, { status }));
  });
});
afterEach(() => vi.unstubAllGlobals());

const base = {
  knowledgeBaseId: "BASE000001",
  name: "handbook",
  knowledgeBaseArn: "arn:aws:bedrock:us-east-1:000000000000:knowledge-base/BASE000001",
  roleArn: "arn:aws:iam::000000000000:role/r",
  status: "ACTIVE",
  createdAt: "2026-01-02T03:04:05Z",
  updatedAt: "2026-01-02T03:04:05Z",
  knowledgeBaseConfiguration: {
    type: "VECTOR",
    vectorKnowledgeBaseConfiguration: {
      embeddingModelArn: "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0",
    },
  },
};
const source = {
  dataSourceId: "SOURCE0001",
  knowledgeBaseId: "BASE000001",
  name: "handbook",
  status: "AVAILABLE",
  createdAt: base.createdAt,
  updatedAt: base.updatedAt,
  dataSourceConfiguration: { type: "S3", s3Configuration: { bucketArn: "arn:aws:s3:::handbook" } },
};
const job = {
  ingestionJobId: "JOB0000001",
  knowledgeBaseId: "BASE000001",
  dataSourceId: "SOURCE0001",
  startedAt: base.createdAt,
  updatedAt: base.updatedAt,
};
const complete = {
  ...job,
  status: "COMPLETE",
  statistics: { numberOfDocumentsScanned: 1, numberOfNewDocumentsIndexed: 1 },
};
const uri = "s3://handbook/handbook.pdf";
const document = {
  knowledgeBaseId: "BASE000001",
  dataSourceId: "SOURCE0001",
  status: "INDEXED",
  identifier: { dataSourceType: "S3", s3: { uri } },
};
const server: Answers = {
  "GET server": { account: "000000000000", dataDirectory: "/var/lib/outcrop", region: "us-east-1" },
  "GET catalog": { region: "us-east-1", models: [] },
  "GET catalog/amazon.titan-embed-text-v2:0": { embeddingDimensions: [1024, 512] },
  ListKnowledgeBases: { knowledgeBaseSummaries: [] },
  GetKnowledgeBase: { knowledgeBase: base },
  CreateKnowledgeBase: { knowledgeBase: base },
  ListDataSources: { dataSourceSummaries: [source] },
  GetDataSource: { dataSource: source },
  CreateDataSource: { dataSource: source },
  StartIngestionJob: { ingestionJob: complete },
  ListIngestionJobs: { ingestionJobSummaries: [complete] },
  ListKnowledgeBaseDocuments: { documentDetails: [document] },
};

function at(path: string, answers: Answers = {}) {
  return renderPage(
    <Routes>
      <Route path="/knowledge-bases/*" element={<KnowledgeBases />} />
    </Routes>,
    { ...server, ...answers },
    { path: `/knowledge-bases${path}` },
  );
}

const pdf = (name: string) => new File(["%PDF-1.7 text"], name, { type: "application/pdf" });
const drop = (...files: File[]) =>
  fireEvent.drop(screen.getByRole("group", { name: "Drop files here" }), { dataTransfer: { items: [], files } });

test("from an empty list to the test panel with one file and one button", async () => {
  const { client } = at("");
  await screen.findByText("Start with a document of yours");
  drop(pdf("handbook.pdf"));
  expect(await screen.findByText("Will be uploaded")).toBeVisible();
  expect(screen.getByRole("textbox", { name: "Name" })).toHaveValue("handbook");
  await userEvent.click(screen.getByRole("button", { name: "Create and sync" }));
  expect(await screen.findByRole("textbox", { name: "Question" })).toBeVisible();
  expect(buckets.asked).toEqual(["GET /", "PUT /handbook", "PUT /handbook/handbook.pdf"]);
  expect(client.inputs("CreateKnowledgeBase")[0]).toMatchObject({
    name: "handbook",
    roleArn: "arn:aws:iam::000000000000:role/AmazonBedrockExecutionRoleForKnowledgeBase_outcrop",
    storageConfiguration: { type: "S3_VECTORS" },
    knowledgeBaseConfiguration: base.knowledgeBaseConfiguration,
  });
  expect(client.inputs("CreateDataSource")[0]).toMatchObject({
    knowledgeBaseId: "BASE000001",
    dataSourceConfiguration: source.dataSourceConfiguration,
  });
  expect(client.inputs("StartIngestionJob")).toEqual([{ knowledgeBaseId: "BASE000001", dataSourceId: "SOURCE0001" }]);
});

describe("the form", () => {
  test("refuses what cannot be read, before anything is sent", async () => {
    const { client } = at("/create");
    await screen.findByRole("heading", { name: "Create knowledge base" });
    drop(new File(["x"], "photo.png"), new File([""], "empty.txt"), new File(["hello"], "fake.pdf"));
    expect(await screen.findByText(/ends in .png is a picture/)).toBeVisible();
    expect(screen.getByText("The file is empty.")).toBeVisible();
    expect(screen.getByText(/not the PDF file that its name says/)).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Create and sync" }));
    expect((await screen.findAllByText("Choose at least one file that can be read."))[0]).toBeVisible();
    expect(client.inputs("CreateKnowledgeBase")).toEqual([]);
    expect(buckets.asked).toEqual(["GET /"]);
  });

  test("gives the command for a folder, with the server's own data directory", async () => {
    at("/create");
    await userEvent.click(await screen.findByRole("radio", { name: /A folder of the server/ }));
    await userEvent.type(screen.getByRole("textbox", { name: "Folder" }), "/srv/policies");
    expect(
      await screen.findByText("outcrop --data /var/lib/outcrop kb create policies --from /srv/policies --watch --sync"),
    ).toBeVisible();
    expect(screen.queryByRole("button", { name: "Create and sync" })).toBeNull();
  });

  test("takes no name that is taken", async () => {
    at("/create", { ListKnowledgeBases: { knowledgeBaseSummaries: [base] } });
    await screen.findByRole("heading", { name: "Create knowledge base" });
    drop(pdf("handbook.pdf"));
    const name = await screen.findByRole("textbox", { name: "Name" });
    await waitFor(() => expect(name).toHaveValue("handbook-2"));
    await userEvent.clear(name);
    await userEvent.type(name, "handbook");
    await userEvent.click(screen.getByRole("button", { name: "Create and sync" }));
    expect((await screen.findAllByText("There is a knowledge base of that name."))[0]).toBeVisible();
  });
});

describe("an upload", () => {
  const begin = async (answers: Answers = {}) => {
    const result = at("/create", answers);
    await screen.findByRole("heading", { name: "Create knowledge base" });
    drop(pdf("a.pdf"), pdf("b.pdf"));
    await screen.findAllByText("Will be uploaded");
    await userEvent.click(screen.getByRole("button", { name: "Create and sync" }));
    return result;
  };

  test("can be cancelled, and goes on where it was", async () => {
    buckets.held = true;
    const { client } = await begin();
    await userEvent.click(await screen.findByRole("button", { name: "Cancel the upload" }));
    expect(await screen.findByText("0 of 2 files are on the server.")).toBeVisible();
    expect(await screen.findAllByText("Cancelled")).toHaveLength(2);
    expect(client.inputs("StartIngestionJob")).toEqual([]);
    buckets.held = false;
    await userEvent.click(screen.getByRole("button", { name: "Upload the other 2" }));
    await screen.findByRole("textbox", { name: "Question" });
    expect(client.inputs("CreateKnowledgeBase")).toHaveLength(1);
    expect(client.inputs("CreateDataSource")).toHaveLength(1);
  });

  test("says which file failed and why, and sends only that one again", async () => {
    buckets.answers["PUT /kb-a/b.pdf"] = {
      status: 503,
      body: "<Error><Code>SlowDown</Code><Message>Please wait.</Message></Error>",
    };
    await begin();
    expect(await screen.findByText(/Not uploaded: Please wait\. \(request r-1\)/)).toBeVisible();
    buckets.answers = {};
    buckets.asked = [];
    await userEvent.click(screen.getByRole("button", { name: "Upload the other 1" }));
    await screen.findByRole("textbox", { name: "Question" });
    expect(buckets.asked.filter((r) => r.startsWith("PUT"))).toEqual(["PUT /kb-a/b.pdf"]);
  });

  test("stays with what the sync could not read, and why", async () => {
    const failed = {
      ...complete,
      statistics: { numberOfDocumentsScanned: 2, numberOfNewDocumentsIndexed: 1, numberOfDocumentsFailed: 1 },
      failureReasons: ["Encountered error: Ignored 1 files. The file is encrypted. [Files: s3://kb-a/b.pdf]."],
    };
    await begin({
      StartIngestionJob: { ingestionJob: failed },
      ListKnowledgeBaseDocuments: {
        documentDetails: [
          {
            ...document,
            status: "FAILED",
            statusReason: "The file is encrypted.",
            identifier: { dataSourceType: "S3", s3: { uri: "s3://kb-a/b.pdf" } },
          },
        ],
      },
    });
    expect(await screen.findByText("Some files could not be read")).toBeVisible();
    expect(await screen.findByText("Failed: The file is encrypted.")).toBeVisible();
    expect(screen.getAllByText("Complete: 2 scanned, 1 new, 1 failed")[0]).toBeVisible();
    expect(screen.getByRole("button", { name: "Ask a question" })).toBeVisible();
  });

  test("waits for another sync that is under way", async () => {
    let asked = 0;
    const conflict = new ServiceError({ code: "ConflictException", message: "busy", status: 409 });
    const { client } = await begin({
      StartIngestionJob: () => (asked++ === 0 ? conflict : { ingestionJob: complete }),
    });
    await screen.findByRole("textbox", { name: "Question" });
    expect(client.inputs("StartIngestionJob")).toHaveLength(2);
  });

  test("begins nothing when the bucket is refused", async () => {
    buckets.answers["PUT /kb-a"] = {
      status: 403,
      body: "<Error><Code>AccessDenied</Code><Message>No buckets for you.</Message><RequestId>r-9</RequestId></Error>",
    };
    const { client } = await begin();
    expect(await screen.findByText(/No buckets for you/)).toBeVisible();
    expect(screen.getByText("Request r-9")).toBeVisible();
    expect(client.inputs("CreateKnowledgeBase")).toEqual([]);
  });
});

describe("the test panel", () => {
  const reference = {
    content: { text: "Members get a full refund within 45 days. Shipping is never refunded." },
    location: { type: "S3", s3Location: { uri } },
    metadata: { "x-amz-bedrock-kb-chunk-id": "c1", "x-amz-bedrock-kb-document-page-number": 1, department: "sales" },
  };
  const text = "Members get a refund within 45 days.";
  const cited = {
    generatedResponsePart: { textResponsePart: { text, span: { start: 0, end: text.length - 1 } } },
    retrievedReferences: [reference],
  };
  const ask = async (question: string) => {
    await userEvent.type(await screen.findByRole("textbox", { name: /Question|Search/ }), `${question}{Enter}`);
  };

  test("answers with citations that open the passage with its file and page", async () => {
    const { client } = at("/BASE000001/test", {
      RetrieveAndGenerateStream: [{ output: { text } }, { citation: { ...cited, citation: cited } }],
    });
    await ask("How long?");
    await userEvent.click(await screen.findByRole("button", { name: "Source 1: handbook.pdf, from page 2" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(dialog.getByText("handbook.pdf, from page 2")).toBeVisible();
    expect(dialog.getByText("Members get a full refund within 45 days.").tagName).toBe("MARK");
    expect(dialog.getByText("sales")).toBeVisible();
    expect(dialog.getByText("Show in the PDF")).toBeVisible();
    expect(client.inputs("RetrieveAndGenerateStream")[0]).toMatchObject({ input: { text: "How long?" } });
  });

  test("shows what a model writes as text", async () => {
    at("/BASE000001/test", { RetrieveAndGenerateStream: [{ output: { text: "<img src=x onerror=alert(1)>" } }] });
    await ask("x");
    expect(await screen.findByText(/<img src=x/)).toBeVisible();
    expect(window.document.querySelector("img[src=x]")).toBeNull();
  });

  test("keeps what came before a stream broke, with the error and a way to ask again", async () => {
    async function* broken() {
      yield { output: { text: "The beginning" } };
      await Promise.resolve();
      throw new ServiceError({ code: "StreamBroken", message: "The server went away.", requestId: "r-7" });
    }
    at("/BASE000001/test", { RetrieveAndGenerateStream: () => broken() });
    await ask("How long?");
    expect(await screen.findByText("The server went away.")).toBeVisible();
    expect(screen.getByText("The beginning")).toBeVisible();
    expect(screen.getByText("Request r-7")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(screen.getByRole("textbox", { name: "Question" })).toHaveValue("How long?");
  });

  test("can be stopped", async () => {
    let stop: () => void = () => undefined;
    async function* slow() {
      yield { output: { text: "Slowly" } };
      await new Promise<void>((resolve) => {
        stop = resolve;
      });
      throw new DOMException("stopped", "AbortError");
    }
    at("/BASE000001/test", { RetrieveAndGenerateStream: () => slow() });
    await ask("x");
    await screen.findByText("Slowly");
    await userEvent.click(screen.getByRole("button", { name: "Stop" }));
    stop();
    expect(await screen.findByText("Stopped")).toBeVisible();
  });

  test("finds passages with their scores", async () => {
    const { client } = at("/BASE000001/test?mode=retrieve", {
      Retrieve: { retrievalResults: [{ ...reference, score: 0.8123 }] },
    });
    await ask("refund");
    expect(await screen.findByText("0.812")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "1. handbook.pdf, from page 2, open the passage" }));
    expect(await screen.findByRole("dialog")).toBeVisible();
    expect(client.inputs("Retrieve")[0]).toMatchObject({ retrievalQuery: { text: "refund" } });
  });

  test("says what a base lacks", async () => {
    at("/BASE000001/test", { ListDataSources: { dataSourceSummaries: [] } });
    expect(await screen.findByText("This knowledge base has no source of documents.")).toBeVisible();
  });

  test("sends no question that is too long", async () => {
    const { client } = at("/BASE000001/test");
    const field = await screen.findByRole("textbox", { name: "Question" });
    fireEvent.change(field, { target: { value: "x".repeat(1001) } });
    expect(await screen.findByText(/may have 1,000 characters, and this one has 1,001/)).toBeVisible();
    await userEvent.type(field, "{Enter}");
    expect(client.inputs("RetrieveAndGenerateStream")).toEqual([]);
  });
});

describe("documents", () => {
  test("say what became of them, and are deleted from bucket and index", async () => {
    const failed = {
      ...document,
      status: "FAILED",
      statusReason: "The file is encrypted.",
      identifier: { dataSourceType: "S3", s3: { uri: "s3://handbook/2026/locked.pdf" } },
    };
    const { client } = at("/BASE000001/documents", {
      ListKnowledgeBaseDocuments: { documentDetails: [document, failed] },
      DeleteKnowledgeBaseDocuments: {},
    });
    expect(await screen.findByText("2026/locked.pdf")).toBeVisible();
    expect(screen.getByText("Failed: The file is encrypted.")).toBeVisible();
    await userEvent.click(screen.getByRole("checkbox", { name: "s3://handbook/2026/locked.pdf" }));
    await userEvent.click(screen.getAllByRole("button", { name: "Delete" }).at(-1) as HTMLElement);
    const dialog = within(await screen.findByRole("dialog"));
    await userEvent.click(dialog.getByRole("button", { name: "Delete" }));
    expect(await screen.findByText("locked.pdf was deleted.")).toBeVisible();
    expect(client.inputs("DeleteKnowledgeBaseDocuments")[0]).toEqual({
      knowledgeBaseId: "BASE000001",
      dataSourceId: "SOURCE0001",
      documentIdentifiers: [failed.identifier],
    });
    expect(buckets.asked).toContain("DELETE /handbook/2026/locked.pdf");
  });
});

test("a base that is not there says so", async () => {
  at("/NOSUCH0001", {
    GetKnowledgeBase: new ServiceError({
      code: "ResourceNotFoundException",
      message: "no",
      requestId: "r-3",
      status: 404,
    }),
  });
  expect(await screen.findByText("There is no knowledge base NOSUCH0001 in this region")).toBeVisible();
  expect(screen.getByText("Request r-3")).toBeVisible();
});

test("who may not list bases is told", async () => {
  const message = "User: eve is not authorized to perform: bedrock:ListKnowledgeBases on resource: *";
  at("", { ListKnowledgeBases: new ServiceError({ code: "AccessDeniedException", message, status: 403 }) });
  expect(
    await screen.findByText("You are not allowed to list knowledge bases (bedrock:ListKnowledgeBases)"),
  ).toBeVisible();
});
