import assert from "node:assert/strict";
import { accessible, call, fits, openPage, query, Server, signIn, stage, visit, watched } from "./harness.mjs";

const onPage = stage({ rules: "rules:\n  - answer: Hello there.\n", config: "access: approval\n" });

const nova = "amazon.nova-micro-v1:0";

onPage("a model is enabled: somebody asks, an administrator approves, and it answers", async (page, { server, browser }) => {
  await signIn(page, server);
  await query(page, "iam", "CreateUser", { UserName: "dave" });
  await query(page, "iam", "AttachUserPolicy", { UserName: "dave", PolicyArn: "arn:aws:iam::aws:policy/AmazonBedrockFullAccess" });
  // What opens a model is a permission of AWS Marketplace beside Bedrock's.
  await query(page, "iam", "PutUserPolicy", {
    UserName: "dave", PolicyName: "subscribe",
    PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: { Effect: "Allow", Action: "aws-marketplace:*", Resource: "*" } }),
  });
  const dave = await openPage(browser, server);
  await signIn(dave, server, { user: "dave", path: `playground?model=${nova}` });
  const message = dave.getByRole("textbox", { name: "Message" });
  await message.fill("Hello?");
  await dave.getByRole("button", { name: "Send", exact: true }).click();
  await dave.getByRole("log").getByText("You don't have access to the model").waitFor();

  await dave.goto(`${server.url}/console/model-access`);
  await dave.getByRole("searchbox").first().fill("nova micro");
  await dave.getByRole("row", { name: /Nova Micro/ }).getByRole("checkbox").check();
  await dave.getByRole("button", { name: /^Request access/ }).click();
  const dialog = dave.getByRole("dialog");
  await dialog.getByRole("checkbox").check();
  await accessible(dave);
  await dialog.getByRole("button", { name: "Submit request" }).click();
  await dave.getByText(/An administrator has to approve/).first().waitFor();

  await page.goto(`${server.url}/console/model-access?tab=requests`);
  await page.getByRole("row", { name: /nova.micro/i }).getByRole("checkbox").check();
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await accessible(page);
  await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await page.getByText(/was approved/).first().waitFor();

  await dave.goto(`${server.url}/console/playground?model=${nova}`);
  await message.fill("Hello?");
  await dave.getByRole("button", { name: "Send", exact: true }).click();
  await dave.getByRole("log").getByText("Hello there.").waitFor();
  await dave.context().close();
});

onPage("a call is in the log as it happens, with what became of it", async (page, { server }) => {
  await signIn(page, server, { path: "logs?operation=CountTokens" });
  await page.getByText("Live", { exact: true }).last().waitFor();
  await call(page, "bedrock", "POST", `model/${encodeURIComponent(nova)}/count-tokens`, {
    body: { input: { converse: { messages: [{ role: "user", content: [{ text: "One two three" }] }] } } },
  });
  const row = page.getByRole("row", { name: /CountTokens/ }).first();
  await row.waitFor();
  await accessible(page);
  await row.getByRole("link").click();
  await page.getByText(nova).first().waitFor();
  await accessible(page);
});

