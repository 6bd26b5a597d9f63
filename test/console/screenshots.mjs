// Takes the pictures of docs/CONSOLE.md: every page, light and dark, and some on a
// narrow screen, of a server that has been used a little. `make screenshots`.

import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { call, openPage, query, Server, signIn, startBrowser, visit } from "./harness.mjs";
import { prices, returns, warranty } from "./documents.mjs";

const out = process.argv[2] ?? "../../docs/console";
const only = process.argv[3];

const nova = "amazon.nova-lite-v1:0";
const claude = "anthropic.claude-3-haiku-20240307-v1:0";
const titan = "amazon.nova-micro-v1:0";
const llama = "meta.llama3-70b-instruct-v1:0";

const sky = `Sunlight looks white, but it is a **mix of all colours**. When it meets the air, it bumps into gas molecules that are far smaller than the light's waves.

Short waves are scattered much more than long ones:

| colour | wavelength | scattered |
|---|---|---|
| red | 700 nm | 1 × |
| green | 550 nm | 2.6 × |
| blue | 450 nm | 5.9 × |

So blue reaches your eyes from *everywhere* in the sky, and the sky looks blue.`;

// Pictures show where the models are: a place that says nothing of who took them.
const models = join(tmpdir(), "outcrop-models");
await rm(models, { force: true });
await symlink(process.env.OUTCROP_MODELS, models);

const server = await Server.start({
  args: ["--models", models],
  rules: `
settings: {chunk: word, delay: {start: 180ms, token: 9ms}}
rules:
  - when: {text: {contains: why the sky, ignoreCase: true}, model: "*claude*"}
    answer: {text: ${JSON.stringify("Imagine tiny balls in the air. **Blue light is small and bouncy**, so it hits the balls and flies all around. Red light is long and walks straight through.\n\n1. Sunlight has all colours in it.\n2. The air throws the blue part around.\n3. Wherever you look, some blue comes to you.")}, usage: {input: 31, output: 96}}
  - when: {text: {contains: why the sky, ignoreCase: true}}
    answer: {text: ${JSON.stringify(sky)}, usage: {input: 29, output: 214}}
  - when: {operation: generate, text: {contains: how long, ignoreCase: true}}
    answer: "A repair takes nine working days. Repairs are made in Gdynia. The kettle is guaranteed for seven years from the day of purchase."
  - when: {text: {contains: overload}}
    answer: {fault: throttle}
  - when: {operation: generate, text: {regex: "^(Summarize|Translate|Classify)"}}
    answer: {text: "The customer asks for a refund of a kettle that was bought in May.", usage: {input: 18250, output: 2310}, delay: 120ms}
`,
  config: `
access: approval
limits: {catalog: true}
`,
});
for (const model of [nova, claude, titan, "anthropic.claude-3-5-sonnet-20241022-v2:0", "amazon.titan-embed-text-v2:0"]) {
  await server.outcrop("access", "approve", model, "--region", "us-east-1");
}
const browser = await startBrowser();

try {
  const page = await openPage(browser, server, { height: 800 });
  await signIn(page, server);
  await fill(page);
  const base = await knowledgeBase(page);
  const pages = [
    ["overview", "", ready("heading", "Overview")],
    ["catalog", "catalog?region=us-east-1", rows],
    ["model", `catalog/${nova}`, ready("heading", "Use it")],
    ["model-access", "model-access", rows],
    ["local-models", "local-models", ready("heading", /Local models/)],
    ["playground", `playground?model=${nova}&model=${claude}`, compare],
    ["knowledge-base", base, ask],
    ["access", "access/users", rows],
    ["explain", `access/explain?${new URLSearchParams({ principal: "user/bob", action: "bedrock:InvokeModel", resource: `arn:aws:bedrock:us-east-1::foundation-model/${claude}` })}`, (p) => p.getByText("Denied by a statement").waitFor(), 1080],
    ["quotas", `quotas?model=${encodeURIComponent(nova)}`, rows],
    ["usage", "usage?range=24h&group=model", ready("heading", "In this time"), 1080],
    ["logs", "logs/live?operation=Converse", rows],
  ];
  await mkdir(out, { recursive: true });
  for (const [name, path, complete, height = 800] of pages) {
    if (only && !only.split(",").includes(name)) continue;
    const see = await openPage(browser, server, { height: 800 });
    await see.context().addCookies(await page.context().cookies());
    try {
      for (const [suffix, width, colorScheme] of [["", 1280, "light"], ["-dark", 1280, "dark"], ["-narrow", 390, "light"]]) {
        await see.setViewportSize({ width, height: width === 390 ? 844 : height });
        await see.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        if (suffix === "") {
          await visit(see, server, path);
          await complete(see);
        }
        await see.locator(colorScheme === "dark" ? ".awsui-dark-mode" : "body:not(.awsui-dark-mode)").first().waitFor();
        await see.getByText(/^Loading/).first().waitFor({ state: "detached" });
        await keep(see, join(out, `${name}${suffix}`));
      }
    } catch (error) {
      console.error(`${name}: ${error.message}`);
      process.exitCode = 1;
    }
    if (see.faults.length > 0) console.error(name, see.faults);
    await see.context().close();
  }
} finally {
  await browser.close();
  await server.stop();
  await rm(models, { force: true });
}

