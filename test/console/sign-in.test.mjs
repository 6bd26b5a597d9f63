import assert from "node:assert/strict";
import { accessible, fits, openPage, signIn, stage, visit } from "./harness.mjs";

const onPage = stage({ rules: "rules:\n  - answer: {text: Hello.}\n" });

onPage("a link signs in once, and its secret is nowhere", async (page, { server, browser }) => {
  const link = await server.link();
  await page.goto(link);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  assert.ok(!page.url().includes("token"), page.url());
  assert.equal(await page.evaluate(() => document.cookie), "", "scripts see no cookie");
  assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }).includes("token=")), false);
  const other = await openPage(browser, server);
  await other.goto(link);
  await other.getByText("You are not signed in").waitFor();
  await other.context().close();
  await accessible(page);
});

onPage("a deep link asks to sign in and then goes on to where it leads", async (page, { server, browser }) => {
  await visit(page, server, "no-such-page");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await accessible(page);
  const exports = await server.outcrop("env");
  const read = (name) => new RegExp(`${name}=["']?([^"'\\s]+)`).exec(exports)[1];
  await page.getByLabel("Access key ID").fill(read("AWS_ACCESS_KEY_ID"));
  await page.getByLabel("Secret access key").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("You are not signed in").waitFor();
  await page.getByLabel("Secret access key").fill(read("AWS_SECRET_ACCESS_KEY"));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText(/There is no such page|not found/i).first().waitFor();
  assert.match(page.url(), /no-such-page/);
});

onPage("a narrow screen has everything", async (page, { server, browser }) => {
  await signIn(page, server);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await fits(page);
  await accessible(page);
}, { width: 390, height: 844, dark: true });
