import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { accessible, call, fits, signIn, stage, visit } from "./harness.mjs";

// Stop is for an answer that does not come to its end by itself: after some pieces nothing more comes.
const onPage = stage({
  rules: `
models:
  - {match: "anthropic.*", contextWindow: 1000000}
  - {match: "*"}
rules:
  - when: {text: {contains: a poem}}
    answer: {text: "Roses are **red** and so on and on and on.", chunk: word, fault: {kind: hang, after: 3}}
  - when: {text: {contains: "what is forbidden"}}
    answer: {fault: {kind: throttle, message: "Too many requests, please wait before trying again."}}
  - when: {text: {contains: weather}, toolResult: false}
    answer: {tools: [{name: weather, input: {city: Kraków}}]}
  - when: {toolResult: true}
    answer: "It is \${result.sky} there."
  - when: {text: {contains: who are you}, model: "*nova*"}
    answer: "I am Nova."
  - when: {text: {contains: who are you}}
    answer: "I am \${model}."
  - when: {text: {contains: the price}}
    answer: {text: "Not little.", usage: {input: 123456, output: 7890}}
  - when: {text: {contains: a table}}
    answer: "| a | b |\\n|---|---|\\n| 1 | 2 |\\n\\n\`\`\`go\\nfunc main() {}\\n\`\`\`\\n"
`,
});


const nova = "amazon.nova-micro-v1:0";
const claude = "anthropic.claude-3-haiku-20240307-v1:0";
const llama = "meta.llama3-70b-instruct-v1:0";

const message = (page) => page.getByRole("textbox", { name: "Message" });
const stop = (page) => page.getByRole("button", { name: "Stop", exact: true });
const said = (page, text) => page.getByRole("log").getByText(text);

async function say(page, text) {
  await message(page).fill(text);
  await page.getByRole("button", { name: "Send", exact: true }).click();
}

async function open(page, { server }, path = `playground?model=${nova}`) {
  await signIn(page, server, { path });
  await message(page).waitFor();
}

onPage("a reply comes piece by piece, and ends where it is stopped", async (page, on) => {
  await open(page, on);
  await say(page, "Write a poem, please.");
  await said(page, "Roses are").waitFor();
  await accessible(page);
  await stop(page).click();
  await said(page, "You stopped the reply.").waitFor();
  await said(page, "Roses are").waitFor();
  await say(page, "Echo this.");
  await said(page, "Echo this.").nth(1).waitFor();
  await page.getByRole("list", { name: "About this reply" }).last().getByText(/\d+ tokens in, \d+ out/).waitFor();
  await accessible(page);
  const { calls } = await on.server.script("GET", "calls?after=0");
  assert.deepEqual(calls.map((c) => c.operation), ["ConverseStream", "ConverseStream"]);
  // The address opens it again, with what was said.
  assert.match(page.url(), /chat=/);
  await page.reload();
  await said(page, "You stopped the reply.").waitFor();
});

onPage("two models are compared", async (page, on) => {
  await open(page, on, `playground?model=${nova}&model=${claude}`);
  const columns = page.getByRole("region", { name: /Nova Micro|Claude/ });
  await columns.nth(1).waitFor();
  await say(page, "Tell me who are you.");
  await page.getByRole("region", { name: /Nova Micro/ }).getByText("I am Nova.").waitFor();
  await page.getByRole("region", { name: /Claude/ }).getByText(`I am ${claude}.`).waitFor();
  await accessible(page);
  await page.getByRole("button", { name: /^Remove .*Claude/ }).click();
  assert.equal(await columns.count(), 1);
});

onPage("what a service refuses is told with the request, and can be tried again", async (page, on) => {
  await open(page, on);
  await say(page, "Tell what is forbidden.");
  await said(page, "ThrottlingException").waitFor();
  await said(page, "Too many requests, please wait before trying again.").waitFor();
  await said(page, /Request [0-9a-f-]{36}/).waitFor();
  await accessible(page);
  await on.server.script("POST", "rules?first=true", '{"rules": [{"when": {"text": {"contains": "what is forbidden"}}, "answer": "Nothing any more."}]}');
  await page.getByRole("button", { name: "Try again" }).click();
  await said(page, "Nothing any more.").waitFor();
  await on.server.script("DELETE", "rules");
});