/** WebP is a third of PNG; the viewer of those who make the pictures may want PNG. */
async function keep(page, path) {
  if (process.env.PNG) return page.screenshot({ path: `${path}.png` });
  const cdp = await page.context().newCDPSession(page);
  const { data } = await cdp.send("Page.captureScreenshot", { format: "webp", quality: 82 });
  await writeFile(`${path}.webp`, Buffer.from(data, "base64"));
}

function ready(role, name) {
  return (page) => page.getByRole(role, { name }).first().waitFor();
}

async function rows(page) {
  await page.getByRole("row").nth(1).waitFor();
}

async function compare(page) {
  await page.getByRole("textbox", { name: "Message" }).fill("Explain to a ten-year-old why the sky is blue.");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("list", { name: "About this reply" }).nth(1).getByText(/tokens in/).waitFor();
  await page.getByRole("list", { name: "About this reply" }).nth(0).getByText(/tokens in/).waitFor();
  await page.getByRole("button", { name: "Configuration", exact: true }).click();
  await page.mouse.move(640, 790);
}

async function ask(page) {
  await page.getByRole("textbox", { name: "Question" }).fill("How long does a repair take, and who pays?");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.getByRole("heading", { name: "Sources" }).waitFor();
}

/** Users with rights of their own, and calls of theirs. */
async function fill(page) {
  const policies = {
    alice: [{ Effect: "Allow", Action: "bedrock:*", Resource: "*" }],
    bob: [
      { Sid: "Models", Effect: "Allow", Action: "bedrock:*", Resource: "*" },
      { Sid: "NoClaude", Effect: "Deny", Action: "bedrock:InvokeModel*", Resource: "arn:aws:bedrock:*::foundation-model/anthropic.*" },
    ],
    "ci-pipeline": [{ Effect: "Allow", Action: ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"], Resource: "*" }],
    zoe: [{ Effect: "Allow", Action: "bedrock:*", Resource: "*" }],
  };
  const asked = { alice: [nova, claude, nova], bob: [nova, claude], "ci-pipeline": [titan, titan, titan, llama], zoe: [claude, titan] };
  for (const [name, Statement] of Object.entries(policies)) {
    await query(page, "iam", "CreateUser", { UserName: name, "Tags.member.1.Key": "team", "Tags.member.1.Value": name === "ci-pipeline" ? "platform" : "support" });
    await query(page, "iam", "PutUserPolicy", { UserName: name, PolicyName: "models", PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement }) });
    const user = await openPage(browser, server);
    await signIn(user, server, { user: name });
    const texts = ["Summarize this complaint", "Translate it into Polish", "Classify it", "Simulate an overload"];
    for (const [i, model] of asked[name].entries()) {
      for (const text of texts.slice(0, 2 + (i % 3))) {
        await call(user, "bedrock", "POST", `model/${encodeURIComponent(model)}/converse`, { body: { messages: [{ role: "user", content: [{ text }] }] } }).catch(() => {});
      }
    }
    await user.context().close();
  }
  for (const GroupName of ["analysts", "support"]) await query(page, "iam", "CreateGroup", { GroupName });
  await query(page, "iam", "AddUserToGroup", { GroupName: "support", UserName: "alice" });
  const offers = await call(page, "bedrock", "GET", `list-foundation-model-agreement-offers/${llama}`);
  await call(page, "bedrock", "POST", "create-foundation-model-agreement", { body: { modelId: llama, offerToken: offers.offers[0].offerToken } });
}

/** Makes a knowledge base as somebody does, and returns where it is. */
async function knowledgeBase(page) {
  await visit(page, server, "knowledge-bases/create");
  await page.getByRole("textbox", { name: "Name" }).waitFor();
  await page.locator("input[type=file]:not([webkitdirectory])").first().setInputFiles([
    { name: "warranty.pdf", mimeType: "application/pdf", buffer: warranty },
    { name: "returns.md", mimeType: "text/markdown", buffer: returns },
    { name: "prices.csv", mimeType: "text/csv", buffer: prices },
  ]);
  await page.getByRole("textbox", { name: "Name" }).fill("handbook");
  await page.getByRole("button", { name: "Create and sync" }).click();
  await page.getByRole("textbox", { name: "Question" }).waitFor();
  return new URL(page.url()).pathname.replace("/console/", "");
}
