import assert from "node:assert/strict";
import { accessible, call, query, signIn, stage, visit } from "./harness.mjs";

const onPage = stage({ rules: "rules: []\n" });

const signInForm = (page) => page.getByRole("heading", { name: "Sign in" });

/** Ends the session of a page at the server, and the page is not told. */
async function endSession(page, server) {
  const request = page.context().request;
  const { csrf } = await (await request.get(`${server.url}/console/session`)).json();
  const ended = await request.delete(`${server.url}/console/session`, { headers: { "X-Outcrop-CSRF": csrf, Origin: server.url } });
  assert.equal(ended.status(), 204);
}

async function signInAgain(page, server) {
  const exports = await server.outcrop("env");
  const read = (name) => new RegExp(`${name}=["']?([^"'\\s]+)`).exec(exports)[1];
  await page.getByLabel("Access key ID").fill(read("AWS_ACCESS_KEY_ID"));
  await page.getByLabel("Secret access key").fill(read("AWS_SECRET_ACCESS_KEY"));
  await page.getByRole("button", { name: "Sign in" }).click();
}

onPage("what was typed outlives the session", async (page, { server }) => {
  await signIn(page, server, { path: "playground?model=amazon.nova-micro-v1:0" });
  const message = page.getByRole("textbox", { name: "Message" });
  await message.fill("Good day.");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("log").getByText("Good day.").nth(1).waitFor();
  await message.fill("An hour later.");
  await endSession(page, server);
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByText("to go on where you were").waitFor();
  await accessible(page);
  await signInAgain(page, server);
  await signInForm(page).waitFor({ state: "detached" });
  await page.getByRole("log").getByText("Good day.").nth(1).waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("log").getByText("An hour later.").nth(1).waitFor();
});

onPage("signing out in one tab signs out in all", async (page, { server }) => {
  await signIn(page, server);
  const other = await page.context().newPage();
  await visit(other, server, "access/users");
  await other.getByRole("button", { name: "Create user" }).first().waitFor();
  await page.getByRole("button", { name: /root/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await signInForm(page).waitFor();
  await signInForm(other).waitFor();
  // And in again, where it was.
  await signInAgain(page, server);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await other.getByRole("button", { name: "Create user" }).first().waitFor();
});

onPage("somebody else in another tab is not who the first tab takes them for", async (page, { server }) => {
  await signIn(page, server);
  await query(page, "iam", "CreateUser", { UserName: "eve" });
  const other = await page.context().newPage();
  await signIn(other, server, { user: "eve" });
  await page.getByRole("button", { name: /eve/ }).waitFor();
});

for (const [name, time] of [["years late", "1999-12-31T23:59:59Z"], ["years early", "2039-01-01T00:00:00Z"]]) {
  onPage(`a clock that is ${name} is no hindrance`, async (page, { server }) => {
    await page.clock.install({ time: new Date(time) });
    let asked = 0;
    page.on("request", (request) => (asked += request.url().endsWith("/console/session") ? 1 : 0));
    await signIn(page, server, { path: "access/users" });
    await page.getByRole("button", { name: "Create user" }).first().waitFor();
    asked = 0;
    for (let minute = 0; minute < 10; minute++) {
      await page.clock.runFor(60_000);
      await call(page, "outcrop", "GET", "server");
    }
    assert.equal(await page.getByText(/Your session/).count(), 0, "nobody is told that a session ends which does not");
    assert.ok(asked <= 20, `the session was asked for ${asked} times in ten minutes`);
    assert.equal(await signInForm(page).count(), 0);
  });
}
