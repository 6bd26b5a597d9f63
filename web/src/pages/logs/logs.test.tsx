import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Route, Routes } from "react-router";
import { describe, expect, test } from "vitest";
import { ServiceError, type ServerEvent } from "@/client";
import { renderPage, type Answers } from "@/test/render";
import Logs from ".";
import { auditQuery } from "./audit";
import { filtersOf, found, pattern, queryOf, requestId, shortPrincipal, spanOf, whenOf } from "./filter";
import { requestOf } from "./requests.fixture";
import { paramsOf } from "./time-range";
import type { AuditEvent, RequestDetail } from "@/api/outcrop.gen";

/** A stream that says this and then nothing more. */
async function* stream(...events: ServerEvent[]): AsyncGenerator<ServerEvent, void, undefined> {
  yield* events;
  await new Promise(() => undefined);
}

const batch = (requests: object[], dropped = 0): ServerEvent => ({
  event: "requests",
  id: "1",
  data: JSON.stringify({ requests, dropped, running: 2 }),
});

const page = (path: string, answers: Answers) =>
  renderPage(
    <Routes>
      <Route path="logs/*" element={<Logs />} />
    </Routes>,
    answers,
    { path },
  );

const denied = new ServiceError({
  code: "AccessDeniedException",
  message: "User: arn:aws:iam::0:user/eve is not authorized to perform: outcrop:ListRequests on resource: *",
  requestId: "q-1",
  status: 403,
});