onPage("markup in prompts and answers stays text", async (page, on) => {
  await open(page, on);
  const evil = `<script>window.evil = 1</script><img src=x onerror="window.evil = 2"> <b onmouseover="window.evil = 3">b</b>
[click](javascript:window.evil=4) ![p](https://example.com/p.png) <iframe src="https://example.com"></iframe> <svg/onload=window.evil=5>
[far](https://example.com/far) [data](data:text/html,<script>window.evil=6</script>)`;
  await say(page, evil);
  // The model echoes: it is in the prompt and, as Markdown, in the reply.
  await page.getByRole("list", { name: "About this reply" }).waitFor();
  assert.equal(await page.getByRole("log").getByText("<script>window.evil = 1</script>").count() >= 1, true);
  const found = await page.getByRole("log").evaluate((log) => ({
    elements: [...log.querySelectorAll("script, iframe, img, [onerror], [onload], [onmouseover]")].map((e) => e.outerHTML),
    links: [...log.querySelectorAll("a")].map((a) => a.getAttribute("href")),
    evil: window.evil,
  }));
  assert.deepEqual(found.elements, []);
  // A picture from elsewhere is a link to it, which nobody follows unasked.
  assert.deepEqual(found.links, ["https://example.com/p.png", "https://example.com/far"]);
  assert.equal(found.evil, undefined);
  await say(page, "Show me a table.");
  await page.getByRole("table").getByRole("cell", { name: "2" }).waitFor();
  await said(page, "func main() {}").waitFor();
  await accessible(page);
});

async function paste(page, text) {
  await message(page).focus();
  await page.evaluate((text) => navigator.clipboard.writeText(text), text);
  await page.keyboard.press("ControlOrMeta+v");
}

const pasted = (page) => page.getByRole("button", { name: "Open Pasted text.txt" });

// In one line and with signs of several fonts it would take the field a minute.
const megabyte = "The quick 🦊 jumps over the lazy 犬 and then ".repeat(24_000);

onPage("a megabyte is pasted as a document, read, and sent", async (page, on) => {
  await open(page, on, `playground?model=${claude}`);
  await paste(page, megabyte);
  await pasted(page).waitFor();
  assert.equal(await message(page).inputValue(), "");
  await page.getByText("none goes without words").waitFor();
  assert.equal(await page.getByRole("button", { name: "Send", exact: true }).isDisabled(), true);
  await pasted(page).click();
  const dialog = page.getByRole("dialog", { name: "Pasted text.txt" });
  await dialog.getByText(/characters, 1\.1 MiB/).waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Put back as text" }).isDisabled(), true);
  await accessible(page);
  await page.keyboard.press("Escape");
  await say(page, "What is it about?");
  // It is in what was said, and can be read there.
  await said(page, "(1.1 MiB)").waitFor();
  await page.getByRole("log").getByRole("button", { name: "Open Pasted text.txt" }).click();
  await dialog.getByText(/characters, 1\.1 MiB/).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("list", { name: "About this reply" }).waitFor();
  const { calls } = await on.server.script("GET", "calls?after=0&limit=500");
  const [document] = calls.at(-1).request.messages[0].content;
  assert.deepEqual([document.name, document.content.bytes], ["Pasted text", Buffer.byteLength(megabyte)]);
  await accessible(page);
});

onPage("a model that reads no documents gets what is pasted as text", async (page, on) => {
  await open(page, on);
  await paste(page, megabyte);
  await page.getByText(/MiB, sent as text/).waitFor();
  await say(page, "What is it about?");
  // It is more than the model can hold.
  await said(page, "ValidationException").waitFor();
  await page.getByRole("button", { name: /^Show all [\d,]+ characters$/ }).click();
  await page.getByRole("button", { name: "Show less" }).click();
  await say(page, "Still there?");
  await accessible(page);
});

