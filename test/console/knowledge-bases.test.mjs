import assert from "node:assert/strict";
import { mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { accessible, call, fits, signIn, stage } from "./harness.mjs";
import { prices, returns, warranty } from "./documents.mjs";

const rules = `
rules:
  - when: {operation: generate, text: {contains: how long}}
    answer: "The kettle is guaranteed for seven years from the day of purchase."
  - when: {operation: generate, text: {contains: repair}}
    answer: "A repair takes nine working days."
`;
const onPage = stage({ rules });

const name = (page) => page.getByRole("textbox", { name: "Name" });
const chooseFiles = (page) => page.locator("input[type=file]:not([webkitdirectory])").first();

/** Gives another name than the one that is proposed for the files, which comes when they have been looked at. */
async function rename(page, called) {
  await page.waitForFunction((input) => input.value !== "", await name(page).elementHandle());
  await name(page).fill(called);
}

/** Makes a knowledge base of files that somebody chooses; the page ends where questions are asked, if all is well. */
async function upload(page, called, files) {
  await page.getByRole("button", { name: "Create knowledge base" }).first().click();
  await name(page).waitFor();
  await chooseFiles(page).setInputFiles(files);
  await rename(page, called);
  await page.getByRole("button", { name: "Create and sync" }).click();
}

/** Searches for passages where questions are asked. */
async function search(page, text) {
  await page.getByRole("button", { name: "Passages only" }).click();
  await page.getByRole("textbox", { name: "Search" }).fill(text);
  await page.getByRole("button", { name: "Search", exact: true }).click();
}

/** Deletes what a dialog asks about, by its name. */
async function confirm(page, typed) {
  const dialog = page.getByRole("dialog");
  const button = dialog.getByRole("button", { name: "Delete", exact: true });
  await dialog.getByRole("textbox").fill("something else");
  assert.equal(await button.isDisabled(), true, "nothing is deleted by another name");
  await dialog.getByRole("textbox").fill(typed);
  await accessible(page);
  await button.click();
}

/** The keys in a bucket. */
async function keys(page, bucket) {
  const listing = await call(page, "s3", "GET", `${bucket}?list-type=2`);
  return Array.from(listing.matchAll(/<Key>([^<]*)<\/Key>/g), ([, key]) => key);
}

/** Runs a body with a folder that has these files in it. */
async function inFolder(files, body) {
  const folder = await mkdtemp(join(tmpdir(), "outcrop-files-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const text = (called, content) => ({ name: called, mimeType: "text/plain", buffer: Buffer.from(content) });

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
  await dialog.getByText("warranty.pdf, from page 1").waitFor();
  await accessible(page);
  await dialog.getByRole("button", { name: "Close" }).last().click();
  // All three are there.
  await page.getByRole("tab", { name: "Documents" }).click();
  for (const file of three) await page.getByRole("row", { name: new RegExp(file.name.replace(".", "\\.")) }).getByText(/^Indexed$/).waitFor();
  await accessible(page);
  await fits(page);
});

onPage("a citation opens the PDF where it says so, and a text in its whole", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  await page.getByRole("link", { name: "handbook" }).click();
  await page.getByRole("textbox", { name: "Question" }).fill("What about a repair?");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.getByRole("button", { name: /^Source \d+: warranty\.pdf/ }).first().click();
  const dialog = page.getByRole("dialog");
  // The sentence is on the second page of a passage that begins on the first.
  assert.equal(await dialog.locator("mark").first().innerText(), "A repair takes nine working days.");
  const [pdf] = await Promise.all([page.waitForEvent("popup"), dialog.getByRole("button", { name: "Show in the PDF" }).click()]);
  assert.match(pdf.url(), /^blob:.*#page=1:~:text=A%20repair%20takes%20nine%20working%20days\.$/);
  await pdf.close();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await search(page, "returned within 30 days");
  await page.getByRole("button", { name: /^\d+\. returns\.md, open the passage$/ }).click();
  await dialog.getByRole("region", { name: "Document" }).waitFor();
  assert.match(await dialog.locator("mark").first().innerText(), /returned within 30 days/);
  const [saved] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: "Download" }).click()]);
  assert.equal(saved.suggestedFilename(), "returns.md");
  // From the list of documents, too.
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("tab", { name: "Documents" }).click();
  const [listed] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Open prices.csv" }).click()]);
  assert.equal(listed.suggestedFilename(), "prices.csv");
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

