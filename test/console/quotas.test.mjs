import assert from "node:assert/strict";
import { accessible, call, fits, query, signIn, openPage, stage } from "./harness.mjs";

const nova = "amazon.nova-micro-v1:0";

// One request a minute: the second one is refused, however long the test takes with the first.
const onPage = stage({
  rules: "rules:\n  - answer: {text: Hello there., usage: {input: 1000000, output: 1000000}}\n",
  config: `
limits:
  models:
    - {match: "${nova}", requestsPerMinute: 1}
prices:
  - {match: "${nova}", inputPer1M: 1.25, outputPer1M: 2.5}
`,
});

const send = (page) => page.getByRole("button", { name: "Send", exact: true });
const log = (page) => page.getByRole("log");

onPage("who is throttled asks for more, an administrator approves, and it goes on", async (page, { server, browser }) => {
  await signIn(page, server);
  await query(page, "iam", "CreateUser", { UserName: "carol" });
  for (const policy of ["AmazonBedrockFullAccess", "ServiceQuotasFullAccess"]) {
    await query(page, "iam", "AttachUserPolicy", { UserName: "carol", PolicyArn: `arn:aws:iam::aws:policy/${policy}` });
  }
  const carol = await openPage(browser, server);
  await signIn(carol, server, { user: "carol", path: `playground?model=${nova}` });
  const message = carol.getByRole("textbox", { name: "Message" });
  await message.fill("One");
  await send(carol).click();
  await log(carol).getByText("Hello there.").waitFor();
  // The reply says what it cost.
  await log(carol).getByText("$3.75").waitFor();
  await message.fill("Two");
  await send(carol).click();
  await log(carol).getByText("ThrottlingException").waitFor();
  await log(carol).getByText("Too many requests, please wait before trying again.").waitFor();

  await carol.goto(`${server.url}/console/quotas?use=limited&metric=requests-per-minute`);
  const row = carol.getByRole("row", { name: /Nova Micro/ }).first();
  await row.waitFor();
  await accessible(carol);
  await row.getByRole("radio").click();
  await carol.getByRole("button", { name: "Request increase" }).click();
  const dialog = carol.getByRole("dialog");
  await dialog.getByRole("spinbutton").fill("600");
  await accessible(carol);
  await dialog.getByRole("button", { name: "Request", exact: true }).click();
  await carol.getByText(/waits for an administrator/).waitFor();

  await page.goto(`${server.url}/console/quotas/approvals`);
  await page.getByRole("row", { name: /Nova Micro/ }).getByRole("checkbox").check();
  await accessible(page);
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("The request was approved.").waitFor();

  await carol.goto(`${server.url}/console/playground?model=${nova}`);
  await message.fill("Three");
  await send(carol).click();
  await log(carol).getByText("Hello there.").waitFor();
  await carol.context().close();
});

onPage("what it cost is there, by model and by user", async (page, { server }) => {
  await signIn(page, server, { path: "usage" });
  await page.getByRole("heading", { name: "In this time" }).waitFor();
  await page.getByRole("row", { name: /nova-micro/ }).getByText("$7.50").waitFor();
  await accessible(page);
  await page.goto(`${server.url}/console/usage?group=name`);
  await page.getByRole("row", { name: /carol/ }).getByText("$7.50").waitFor();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download CSV" }).click();
  await page.getByRole("menuitem").first().click();
  assert.match((await download).suggestedFilename(), /\.csv$/);
  const usage = await call(page, "outcrop", "GET", "usage?groupBy=model");
  assert.equal(Number(usage.totals.costUsd), 7.5);
});

onPage("a narrow screen shows quotas and costs", async (page, { server }) => {
  await signIn(page, server, { path: "usage" });
  await page.getByRole("heading", { name: "In this time" }).waitFor();
  await fits(page);
  await page.goto(`${server.url}/console/usage?range=7d&step=hour`);
  await page.getByText("Hour, your time zone").first().waitFor();
  await fits(page);
  await accessible(page);
  await page.goto(`${server.url}/console/quotas?use=limited`);
  await page.getByRole("row", { name: /nova.micro/i }).first().waitFor();
  await fits(page);
  await accessible(page);
}, { width: 390, height: 844, dark: true });