describe("live", () => {
  const answers = (events: ServerEvent[]): Answers => ({
    "EVENTS requests/live": () => stream(...events),
    "GET requests": { requests: [requestOf(1, { operation: "<i>Old</i>" })], nextToken: "", othersSince: "" },
  });

  test("shows requests as they end and what was left out", async () => {
    const failed = requestOf(2, { status: 429, code: "ThrottlingException" });
    const { client } = page("/logs/live?model=nova&status=4xx", answers([batch([failed], 1234)]));
    const list = screen.getByRole("region", { name: "Live requests" });
    expect(await within(list).findByText("429 ✕")).toBeVisible();
    expect(within(list).getByText("<i>Old</i>")).toBeVisible();
    expect(screen.getByText("1,234 were left out")).toBeVisible();
    expect(screen.getByText("2 under way")).toBeVisible();
    expect(client.inputs("EVENTS requests/live")).toEqual([{ model: "*nova*", status: "4xx" }]);
    expect(within(list).getAllByRole("link")[0]).toHaveAttribute("href", "/logs/requests/r2");
  });

  test("has all filters that were typed at the same time", async () => {
    const { client } = page("/logs/live", answers([]));
    const fields = ["Model", "Principal", "Operation"].map((name) => screen.getByRole("searchbox", { name }));
    // As they are put in by a browser that remembers them, or by quick hands.
    for (const [i, field] of fields.entries()) fireEvent.change(field, { target: { value: `x${i}` } });
    await waitFor(() =>
      expect(client.inputs("EVENTS requests/live").at(-1)).toEqual({
        model: "*x0*",
        principal: "*x1*",
        operation: "*x2*",
      }),
    );
  });

  test("has few rows in the document, however many there are", async () => {
    const many = Array.from({ length: 2000 }, (_, i) => requestOf(i + 10));
    page("/logs/live", answers([batch(many)]));
    expect(await screen.findByText("(2,000)")).toBeVisible();
    expect(screen.getAllByRole("row").length).toBeLessThan(60);
  });

  test("waits while it is paused", async () => {
    let more: (event: ServerEvent) => void = () => undefined;
    const next = new Promise<ServerEvent>((resolve) => (more = resolve));
    page("/logs/live", {
      ...answers([]),
      "EVENTS requests/live": async function* () {
        yield await next;
        await new Promise(() => undefined);
      },
    });
    expect(await screen.findByText("Live", { selector: "span *" })).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Pause" }));
    more(batch([requestOf(2), requestOf(3)]));
    expect(await screen.findByText("Paused, 2 new")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Go on" }));
    expect(await screen.findByText("(3)")).toBeVisible();
  });

  test("says what one may not do", async () => {
    page("/logs/live", { ...answers([]), "EVENTS requests/live": denied });
    expect(await screen.findByText("You are not allowed to see requests (outcrop:ListRequests)")).toBeVisible();
    expect(screen.getByText("Request q-1")).toBeVisible();
  });
});

describe("one request", () => {
  const detail: RequestDetail = {
    ...requestOf(1, { id: "id/1", code: "ThrottlingException", status: 429, message: "<b>slow</b>", latencyMs: 1500 }),
    resource: "",
    steps: [
      { name: "received", time: "2026-03-01T00:00:00Z", ms: 0, detail: "127.0.0.1" },
      { name: "authenticated", time: "2026-03-01T00:00:00Z", ms: 0.25, detail: "arn:aws:iam::0:user/alice" },
      { name: "firstToken", time: "2026-03-01T00:00:01Z", ms: 1000, detail: "" },
      { name: "newer than this page", time: "2026-03-01T00:00:01Z", ms: 1200, detail: "" },
      { name: "done", time: "2026-03-01T00:00:01Z", ms: 1500, detail: "ThrottlingException" },
    ],
    costs: { input: "0.1", output: "0.2", cacheRead: "0", cacheWrite: "0", query: "0" },
    tags: { team: "blue" },
    metadata: {},
    remembered: true,
    invocationLog: null,
  };

  test("has its whole way", async () => {
    page("/logs/requests/id%2F1", { "GET requests/id%2F1": detail });
    const way = await screen.findByRole("list", { name: "Timeline" });
    expect(
      within(way)
        .getAllByRole("listitem")
        .map((li) => li.textContent),
    ).toEqual([
      "Received0 ms127.0.0.1",
      "Authenticated0.25 msarn:aws:iam::0:user/alice",
      "First token1.0 s",
      "newer than this page1.2 s",
      "Done1.5 sThrottlingException",
    ]);
    expect(screen.getByText("<b>slow</b>")).toBeVisible();
    expect(screen.getByText("team = blue")).toBeVisible();
  });

  test("that nobody knows leads to the audit trail", async () => {
    const unknown = new ServiceError({
      code: "ResourceNotFoundException",
      message: "There is no request x.",
      status: 404,
    });
    page("/logs/requests/x", { "GET requests/x": unknown });
    expect(await screen.findByText("There is no request x.")).toBeVisible();
    expect(screen.getByRole("link", { name: "Look in the audit trail" })).toHaveAttribute(
      "href",
      "/logs/audit?requestId=x",
    );
  });
});

test("requests of the past are found by the address, and by an ID", async () => {
  const id = "acc92043-7493-44cb-9735-1a5861b0f8fb";
  const { client } = page(`/logs/requests?since=1h&operation=Conv*&find=${id}`, {
    "GET requests": {
      requests: [requestOf(1), requestOf(2, { id })],
      nextToken: "",
      othersSince: "2026-03-01T00:00:00Z",
    },
  });
  expect(await screen.findByRole("button", { name: "Open the request" })).toBeVisible();
  expect(await screen.findByText("(1)")).toBeVisible();
  expect(client.inputs("GET requests")).toEqual([{ operation: "Conv*", from: "2026-03-10T11:00:00.000Z", limit: 200 }]);
});

test("requests are looked for between two moments, and at any time again", async () => {
  const { client } = page("/logs/requests?from=2026-03-01T07:00:00Z&to=2026-03-02T07:30:00Z&caller=known", {
    "GET requests": { requests: [requestOf(1)], nextToken: "", othersSince: "2026-03-01T00:00:00Z" },
  });
  expect(await screen.findByText("(1)")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: /2026/ }));
  await userEvent.click(await screen.findByRole("button", { name: "Clear and dismiss" }));
  await waitFor(() =>
    expect(client.inputs("GET requests")).toEqual([
      { caller: "known", from: "2026-03-01T07:00:00.000Z", to: "2026-03-02T07:30:00.000Z", limit: 200 },
      { caller: "known", limit: 200 },
    ]),
  );
});