onPage("what is not too long is put back as text", async (page, on) => {
  await open(page, on);
  const text = "The quick brown fox jumps over the lazy dog.\n".repeat(2000);
  await paste(page, text);
  await pasted(page).click();
  await page.getByRole("dialog").getByRole("button", { name: "Put back as text" }).click();
  assert.equal(await message(page).inputValue(), text);
  assert.equal(await pasted(page).count(), 0);
  await message(page).fill("");
  await paste(page, text);
  await page.getByRole("button", { name: "Remove Pasted text.txt" }).click();
  assert.equal(await pasted(page).count(), 0);
});

onPage("a file that no model reads is refused before it is sent", async (page, on) => {
  await open(page, on, `playground?model=${claude}`);
  const files = page.locator(".playground-composer input[type=file]");
  await files.setInputFiles({ name: "setup.exe", mimeType: "application/octet-stream", buffer: Buffer.from("MZ") });
  await page.getByText("can be attached").waitFor();
  await message(page).fill("What is in it?");
  assert.equal(await page.getByRole("button", { name: "Send", exact: true }).isDisabled(), true);
  await page.getByRole("button", { name: "Remove setup.exe" }).click();
  await files.setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("Nothing.") });
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await said(page, "notes.txt").waitFor();
  await page.getByRole("list", { name: "About this reply" }).waitFor();
  // A model that reads none is not sent any.
  await visit(page, on.server, `playground?model=${nova}`);
  await files.setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("Nothing.") });
  await message(page).fill("What is in it?");
  await page.getByText("Nova Micro cannot read documents.").waitFor();
});

onPage("a server that is killed amid a reply is no end of the conversation", async (page, on) => {
  await open(page, on);
  await say(page, "Write a poem, please.");
  await said(page, "Roses are").waitFor();
  await on.server.down("SIGKILL");
  await page.getByRole("button", { name: "Try again" }).waitFor();
  await said(page, "Roses are").waitFor();
  await on.server.up();
  await say(page, "Are you back?");
  await said(page, "Are you back?").nth(1).waitFor();
});

onPage("a model calls a tool, and answers with its result", async (page, on) => {
  await open(page, on);
  await page.getByRole("button", { name: "Tools", exact: true }).click();
  await page.getByRole("button", { name: "Add a tool" }).click();
  const dialog = page.getByRole("dialog", { name: "Tool" });
  await dialog.waitFor();
  await accessible(page);
  await dialog.getByLabel("Name").fill("weather");
  await dialog.getByLabel("Mock result").fill('{"sky": "cloudy"}');
  await dialog.getByRole("button", { name: "Save" }).click();
  await say(page, "How is the weather?");
  await said(page, "Calls the tool weather").waitFor();
  await said(page, "It is cloudy there.").waitFor();
  await accessible(page);
});

onPage("a reply costs what is billed, by a profile too", async (page, on) => {
  const bill = async () => Number((await call(page, "outcrop", "GET", "usage")).totals.costUsd);
  for (const model of ["global.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"]) {
    await open(page, on, `playground?model=${model}`);
    const before = await bill();
    await say(page, "What is the price?");
    const cost = page.getByRole("list", { name: "About this reply" }).getByText(/^US\$/);
    await cost.waitFor();
    const billed = (await bill()) - before;
    // Three digits are shown.
    const shown = Number((await cost.innerText()).replace("US$", ""));
    assert.ok(billed > 0 && Math.abs(shown - billed) <= billed / 200, `${model}: ${shown} is shown, ${billed} is billed`);
  }
});

onPage("three models fit beside each other", async (page, on) => {
  await open(page, on, `playground?model=${nova}&model=${claude}&model=${llama}`);
  await page.getByRole("region", { name: /Llama/ }).waitFor();
  await say(page, "Show me a table.");
  await page.getByRole("list", { name: "About this reply" }).nth(2).waitFor();
  const columns = page.locator(".playground-columns");
  assert.deepEqual(await columns.evaluate((e) => [e.scrollWidth, e.scrollLeft]), [await columns.evaluate((e) => e.clientWidth), 0]);
  for (const name of [/Nova Micro/, /Claude/, /Llama/]) {
    const { x, width } = await page.getByRole("region", { name }).boundingBox();
    assert.ok(x >= 0 && x + width <= 1280, `${name} is from ${x} to ${x + width}`);
  }
  await fits(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await fits(page);
  await page.getByRole("region", { name: /Llama/ }).getByRole("button", { name: /^Remove/ }).click();
  await page.getByRole("region", { name: /Llama/ }).waitFor({ state: "detached" });
});

async function action(page, name) {
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name, exact: true }).click();
}

