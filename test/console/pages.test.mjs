import assert from "node:assert/strict";
import { accessible, call, fits, query, signIn, stage, visit } from "./harness.mjs";

// A thousand models beside those of Bedrock.
const many = Array.from({ length: 1000 }, (_, i) => `team.model-${String(i).padStart(4, "0")}`);

const onPage = stage({
  rules: "rules:\n  - answer: Hello there.\n",
  config: `
access: approval
routes:
${many.map((id) => `  - {match: "${id}", model: "outcrop/smollm2", like: anthropic.claude-3-haiku-20240307-v1:0}`).join("\n")}
`,
});

/** The pages, each with what is there when it is complete. */
const all = [
  ["", (page) => page.getByRole("heading", { name: "Overview", exact: true })],
  ["catalog", (page) => page.getByRole("row").nth(1)],
  ["catalog/amazon.nova-micro-v1:0", (page) => page.getByRole("heading", { name: "Use it" })],
  ["model-access", (page) => page.getByRole("row").nth(1)],
  ["local-models", (page) => page.getByRole("heading", { name: "Local models" }).first()],
  ["playground?model=amazon.nova-micro-v1:0", (page) => page.getByRole("textbox", { name: "Message" })],
  ["knowledge-bases", (page) => page.getByRole("button", { name: "Create knowledge base" }).first()],
  ["knowledge-bases/create", (page) => page.getByRole("button", { name: "Create and sync" })],
  ["access/users", (page) => page.getByRole("link", { name: "alice" })],
  ["access/users/create", (page) => page.getByRole("row").nth(1)],
  ["access/users/alice", (page) => page.getByRole("heading", { name: "alice" })],
  ["access/groups", (page) => page.getByRole("button", { name: "Create group" }).first()],
  ["access/groups/create", (page) => page.getByRole("row").nth(1)],
  ["access/api-keys", (page) => page.getByRole("heading", { name: /API keys/ }).first()],
  ["access/you", (page) => page.getByRole("heading", { name: "You", exact: true })],
  ["access/roles", (page) => page.getByRole("button", { name: "Create role" }).first()],
  ["access/roles/create", (page) => page.getByRole("heading", { name: "Create role" })],
  ["access/policies", (page) => page.getByRole("row").nth(1)],
  ["access/policies/create", (page) => page.getByRole("heading", { name: "Create policy" })],
  ["access/explain", (page) => page.getByRole("textbox").first()],
  ["quotas", (page) => page.getByRole("row").nth(1)],
  ["quotas/requests", (page) => page.getByRole("heading", { name: /Increase requests/ }).first()],
  ["quotas/approvals", (page) => page.getByText("Nothing is to be decided")],
  ["usage", (page) => page.getByRole("heading", { name: "In this time" })],
  ["logs", (page) => page.getByRole("heading", { name: "Logs" }).first()],
  ["logs/requests", (page) => page.getByRole("row").nth(1)],
  ["logs/settings", (page) => page.getByText("Nothing is logged.")],
  ["logs/audit", (page) => page.getByRole("row").nth(1)],
];

// Who has signed in on the first of the pages has on all of them.
let cookies;
for (const [path, complete] of all) {
  onPage(`/${path} can be read by all, in the light, in the dark and on a telephone`, async (page, { server }) => {
    if (cookies) {
      await page.context().addCookies(cookies);
    } else {
      await signIn(page, server);
      await query(page, "iam", "CreateUser", { UserName: "alice" });
      cookies = await page.context().cookies();
    }
    await visit(page, server, path);
    await complete(page).waitFor();
    await accessible(page);
    await fits(page);
    await page.emulateMedia({ colorScheme: "dark" });
    await accessible(page);
    await page.setViewportSize({ width: 390, height: 844 });
    await complete(page).waitFor();
    await accessible(page);
    await fits(page);
  });
}

onPage("a thousand models are found by name, and chosen", async (page, { server }) => {
  await signIn(page, server, { path: "catalog" });
  await page.getByRole("searchbox").first().fill("team.model-0777");
  await page.getByRole("row", { name: /team\.model-0777/ }).waitFor();
  assert.equal(await page.getByRole("row", { name: /team\.model-/ }).count(), 1);
  await page.getByRole("row", { name: /team\.model-0777/ }).getByRole("link").first().click();
  await page.getByRole("heading", { name: /team\.model-0777/ }).waitFor();
  await visit(page, server, "playground");
  await page.getByRole("region", { name: /Nova/ }).getByRole("button", { name: /Model/ }).click();
  await page.getByPlaceholder(/Find a model/).fill("model-0999");
  await page.getByRole("option", { name: /model-0999/ }).first().click();
  await page.waitForURL(/team\.model-0999/);
  const catalog = await call(page, "outcrop", "GET", "catalog");
  assert.ok(catalog.models.length > 1000);
});

onPage("the keyboard is enough", async (page, { server }) => {
  await signIn(page, server);
  await page.getByRole("link", { name: "Playground" }).focus();
  await page.keyboard.press("Enter");
  const message = page.getByRole("textbox", { name: "Message" });
  await page.getByRole("region", { name: /Nova/ }).waitFor();
  await message.focus();
  await page.keyboard.type("Hello");
  await page.keyboard.press("Enter");
  // Nobody has asked for access to the model yet.
  await page.getByRole("log").getByText("AccessDeniedException").waitFor();
});