describe("the settings", () => {
  const buckets = {
    GetModelInvocationLoggingConfiguration: {},
    PutModelInvocationLoggingConfiguration: {},
    DeleteModelInvocationLoggingConfiguration: {},
  };

  test("are put", async () => {
    const { client } = page("/logs/settings", buckets);
    await userEvent.click(await screen.findByRole("checkbox", { name: /Write down/ }));
    await userEvent.type(screen.getByRole("combobox", { name: "Bucket" }), "prompts");
    await userEvent.click(screen.getByRole("checkbox", { name: "Images" }));
    await userEvent.click(screen.getByRole("button", { name: "Save settings" }));
    // A message slides in, and is not to be seen at once.
    await waitFor(() => expect(screen.getByText("Invocations in us-east-1 are logged into prompts.")).toBeVisible());
    expect(client.inputs("PutModelInvocationLoggingConfiguration")).toEqual([
      {
        loggingConfig: {
          textDataDeliveryEnabled: true,
          imageDataDeliveryEnabled: false,
          embeddingDataDeliveryEnabled: true,
          videoDataDeliveryEnabled: true,
          audioDataDeliveryEnabled: true,
          s3Config: { bucketName: "prompts" },
        },
      },
    ]);
  });

  test("are taken away, after a question", async () => {
    const { client } = page("/logs/settings", {
      ...buckets,
      GetModelInvocationLoggingConfiguration: {
        loggingConfig: { s3Config: { bucketName: "prompts", keyPrefix: "a" } },
      },
    });
    await userEvent.click(await screen.findByRole("checkbox", { name: /Write down/ }));
    await userEvent.click(screen.getByRole("button", { name: "Save settings" }));
    await userEvent.click(await screen.findByRole("button", { name: "Stop" }));
    // A message slides in, and is not to be seen at once.
    await waitFor(() => expect(screen.getByText("Invocations in us-east-1 are not logged any more.")).toBeVisible());
    expect(client.inputs("DeleteModelInvocationLoggingConfiguration")).toHaveLength(1);
  });

  test("say why they were refused", async () => {
    const message = "Failed to validate permissions for log bucket.";
    page("/logs/settings", {
      ...buckets,
      GetModelInvocationLoggingConfiguration: { loggingConfig: { s3Config: { bucketName: "prompts" } } },
      PutModelInvocationLoggingConfiguration: new ServiceError({ code: "ValidationException", message, status: 400 }),
    });
    await userEvent.click(await screen.findByRole("button", { name: "Save settings" }));
    expect(await screen.findByText(message)).toBeVisible();
  });
});

describe("the audit trail", () => {
  const event: AuditEvent = {
    id: "e1",
    time: "2026-03-01T00:00:00Z",
    name: "CreateUser",
    source: "iam.amazonaws.com",
    principal: "arn:aws:iam::000000000000:root",
    userType: "Root",
    userName: "",
    accessKeyId: "",
    region: "us-east-1",
    sourceIp: "127.0.0.1",
    userAgent: "",
    readOnly: false,
    errorCode: "",
    errorMessage: "",
    requestId: "q1",
    resources: [],
    record: { eventName: "CreateUser", note: "<script>" },
  };

  test("shows the whole event", async () => {
    page("/logs/audit", { "GET audit": { enabled: true, events: [event], nextToken: "" } });
    await userEvent.click(await screen.findByRole("link", { name: "CreateUser" }));
    expect(await screen.findByText(/"note": "<script>"/)).toBeVisible();
    expect(screen.getByRole("link", { name: "q1" })).toHaveAttribute("href", "/logs/requests/q1");
  });

  test("says that there is none", async () => {
    page("/logs/audit", { "GET audit": { enabled: false, events: [], nextToken: "" } });
    expect(await screen.findByText("There is no audit trail in files")).toBeVisible();
  });

  test("goes on where a page has nothing", async () => {
    const { client } = page("/logs/audit?event=Delete", {
      "GET audit": ({ nextToken }: { nextToken?: string }) => ({
        enabled: true,
        events: nextToken ? [event] : [],
        nextToken: nextToken ? "" : "t",
      }),
    });
    await userEvent.click(await screen.findByRole("button", { name: "Look at older ones" }));
    expect(await screen.findByRole("link", { name: "CreateUser" })).toBeVisible();
    expect(client.inputs("GET audit").at(-1)).toEqual({ event: "*Delete*", limit: 200, nextToken: "t" });
  });

  test("is asked for what the address says", () => {
    const params = new URLSearchParams(
      "event=Create*&principal=alice&error=any&readOnly=maybe&since=24h&requestId= q1 ",
    );
    expect(auditQuery(params, new Date("2026-03-10T12:34:56Z"))).toEqual({
      event: "Create*",
      principal: "*alice*",
      error: "any",
      requestId: "q1",
      from: "2026-03-09T12:34:00.000Z",
    });
  });
});

