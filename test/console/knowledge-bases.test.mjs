import assert from "node:assert/strict";
import { accessible, fits, signIn, stage } from "./harness.mjs";
import { prices, returns, warranty } from "./documents.mjs";

const onPage = stage({
  rules: `
rules:
  - when: {operation: generate, text: {contains: how long}}
    answer: "The kettle is guaranteed for seven years from the day of purchase."
`,
});

const name = (page) => page.getByRole("textbox", { name: "Name" });

/** Makes a knowledge base of files that somebody chooses; the page ends where questions are asked, if all is well. */
async function upload(page, called, files) {
  await page.getByRole("button", { name: "Create knowledge base" }).first().click();
  await name(page).waitFor();
  await page.locator("input[type=file]:not([webkitdirectory])").first().setInputFiles(files);
  await name(page).fill(called);
  await page.getByRole("button", { name: "Create and sync" }).click();
}

const three = [
  { name: "warranty.pdf", mimeType: "application/pdf", buffer: warranty },
  { name: "returns.md", mimeType: "text/markdown", buffer: returns },
  { name: "prices.csv", mimeType: "text/csv", buffer: prices },
];

onPage("three files become a knowledge base, and a citation leads to its passage", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  await upload(page, "handbook", three);
  const question = page.getByRole("textbox", { name: "Question" });
  await question.waitFor();
  await accessible(page);
  await question.fill("For how long is the kettle guaranteed?");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.getByText("guaranteed for seven years").first().waitFor();
  await page.getByRole("button", { name: /^Source \d+: warranty\.pdf/ }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("The kettle is guaranteed for seven years").waitFor();
  await dialog.getByText("warranty.pdf, page 1").waitFor();
  await accessible(page);
  await dialog.getByRole("button", { name: "Close" }).last().click();
  // All three are there.
  await page.getByRole("tab", { name: "Documents" }).click();
  for (const file of three) await page.getByRole("row", { name: new RegExp(file.name.replace(".", "\\.")) }).getByText(/^Indexed$/).waitFor();
  await accessible(page);
  await fits(page);
});

onPage("passages can be searched without an answer, on a narrow screen too", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  await page.getByRole("link", { name: "handbook" }).click();
  // Where there is no room for two buttons there is a list.
  await page.getByRole("button", { name: /^Mode\b/ }).click();
  await page.getByRole("option", { name: "Passages only" }).click();
  await page.getByRole("textbox", { name: "Search" }).fill("returned within 30 days");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.getByRole("button", { name: /^1\. .*, open the passage$/ }).click();
  await page.getByRole("dialog").waitFor();
  await fits(page);
  await accessible(page);
}, { width: 390, height: 844, dark: true });

onPage("files that cannot be read are named, and names of any kind are kept", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  const odd = "日本語 – naïve 👩‍👩‍👧 \u202Etxt.exe\u202C #1 100%.txt";
  await upload(page, "odd-names", [
    { name: odd, mimeType: "text/plain", buffer: Buffer.from("The password of the cellar is swordfish.") },
    { name: "setup.exe", mimeType: "application/octet-stream", buffer: Buffer.from("MZ\0\0") },
    { name: "empty.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) },
    { name: "broken.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\nnothing") },
  ]);
  // Two are refused at once; the broken one is told of by the sync.
  await page.getByText("Some files could not be read").or(page.getByText(/broken\.pdf/)).first().waitFor();
  await page.getByRole("button", { name: "Show the documents" }).click();
  await page.getByRole("row", { name: /日本語/ }).getByText(/^Indexed$/).waitFor();
  await page.getByRole("row", { name: /broken\.pdf/ }).getByText(/Failed/).first().waitFor();
  assert.equal(await page.getByRole("row", { name: /setup\.exe/ }).count(), 0);
  // What turns text around is shown, not obeyed.
  assert.equal(await page.getByRole("row", { name: /日本語/ }).evaluate((row) => row.textContent.includes("\u202E")), false);
  await accessible(page);
});

onPage("a knowledge base is deleted, with its name typed", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  await page.getByRole("link", { name: "odd-names" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("odd-names");
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("link", { name: "handbook" }).waitFor();
  await page.getByRole("link", { name: "odd-names" }).waitFor({ state: "detached" });
});