/** Selects all models that can be asked for, reads the terms and accepts them. Returns how many there were. */
async function requestAll(page, submit) {
  const all = page.getByRole("button", { name: /^Select all [\d,]+ to request$/ });
  const count = Number(/[\d,]+/.exec(await all.innerText())[0].replaceAll(",", ""));
  await all.click();
  await page.getByRole("button", { name: /^Request access/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/^They are for/).first().waitFor({ timeout: 120_000 });
  for (const [label, text] of [["Company name", "Example"], ["Company website", "https://example.com"], ["Use cases", "Teaching"]]) {
    const field = dialog.getByLabel(label);
    if ((await field.count()) > 0) await field.fill(text);
  }
  const industry = dialog.getByRole("button", { name: /^Industry/ });
  if ((await industry.count()) > 0) {
    await industry.click();
    await page.getByRole("option", { name: "Education" }).click();
  }
  await dialog.getByRole("checkbox").check();
  await dialog.getByRole("button", { name: submit }).click();
  return count;
}

const modelAccess = (page) => call(page, "outcrop", "GET", "model-access");

onPage("all models of the catalog are asked for at once, and approved at once", async (page, { server }) => {
  await signIn(page, server, { path: "model-access" });
  const count = await requestAll(page, "Submit request");
  assert.ok(count > 100, `${count} models`);
  await page.getByText(`Access to ${count} models was requested. An administrator has to approve.`).waitFor({ timeout: 120_000 });
  await page.getByRole("tab", { name: `Requests (${count} pending)` }).click();
  await page.getByRole("button", { name: `Select all ${count} pending` }).click();
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await page.getByText(`Access to ${count} models was approved.`).waitFor({ timeout: 120_000 });
  await page.getByRole("tab", { name: "Requests", exact: true }).waitFor();
  await accessible(page);
});

onPage("a denial says why, is asked about again, and comes back with the request", async (page, { server }) => {
  await signIn(page, server, { path: `model-access?model=${nova}` });
  const act = async (name) => {
    await page.getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menuitem", { name }).click();
  };
  await page.getByRole("row", { name: /Nova Micro/ }).getByRole("checkbox").waitFor();
  await act("Deny access");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("Ask the <b>platform team</b>.");
  await dialog.getByRole("button", { name: "Deny" }).click();
  await page.getByRole("button", { name: "Denied" }).click();
  await page.getByText("You can ask again. An administrator decides.").waitFor();
  await accessible(page);
  await page.keyboard.press("Escape");

  await page.getByRole("row", { name: /Nova Micro/ }).getByRole("checkbox").check();
  await page.getByRole("button", { name: /^Request access/ }).click();
  await dialog.getByText("An administrator has denied this model").waitFor();
  await dialog.getByRole("checkbox").check();
  await accessible(page);
  await dialog.getByRole("button", { name: "Submit request" }).click();
  await page.getByText("Denied before: Ask the <b>platform team</b>.").waitFor();

  await page.getByRole("row", { name: /Nova Micro/ }).getByRole("checkbox").check();
  await act("Withdraw the request");
  await dialog.getByText(/was denied before, and is so again/).waitFor();
  await accessible(page);
  await dialog.getByRole("button", { name: "Withdraw" }).click();
  await page.getByRole("button", { name: "Denied" }).waitFor();
  const { models } = await modelAccess(page);
  const now = models.find(({ id }) => id === nova);
  assert.deepEqual([now.status, now.reason], ["DENIED", "Ask the <b>platform team</b>."]);
});

onPage("a thousand models are asked for at once, where nobody has to approve", async (_, { browser }) => {
  const many = Array.from({ length: 1000 }, (_, i) => `team.model-${String(i).padStart(4, "0")}`);
  const routes = many.map((id) => `  - {match: "${id}", model: "outcrop/smollm2", like: amazon.nova-micro-v1:0}`);
  const server = await Server.start({
    rules: "rules:\n  - answer: Hello there.\n",
    config: `access: request\nroutes:\n${routes.join("\n")}\n`,
  });
  const page = await openPage(browser, server);
  try {
    await watched(page, "a thousand models", async () => {
      await signIn(page, server, { path: "model-access" });
      const count = await requestAll(page, "Accept and get access");
      assert.ok(count > 1000, `${count} models`);
      // The page goes on to work meanwhile: who stops keeps what was granted.
      const dialog = page.getByRole("dialog");
      await dialog.getByText(new RegExp(`^\\d{2,} of ${count.toLocaleString("en")} models$`)).waitFor();
      await fits(page);
      await dialog.getByRole("button", { name: "Stop" }).click();
      await page.getByText(/Access to [\d,]+ models was granted\./).first().waitFor();
      const left = (await modelAccess(page)).models.filter(({ status }) => status !== "AVAILABLE").length;
      assert.ok(left > 0 && left < count, `${left} of ${count} are left`);

      await visit(page, server, "model-access");
      assert.equal(await requestAll(page, "Accept and get access"), left);
      await page.getByText(/Access to [\d,]+ models was granted\./).first().waitFor({ timeout: 120_000 });
      assert.deepEqual((await modelAccess(page)).models.filter(({ status }) => status !== "AVAILABLE"), []);
    });
  } finally {
    await page.context().close();
    await server.stop();
  }
});
