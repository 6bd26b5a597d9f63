import assert from "node:assert/strict";
import { call, signIn, stage } from "./harness.mjs";
import { prices, returns, warranty } from "./documents.mjs";

// The default models, as somebody has them who starts the server for the first time.
const onPage = stage({ config: "engine: {context: 2048}\n" });

/** Drops files as somebody does who drags them in from another window. */
async function drop(page, target, files) {
  const given = files.map(({ buffer, ...file }) => ({ ...file, base64: buffer.toString("base64") }));
  const data = await page.evaluateHandle((list) => {
    const transfer = new DataTransfer();
    for (const { name, mimeType, base64 } of list) {
      transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type: mimeType }));
    }
    return transfer;
  }, given);
  for (const event of ["dragenter", "dragover", "drop"]) await target.dispatchEvent(event, { dataTransfer: data });
}

onPage("from the printed link to a cited answer over an own PDF", async (page, { server }) => {
  await signIn(page, server);
  await page.getByRole("button", { name: "Ask your documents" }).click();
  await page.getByText("Start with a document of yours").waitFor();
  await drop(page, page.getByRole("group", { name: "Drop files here" }), [
    { name: "warranty.pdf", mimeType: "application/pdf", buffer: warranty },
    { name: "returns.md", mimeType: "text/markdown", buffer: returns },
    { name: "prices.csv", mimeType: "text/csv", buffer: prices },
  ]);
  await page.getByText("Will be uploaded").nth(2).waitFor();
  await page.getByRole("button", { name: "Create and sync" }).click();
  // A name has been proposed; progress is shown until there is something to ask.
  await page.getByRole("textbox", { name: "Question" }).fill("How long does a repair of the kettle take?");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  // The small model's words are its own: that they rest on the PDF is what counts.
  await page.getByRole("button", { name: /^(Source \d+: |\[\d+\] )warranty\.pdf/ }).first().click({ timeout: 120_000 });
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/nine working days|seven years/).first().waitFor();
  const strong = (await dialog.locator("mark").first().innerText()).trim();
  const [pdf] = await Promise.all([page.waitForEvent("popup"), dialog.getByRole("button", { name: "Show in the PDF" }).click()]);
  assert.match(pdf.url(), /#page=1:~:text=/);
  assert.ok(decodeURIComponent(pdf.url()).includes(strong.split(/\s+/).slice(0, 5).join(" ")), `${pdf.url()} shows ${strong}`);
  await pdf.close();
});

onPage("the model inside answers in the playground, and the call is paid for with nothing", async (page, { server }) => {
  await signIn(page, server, { path: "playground" });
  await page.getByRole("textbox", { name: "Message" }).fill("Say hello.");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("list", { name: "About this reply" }).getByText(/tokens in, \d+ out/).waitFor({ timeout: 120_000 });
  const { totals } = await call(page, "outcrop", "GET", "usage?groupBy=model");
  assert.ok(totals.requests >= 1);
});
