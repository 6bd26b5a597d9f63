import assert from "node:assert/strict";
import { accessible, call, fits, openPage, query, signIn, stage, visit } from "./harness.mjs";

const onPage = stage({ rules: "rules:\n  - answer: Hello there.\n", config: "invocationLogs: {interval: 1s}\n" });

const micro = "amazon.nova-micro-v1:0";
const lite = "amazon.nova-lite-v1:0";

function converse(page, model, text = "Hello") {
  return call(page, "bedrock", "POST", `model/${encodeURIComponent(model)}/converse`, {
    body: { messages: [{ role: "user", content: [{ text }] }] },
  });
}

/** A request as anybody can make it who has no key. */
function unsigned(server) {
  return fetch(`${server.url}/model/${micro}/converse`, { method: "POST", body: "{}" });
}

const live = (page) => page.getByRole("region", { name: "Live requests" });

onPage("the live list has what its filters ask for, and nothing else", async (page, { server, browser }) => {
  await signIn(page, server);
  await query(page, "iam", "CreateUser", { UserName: "alice" });
  await query(page, "iam", "AttachUserPolicy", { UserName: "alice", PolicyArn: "arn:aws:iam::aws:policy/AmazonBedrockFullAccess" });
  const alice = await openPage(browser, server);
  await signIn(alice, server, { user: "alice" });
  await visit(page, server, "logs/live");
  await page.getByText("Live", { exact: true }).last().waitFor();
  await page.getByRole("searchbox", { name: "Principal" }).fill("user/alice");
  await page.getByRole("searchbox", { name: "Model" }).fill("nova-lite");
  await page.waitForURL(/model=nova-lite/);
  await page.waitForURL(/principal=user(%2F|\/)alice/);
  await page.getByText("Live", { exact: true }).last().waitFor();
  await converse(page, lite);
  await converse(alice, micro);
  await converse(alice, lite);
  await live(page).getByRole("row", { name: /Converse/ }).first().waitFor();
  assert.equal(await live(page).getByRole("row", { name: /Converse/ }).count(), 1);
  await live(page).getByRole("row", { name: /nova-lite.*alice/ }).waitFor();
  await accessible(page);
  // Held, it does not move; what comes is counted.
  await page.getByRole("button", { name: "Pause" }).click();
  await converse(alice, lite);
  await page.getByText("Paused, 1 new").waitFor();
  assert.equal(await live(page).getByRole("row", { name: /Converse/ }).count(), 1);
  await page.getByRole("button", { name: "Go on" }).click();
  await live(page).getByRole("row", { name: /Converse/ }).nth(1).waitFor();
  await alice.context().close();
});

onPage("requests of nobody are told apart, and push nothing out", async (page, { server }) => {
  await signIn(page, server);
  await converse(page, micro, "Before the flood");
  for (let n = 0; n < 250; n++) assert.equal((await unsigned(server)).status, 403);
  await visit(page, server, "logs/requests?caller=unknown");
  await page.getByText("(200+)").or(page.getByText("(200)")).waitFor();
  await visit(page, server, "logs/live?caller=known&operation=Converse");
  await live(page).getByRole("row", { name: /nova-micro/ }).first().waitFor();
  assert.equal(await live(page).getByRole("row", { name: /403/ }).count(), 0);
});

onPage("one request has its timeline, from the list to the step", async (page, { server }) => {
  await signIn(page, server);
  await converse(page, lite);
  await visit(page, server, "logs/requests?operation=Converse&model=nova-lite&status=ok");
  const row = page.getByRole("row", { name: /nova-lite/ }).first();
  await accessible(page);
  await row.getByRole("link").first().click();
  const way = page.getByRole("list", { name: "Timeline" });
  for (const step of ["Received", "Authenticated", "Decided by policies", "Admitted to the model", "Begins to be answered", "In the bill", "Done"]) {
    await way.getByText(step, { exact: true }).waitFor();
  }
  await page.getByText("Prompts and answers are not logged.").waitFor();
  await accessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await fits(page);
  await accessible(page);
});

onPage("requests are looked for between two moments, which stand in the address", async (page, { server }) => {
  await signIn(page, server);
  await converse(page, micro);
  const now = Date.now(); // once: a minute may pass meanwhile
  const minute = (ms) => new Date(Math.floor((now + ms) / 60_000) * 60_000).toISOString();
  // In the test's zone, which is ahead of UTC, the same hours have other names.
  await visit(page, server, `logs/requests?operation=Converse&from=${minute(-3_600_000)}&to=${minute(120_000)}`);
  await page.getByRole("row", { name: /nova-micro/ }).first().waitFor();
  await visit(page, server, `logs/requests?operation=Converse&from=${minute(-7_200_000)}&to=${minute(-3_600_000)}`);
  await page.getByText("No requests").waitFor();
  await page.getByRole("button", { name: /^Time/ }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Start time" }).waitFor();
  const shown = new Date(minute(-7_200_000)).toLocaleTimeString("en-GB", { timeZone: "Europe/Berlin" });
  assert.equal(await dialog.getByRole("textbox", { name: "Start time" }).inputValue(), shown);
  await accessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await fits(page);
  await page.setViewportSize({ width: 1280, height: 900 });
  await dialog.getByRole("radio", { name: "Relative" }).or(dialog.getByRole("button", { name: /Relative/ })).first().click();
  await dialog.getByRole("radio", { name: "Last 15 minutes" }).check();
  await dialog.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL(/since=15m/);
  await page.getByRole("row", { name: /nova-micro/ }).first().waitFor();
});

onPage("what is asked and answered is logged into a bucket once that is turned on, and no longer when it is off", async (page, { server }) => {
  await signIn(page, server, { path: "logs/settings" });
  await page.getByText("Nothing is logged.").waitFor();
  await page.getByRole("checkbox", { name: /Write down/ }).check();
  await page.getByRole("combobox", { name: "Bucket" }).fill("prompts");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Create it" }).click();
  await page.getByText("Bucket prompts was made.").waitFor();
  await page.getByRole("textbox", { name: /Prefix/ }).fill("here");
  await accessible(page);
  await page.getByRole("button", { name: "Save settings" }).click();
  await page.getByText("Invocations in us-east-1 are logged into prompts.").waitFor();
  await page.reload();
  assert.equal(await page.getByRole("combobox", { name: "Bucket" }).inputValue(), "prompts");

  await converse(page, micro, "Write this down.");
  const objects = async () => [...(await call(page, "s3", "GET", "prompts?list-type=2")).matchAll(/<Key>([^<]+\.json\.gz)<\/Key>/g)].map(([, key]) => key);
  let keys = [];
  for (const until = Date.now() + 60_000; keys.length === 0 && Date.now() < until; ) {
    keys = await objects();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.equal(keys.length, 1);
  assert.match(keys[0], /^here\/AWSLogs\/\d+\/BedrockModelInvocationLogs\/us-east-1\//);

  // The page of the request says where it is.
  await visit(page, server, "logs/requests?operation=Converse");
  await page.getByRole("row", { name: /nova-micro/ }).first().getByRole("link").first().click();
  await page.getByText(/aws s3 cp --recursive s3:\/\/prompts\/here\/AWSLogs/).waitFor();

  await visit(page, server, "logs/settings");
  await page.getByRole("checkbox", { name: /Write down/ }).uncheck();
  await page.getByRole("button", { name: "Save settings" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
  await page.getByText("Invocations in us-east-1 are not logged any more.").waitFor();
  await page.getByText("Nothing is logged.").waitFor();
  await accessible(page);
});