const listed = (page, name) => page.getByRole("dialog", { name: "History" }).getByRole("button", { name });

async function importFile(page, name, content) {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), action(page, "Import")]);
  await chooser.setFiles({ name, mimeType: "application/json", buffer: Buffer.from(content) });
}

onPage("conversations stay in the browser, and go out of it and back as a file", async (page, on) => {
  await open(page, on);
  await say(page, "Remember the kettle.");
  await said(page, "Remember the kettle.").nth(1).waitFor();
  await page.getByRole("list", { name: "About this reply" }).waitFor();
  // Another tab has it as well, and what it says is there in this one.
  const other = await page.context().newPage();
  await visit(other, on.server, `playground?model=${nova}`);
  await message(other).waitFor();
  await action(other, "History");
  await listed(other, "Remember the kettle.").click();
  await said(other, "Remember the kettle.").nth(1).waitFor();
  await say(other, "And the toaster.");
  await said(other, "And the toaster.").nth(1).waitFor();
  await other.getByRole("list", { name: "About this reply" }).nth(1).waitFor();
  await other.close();
  await page.reload();
  await said(page, "And the toaster.").nth(1).waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), action(page, "Export")]);
  const content = await readFile(await file.path(), "utf8");

  await action(page, "History");
  await accessible(page);
  await page.getByRole("dialog", { name: "History" }).getByRole("checkbox", { name: /all/i }).first().check();
  await page.getByRole("dialog", { name: "History" }).getByRole("button", { name: "Delete" }).click();
  const sure = page.getByRole("dialog", { name: /Delete/ });
  await sure.getByRole("button", { name: "Delete" }).click();
  await page.getByText("No conversations").waitFor();
  await page.keyboard.press("Escape");
  await visit(page, on.server, `playground?model=${nova}`);
  await message(page).waitFor();
  assert.equal(await said(page, "Remember the kettle.").count(), 0);
  await importFile(page, "talk.json", content);
  await said(page, "Remember the kettle.").nth(1).waitFor();
  await said(page, "And the toaster.").nth(1).waitFor();
  await page.reload();
  await said(page, "And the toaster.").nth(1).waitFor();
});

onPage("a file that is broken is refused, and one with markup does nothing", async (page, on) => {
  await open(page, on);
  await say(page, "Something harmless.");
  await page.getByRole("list", { name: "About this reply" }).waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), action(page, "Export")]);
  const content = await readFile(await file.path(), "utf8");
  for (const [name, broken, why] of [
    ["half.json", content.slice(0, content.length / 2), "half.json: The file is no JSON."],
    ["other.json", "[1, 2]", "other.json: The file is no object."],
    ["role.json", content.replace('"role": "user"', '"role": "root"'), /role\.json: .*\.role is none of user, assistant\./],
    ["proto.json", content.replace('"title":', '"__proto__": {}, "title":'), /proto\.json: .* has an unknown member "__proto__"\./],
  ]) {
    await importFile(page, name, broken);
    await page.getByText(why).first().waitFor();
  }
  const evil = '<img src=x onerror="window.evil = 1"><script>window.evil = 2</script> [x](javascript:window.evil=3)';
  await importFile(page, "evil.json", content.replaceAll("Something harmless.", JSON.stringify(evil).slice(1, -1)));
  await said(page, "<script>").first().waitFor();
  await action(page, "History");
  await listed(page, /<script>/).waitFor();
  assert.deepEqual(
    await page.evaluate(() => [window.evil, document.querySelectorAll("[role=log] img[src=x], [role=log] script, [onerror], a[href^=javascript]").length]),
    [undefined, 0],
  );
});

onPage("a narrow screen has everything", async (page, on) => {
  await open(page, on);
  await fits(page);
  await say(page, "Show me a table.");
  await page.getByRole("list", { name: "About this reply" }).waitFor();
  await fits(page);
  await accessible(page);
}, { width: 390, height: 844, dark: true });
