import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, openPage, Server, signIn, startBrowser, visit, watched } from "./harness.mjs";

let server, browser;
before(async () => {
  server = await Server.start({ rules: "rules:\n  - answer: {text: Hello.}\n" });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a page for a test and closes it after it. */
async function withPage(name, options, body) {
  const page = await openPage(browser, server, options);
  try {
    await watched(page, name, () => body(page));
  } finally {
    await page.context().close();
  }
}

test("a link signs in once, and its secret is nowhere", () =>
  withPage("link", {}, async (page) => {
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
  }));

test("a deep link asks to sign in and then goes on to where it leads", () =>
  withPage("deep", {}, async (page) => {
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
  }));

test("a narrow screen has everything", () =>
  withPage("narrow", { width: 390, height: 844, dark: true }, async (page) => {
    await signIn(page, server);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the screen");
    await accessible(page);
  }));
