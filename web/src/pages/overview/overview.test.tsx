import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Route, Routes } from "react-router";
import { expect, test } from "vitest";
import { ServiceError } from "@/client";
import { renderPage } from "@/test/render";
import Overview from ".";
import { healthOf, type BackendRow } from "./columns";
import type { BackendModel, Server } from "@/api/outcrop.gen";

const server: Partial<Server> = {
  version: "1.2.3",
  account: "000000000000",
  offline: true,
  started: "2026-01-02T03:04:05Z",
  uptimeSeconds: 3700,
  diskFreeBytes: 5 * 2 ** 30,
  engine: { name: "llama.cpp", device: "cpu", build: "b1", ready: false, why: "No model has been fetched." },
  memory: { totalBytes: 16 * 2 ** 30, freeBytes: 2 ** 30, modelBytes: 0, limitBytes: null },
  assignments: [{ models: "*", servedBy: "local/smol", standIn: true }],
  backends: [
    {
      name: "vllm",
      health: "down",
      probedAt: "2026-01-02T03:00:00Z",
      lastError: "connection refused",
      guarded: true,
      models: [],
    },
  ],
  models: [],
  auth: "on",
  script: false,
  today: {
    from: "2026-01-02T00:00:00Z",
    requests: 1234,
    errors: 5,
    errorsByCode: [{ code: "ThrottlingException", count: 5 }],
    unpriced: 0,
    queries: 0,
    tokens: { input: 10, output: 20, cacheRead: 0, cacheWrite: 0 },
    costUsd: "0.0012",
  },
};

test("says what the server is", async () => {
  renderPage(<Overview />, { "GET server": server });
  expect(await screen.findByText("1.2.3")).toBeVisible();
  expect(screen.getByText("1 h 1 min")).toBeVisible();
  expect(screen.getByText("No model has been fetched.")).toBeVisible();
  expect(screen.getByText("local/smol")).toBeVisible();
  expect(screen.getByText("$0.0012")).toBeVisible();
});

test("says how backends do, and what failed today", async () => {
  renderPage(<Overview />, { "GET server": server });
  expect(await screen.findByText("Down")).toBeVisible();
  expect(screen.getByText(/^connection refused/)).toBeVisible();
  expect(screen.getByText("ThrottlingException")).toBeVisible();
  expect(screen.getAllByRole("link", { name: "5" }).map((a) => a.getAttribute("href"))).toEqual([
    "/logs/requests?status=error&since=24h",
    "/usage?range=today&code=ThrottlingException",
  ]);
});

test("has a first call for each way to call", async () => {
  renderPage(<Overview />, { "GET server": server });
  for (const name of ["AWS CLI", "boto3", "Go", "JavaScript", "LangChain"]) {
    await userEvent.click(await screen.findByRole("tab", { name }));
    const shown = screen.getByRole("tabpanel", { name });
    expect(shown).toBeVisible();
    expect(shown).toHaveTextContent(
      name === "boto3" ? `endpoint_url="${window.location.origin}"` : window.location.origin,
    );
  }
});

test.each<[string, BackendRow, string]>([
  ["nobody asked it", row("unknown"), "Not asked yet"],
  ["it answered", row("unknown", { requests: 3, failures: 1 }), "Answers"],
  ["it never did", row("unknown", { requests: 3, failures: 3 }), "Fails"],
  ["its probe says so", row("up"), "Up"],
  ["requests fail although its probe does not", row("up", { breaker: "open" }), "Passed over"],
  ["it is tried again", row("up", { breaker: "half-open" }), "Being tried again"],
])("a backend's health where %s", (_, given, want) => {
  expect(healthOf(given).word).toBe(want);
});

function row(health: string, model?: Partial<BackendModel>): BackendRow {
  const backend = { name: "b", health, probedAt: null, lastError: "", guarded: true, models: [] };
  const counts = { requests: 0, failures: 0, throttles: 0, retries: 0, fallbacks: 0, passedOver: 0 };
  const whole = { model: "m", breaker: "closed", lastError: "", lastErrorAt: null, ...counts };
  return { backend, model: model ? { ...whole, ...model } : undefined };
}

test("says what one may not do", async () => {
  const message =
    "User: arn:aws:iam::000000000000:user/eve is not authorized to perform: outcrop:GetServer on resource: *";
  const denied = new ServiceError({ code: "AccessDeniedException", message, requestId: "r-1", status: 403 });
  renderPage(<Overview />, { "GET server": denied });
  expect(await screen.findByText("You are not allowed to see the server (outcrop:GetServer)")).toBeVisible();
  expect(screen.getByText("Request r-1")).toBeVisible();
});

test("leads to a first question, also who may not see the server", async () => {
  renderPage(
    <Routes>
      <Route path="/" element={<Overview />} />
      <Route path="/knowledge-bases" element={<p>Drop files here</p>} />
    </Routes>,
    { "GET server": new ServiceError({ code: "AccessDeniedException", message: "no", status: 403 }) },
  );
  await userEvent.click(await screen.findByRole("button", { name: "Ask your documents" }));
  expect(await screen.findByText("Drop files here")).toBeVisible();
});