onPage("files that cannot be read are named, each with why", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  await inFolder({}, async (folder) => {
    const large = await open(join(folder, "large.pdf"), "w");
    await large.write("%PDF-1.4\n");
    await large.truncate(51 * 1024 * 1024);
    await large.close();
    await page.getByRole("button", { name: "Create knowledge base" }).first().click();
    await name(page).waitFor();
    await chooseFiles(page).setInputFiles(join(folder, "large.pdf"));
    await page.getByRole("row", { name: /large\.pdf/ }).getByText(/51 MB/).waitFor();
    await chooseFiles(page).setInputFiles([
      text("good.txt", "The password of the cellar is swordfish."),
      text("setup.exe", "MZ\0\0"),
      text("empty.txt", ""),
      text("photo.txt", "\x89PNG\r\n\0\0\0\rIHDR\0\0"),
      text("letter.docx", "no letter"),
      text("fake.pdf", "no PDF"),
      text("broken.pdf", "%PDF-1.4\nnothing"),
    ]);
    for (const [file, why] of Object.entries({
      "setup.exe": /is a program/, "empty.txt": /is empty/, "photo.txt": /binary content/, "letter.docx": /not the Word file/,
      "fake.pdf": /not the PDF file/, "large.pdf": /51 MB/, "good.txt": /Will be uploaded/, "broken.pdf": /Will be uploaded/,
    })) {
      await page.getByRole("row", { name: new RegExp(file.replace(".", "\\.")) }).getByText(why).waitFor();
    }
    await accessible(page);
    await rename(page, "faults");
    await page.getByRole("button", { name: "Create and sync" }).click();
  });
  // What could not be known before is told by the sync, and the page stays with it.
  await page.getByText("Some files could not be read").waitFor();
  await page.getByRole("row", { name: /broken\.pdf/ }).getByText(/Failed/).waitFor();
  await accessible(page);
  await page.getByRole("button", { name: "Show the documents" }).click();
  await page.getByRole("row", { name: /good\.txt/ }).getByText(/^Indexed$/).waitFor();
  await page.getByRole("row", { name: /broken\.pdf/ }).getByText(/Failed/).first().waitFor();
  assert.equal(await page.getByRole("row", { name: /setup\.exe/ }).count(), 0);
  // Its data source has kept what went wrong.
  await page.getByRole("tab", { name: "Data sources" }).click();
  await page.getByRole("row", { name: /faults/ }).getByText("Complete, 1 failed").waitFor();
  await page.getByRole("row", { name: /faults/ }).getByRole("link").click();
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByRole("dialog").getByText("broken.pdf").waitFor();
});

// A name and what is shown of it: letters are composed, and what turns text around is shown and not obeyed.
const odd = {
  "日本語 – naïve 👩‍👩‍👧 \u202Etxt.exe\u202C #1 100%.txt": "日本語 – naïve 👩‍👩‍👧 \uFFFDtxt.exe\uFFFD #1 100%.txt",
  "Re\u0301sume\u0301 a+b=c&d?e.txt": "Résumé a+b=c&d?e.txt",
  "مرحبا #2; 'x' \"y\".txt": "مرحبا #2; 'x' \"y\".txt",
  "50%25 %2F.txt": "50%25 %2F.txt",
};

onPage("names of every kind lead from the upload to the citation", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  await page.getByRole("button", { name: "Create knowledge base" }).first().click();
  await name(page).waitFor();
  const words = ["albatross", "bittern", "cormorant", "dotterel"];
  const files = Object.fromEntries(Object.keys(odd).map((file, i) => [`Größe #3/ü?&/${file}`, `The bird of this text is the ${words[i]}.`]));
  await inFolder(files, async (folder) => {
    await page.locator("input[type=file][webkitdirectory]").first().setInputFiles(join(folder, "Größe #3"));
    await page.getByText("Will be uploaded").nth(3).waitFor();
    await rename(page, "odd-names");
    await page.getByRole("button", { name: "Create and sync" }).click();
    await page.getByRole("textbox", { name: "Question" }).waitFor();
  });
  await page.getByRole("button", { name: "Passages only" }).click();
  for (const [i, shown] of Object.values(odd).entries()) {
    await page.getByRole("textbox", { name: "Search" }).fill(`this text ${words[i]}`);
    await page.getByRole("button", { name: "Search", exact: true }).click();
    await page.getByRole("button", { name: `. ${shown}, open the passage` }).last().click();
    const dialog = page.getByRole("dialog");
    // The document is read from its bucket by its key.
    await dialog.getByRole("region", { name: "Document" }).getByText(words[i]).waitFor();
    assert.equal(await dialog.evaluate((node) => node.textContent.includes("\u202E")), false);
    const [saved] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: "Download" }).click()]);
    assert.equal(await saved.failure(), null);
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await dialog.waitFor({ state: "detached" });
  }
  await page.getByRole("tab", { name: "Documents" }).click();
  await page.getByText(`Größe #3/ü?&/${odd["Re\u0301sume\u0301 a+b=c&d?e.txt"]}`).waitFor();
  await accessible(page);
  await fits(page);
});