describe("filters", () => {
  test("are patterns of the server's", () => {
    expect(pattern(" nova ")).toBe("*nova*");
    expect(pattern("a?b")).toBe("a?b");
    expect(pattern(" ")).toBeUndefined();
    const filters = filtersOf(new URLSearchParams("model=x&status=4xx&find=y"));
    expect(queryOf(filters)).toEqual({ model: "*x*", status: "4xx" });
    expect(filtersOf(new URLSearchParams("status=<b>")).status).toBe("");
  });

  test("find IDs", () => {
    const all = [requestOf(1), requestOf(2, { accessKeyId: "AKIA2" })];
    expect(found(all, "akia2 alice")).toEqual([all[1]]);
    expect(found(all, "")).toBe(all);
    expect(requestId(" ACC92043-7493-44cb-9735-1a5861b0f8fb ")).toBe("ACC92043-7493-44cb-9735-1a5861b0f8fb");
    expect(requestId("acc92043")).toBeUndefined();
  });

  test.each([
    ["", {}],
    ["since=nonsense", {}],
    ["since=0m", {}],
    ["since=15m", { from: "2026-03-10T12:19:00.000Z" }],
    ["since=3h", { from: "2026-03-10T09:34:00.000Z" }],
    ["since=7d", { from: "2026-03-03T12:34:00.000Z" }],
    ["from=2026-03-01T08:00:00%2B01:00", { from: "2026-03-01T07:00:00.000Z" }],
    ["to=2026-03-01T08:00:00Z&since=1h", { to: "2026-03-01T08:00:00.000Z" }],
    [
      "from=2026-03-01T07:00:00Z&to=2026-03-01T08:00:00Z",
      { from: "2026-03-01T07:00:00.000Z", to: "2026-03-01T08:00:00.000Z" },
    ],
    ["from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", {}],
    ["from=2026-03-02&to=yesterday", {}],
  ])("look at the time of the address: %s", (address, span) => {
    const now = new Date("2026-03-10T12:34:56Z");
    expect(spanOf(whenOf(new URLSearchParams(address)), now)).toEqual(span);
  });

  test("take what the picker of times says", () => {
    const none = { since: "", from: "", to: "" };
    expect(paramsOf(null)).toEqual(none);
    expect(paramsOf({ type: "relative", amount: 15, unit: "minute" })).toEqual({ ...none, since: "15m" });
    expect(paramsOf({ type: "relative", amount: 2, unit: "week" })).toEqual({ ...none, since: "14d" });
    expect(
      paramsOf({ type: "absolute", startDate: "2026-03-01T08:00:00+01:00", endDate: "2026-03-01T09:30:00+01:00" }),
    ).toEqual({ since: "", from: "2026-03-01T07:00:00.000Z", to: "2026-03-01T08:30:00.000Z" });
  });

  test("tell recognized callers from the others", () => {
    expect(queryOf(filtersOf(new URLSearchParams("caller=unknown")))).toEqual({ caller: "unknown" });
    expect(queryOf(filtersOf(new URLSearchParams("caller=me")))).toEqual({});
  });

  test("shorten principals", () => {
    expect(shortPrincipal("arn:aws:sts::1:assumed-role/app/s")).toBe("assumed-role/app/s");
    expect(shortPrincipal("")).toBe("");
  });
});
