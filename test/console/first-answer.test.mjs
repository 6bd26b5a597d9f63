import assert from "node:assert/strict";
import { call, signIn, stage } from "./harness.mjs";
import { prices, returns, warranty } from "./documents.mjs";

// The default models, as somebody has them who starts the server for the first time.
const onPage = stage({ config: "engine: {context: 2048}\n" });

onPage("from the printed link to a cited answer over an own PDF", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  await page.getByRole("button", { name: "Create knowledge base" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).waitFor();
  await page.locator("input[type=file]:not([webkitdirectory])").first().setInputFiles([
    { name: "warranty.pdf", mimeType: "application/pdf", buffer: warranty },
    { name: "returns.md", mimeType: "text/markdown", buffer: returns },
    { name: "prices.csv", mimeType: "text/csv", buffer: prices },
  ]);
  await page.getByRole("button", { name: "Create and sync" }).click();
  await page.getByRole("textbox", { name: "Question" }).fill("How long does a repair of the kettle take?");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  // The small model's words are its own: that they rest on the PDF is what counts.
  await page.getByRole("button", { name: /^(Source \d+: |\[\d+\] )warranty\.pdf/ }).first().click({ timeout: 120_000 });
  await page.getByRole("dialog").getByText(/nine working days|seven years/).first().waitFor();
});

onPage("the model inside answers in the playground, and the call is paid for with nothing", async (page, { server }) => {
  await signIn(page, server, { path: "playground" });
  await page.getByRole("textbox", { name: "Message" }).fill("Say hello.");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("list", { name: "About this reply" }).getByText(/tokens in, \d+ out/).waitFor({ timeout: 120_000 });
  const { totals } = await call(page, "outcrop", "GET", "usage?groupBy=model");
  assert.ok(totals.requests >= 1);
});