onPage("a filter on metadata leaves what does not fit", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  const about = (department, year) => JSON.stringify({ metadataAttributes: { department, year } });
  await upload(page, "filtered", [
    text("sales.txt", "The rebate for friends is eleven percent."),
    text("sales.txt.metadata.json", about("sales", 2026)),
    text("legal.txt", "A rebate has to be written down."),
    text("legal.txt.metadata.json", about("legal", 2024)),
  ]);
  await page.getByRole("textbox", { name: "Question" }).waitFor();
  const found = page.getByRole("button", { name: /, open the passage$/ });
  await search(page, "rebate");
  await found.nth(1).waitFor();
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByRole("button", { name: "Filters" }).click();
  await page.getByRole("button", { name: "Add a condition" }).click();
  await page.getByLabel("Key of condition 1").fill("year");
  await page.getByRole("button", { name: /Comparison of condition 1/ }).click();
  await page.getByRole("option", { name: "is at least" }).click();
  await page.getByLabel("Value of condition 1").fill("2025");
  await accessible(page);
  await search(page, "rebate");
  await found.first().waitFor();
  assert.deepEqual(await found.allTextContents(), ["1. sales.txt"]);
  await found.first().click();
  // What is known of the document stands beside the passage.
  await page.getByRole("dialog").getByText("sales", { exact: true }).waitFor();
});

onPage("a sync is stopped, and goes on when it is wanted", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  await server.script("POST", "rules?first=true", "rules:\n  - when: {operation: embed, text: {contains: heron}}\n    answer: {fault: hang}\n");
  await upload(page, "slow", [text("quick.txt", "The lapwing is quick."), text("slow.txt", "The heron is slow.")]);
  await page.getByRole("button", { name: "Stop the sync" }).click();
  await page.getByText(/^Stopped: /).first().waitFor();
  await accessible(page);
  await server.script("DELETE", "rules");
  await page.getByRole("button", { name: "Sync again" }).click();
  await page.getByRole("textbox", { name: "Question" }).waitFor();
  await page.getByRole("tab", { name: "Documents" }).click();
  for (const file of ["quick", "slow"]) await page.getByRole("row", { name: new RegExp(`${file}\\.txt`) }).getByText(/^Indexed$/).waitFor();
  // A sync that somebody else began is stopped where data sources are.
  await server.script("POST", "rules?first=true", "rules:\n  - when: {operation: embed, text: {contains: avocet}}\n    answer: {fault: hang}\n");
  await call(page, "s3", "PUT", "slow/new.txt", { body: "The avocet is new.", headers: { "Content-Type": "text/plain" } });
  await page.getByRole("tab", { name: "Data sources" }).click();
  await page.getByRole("button", { name: "Sync", exact: true }).click();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("row", { name: /slow/ }).getByText("Stopped").waitFor();
  await server.script("DELETE", "rules");
});

