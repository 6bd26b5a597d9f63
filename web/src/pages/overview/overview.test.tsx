import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { ServiceError } from "@/client";
import { renderPage } from "@/test/render";
import Overview from ".";
import type { Server } from "@/api/outcrop.gen";

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
  today: {
    from: "2026-01-02T00:00:00Z",
    requests: 1234,
    errors: 5,
    errorsByCode: [],
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

test("says what one may not do", async () => {
  const message =
    "User: arn:aws:iam::000000000000:user/eve is not authorized to perform: outcrop:GetServer on resource: *";
  const denied = new ServiceError({ code: "AccessDeniedException", message, requestId: "r-1", status: 403 });
  renderPage(<Overview />, { "GET server": denied });
  expect(await screen.findByText("You are not allowed to see the server (outcrop:GetServer)")).toBeVisible();
  expect(screen.getByText("Request r-1")).toBeVisible();
});