onPage("a session that ends during an upload loses nothing", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  const request = page.context().request;
  let put = 0;
  await page.route(/\/console\/call\/s3\/[^/]+\/interrupted\/./, async (route) => {
    put += 1;
    if (put === 2) {
      const { csrf } = await (await request.get(`${server.url}/console/session`)).json();
      await request.delete(`${server.url}/console/session`, { headers: { "X-Outcrop-CSRF": csrf, Origin: server.url } });
    }
    await route.continue();
  });
  const files = Array.from({ length: 7 }, (_, i) => text(`page-${i}.txt`, `This is page ${i}.`));
  await upload(page, "interrupted", files);
  await page.getByText("to go on where you were").waitFor();
  const exports = await server.outcrop("env");
  const read = (variable) => new RegExp(`${variable}=["']?([^"'\\s]+)`).exec(exports)[1];
  await page.getByLabel("Access key ID").fill(read("AWS_ACCESS_KEY_ID"));
  await page.getByLabel("Secret access key").fill(read("AWS_SECRET_ACCESS_KEY"));
  await page.getByRole("button", { name: "Sign in" }).click();
  // It goes on by itself, to where questions are asked.
  await page.getByRole("textbox", { name: "Question" }).waitFor();
  await page.getByRole("tab", { name: "Documents" }).click();
  for (const file of files) await page.getByRole("row", { name: new RegExp(file.name.replace(".", "\\.")) }).getByText(/^Indexed$/).waitFor();
  const { knowledgeBaseSummaries } = await call(page, "bedrock", "POST", "knowledgebases/", { body: {} });
  assert.equal(knowledgeBaseSummaries.filter((base) => base.name === "interrupted").length, 1);
});

onPage("who has an API key is told what it is not for", async (page, { server }) => {
  const made = await server.outcrop("keys", "create", "--user", "app", "--api-key");
  await page.goto(`${server.url}/console/knowledge-bases`);
  await page.getByText("API key", { exact: true }).click();
  await page.getByLabel("API key").last().fill(/AWS_BEARER_TOKEN_BEDROCK=(\S+)/.exec(made)[1]);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Knowledge bases cannot be used with an API key").waitFor();
  assert.equal(await page.getByRole("button", { name: /Create/ }).count(), 0);
  await accessible(page);
  await page.getByRole("button", { name: "Sign in otherwise" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

onPage("a folder of the server is asked as buckets are", async (page, { server }) => {
  await inFolder({ "rules/leave.md": "# Leave\n\nWho marries has three days of leave.\n", "notes #1.txt": "The archive is in Gouda." }, async (folder) => {
    await signIn(page, server, { path: "knowledge-bases" });
    await page.getByRole("button", { name: "Create knowledge base" }).first().click();
    await page.getByRole("radio", { name: /A folder of the server/ }).click();
    await page.getByRole("textbox", { name: "Folder" }).fill(folder);
    await name(page).fill("notes");
    await page.getByText(new RegExp(`kb create notes --from ${folder} --watch --sync`)).waitFor();
    await accessible(page);
    // What the page says to run is run.
    await server.outcrop("kb", "create", "notes", "--from", folder, "--sync");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("link", { name: "notes" }).click();
    await search(page, "days of leave");
    await page.getByRole("button", { name: /^\d+\. leave\.md, open the passage$/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Who marries has three days of leave.").waitFor();
    // Nobody reads the server's files over the network.
    assert.equal(await dialog.getByRole("button", { name: /Download|Show in the PDF/ }).count(), 0);
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await page.getByRole("tab", { name: "Documents" }).click();
    await page.getByRole("row", { name: /notes #1\.txt/ }).getByText(/^Indexed$/).waitFor();
    await page.getByRole("row", { name: /rules\/leave\.md/ }).getByText(/^Indexed$/).waitFor();
    await accessible(page);
  });
});

onPage("a data source is deleted, and its files stay", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  await page.getByRole("link", { name: "handbook" }).click();
  await page.getByRole("tab", { name: "Data sources" }).click();
  await page.getByRole("row", { name: /handbook/ }).getByRole("link").click();
  await page.getByRole("button", { name: "More actions for handbook" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByText("The files themselves stay where they are").waitFor();
  await confirm(page, "handbook");
  await page.getByText("No data sources").waitFor();
  assert.deepEqual((await keys(page, "handbook")).sort(), ["prices.csv", "returns.md", "warranty.pdf"]);
  await page.getByRole("tab", { name: "Test" }).click();
  await page.getByText("This knowledge base has no source of documents.").waitFor();
});

onPage("a knowledge base is deleted, with its name typed, and its files stay", async (page, { server }) => {
  await signIn(page, server, { path: "knowledge-bases" });
  await page.getByRole("link", { name: "faults" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).first().click();
  await page.getByRole("dialog").getByText("and the files in them, stay", { exact: false }).waitFor();
  await confirm(page, "faults");
  await page.getByRole("link", { name: "handbook" }).waitFor();
  await page.getByRole("link", { name: "faults" }).waitFor({ state: "detached" });
  assert.deepEqual((await keys(page, "faults")).sort(), ["broken.pdf", "good.txt"]);
});
