import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { accessible, call, openPage, query, signIn, stage, visit } from "./harness.mjs";

const onPage = stage({ rules: "rules:\n  - answer: Hello there.\n" });

const nova = "amazon.nova-micro-v1:0";

/** Calls a model with an API key, as a program does. */
function converse(server, key) {
  return fetch(`${server.url}/model/${nova}/converse`, {
    method: "POST", headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content: [{ text: "Hello" }] }] }),
  });
}

/** Saves what a button downloads, and returns its text. */
async function downloaded(page, button) {
  const download = page.waitForEvent("download");
  await button.click();
  return readFile(await (await download).path(), "utf8");
}

/** The IDs of requests in what a page says of errors. */
async function requestIds(page) {
  const said = await page.locator("main").first().innerText();
  return [...said.matchAll(/Request ([0-9a-f]{8}-[0-9a-f-]{27})/g)].map(([, id]) => id);
}

const wrong = `{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Alow",
    "Action": ["bedrock:InvokeModel*"],
    "Resource": "arn:aws:bedrock:*::foundation-model/amazon.*"
  }, {
    "Effect": "Allow",
    "Action": "bedrock:CallWithBearerToken",
    "Resource": "*"
  }]
}`;

onPage("a policy is written in the editor, which names the line of what is wrong, and attached", async (page, { server }) => {
  await signIn(page, server, { path: "access/policies/create" });
  await page.getByRole("textbox", { name: "Policy name" }).fill("novas");
  const editor = page.getByRole("textbox", { name: "Policy document" });
  const problems = page.getByRole("list", { name: "Problems of the policy" });
  // What is no JSON,
  await editor.fill('{\n  "Version": "2012-10-17",\n  "Statement": [}\n');
  await problems.getByRole("button", { name: /^Line 3, column 17/ }).waitFor();
  // what is no policy,
  await editor.fill(wrong);
  await problems.getByRole("button", { name: /^Line 4, column/ }).click();
  const chosen = () => editor.evaluate((field) => field.value.slice(field.selectionStart, field.selectionEnd));
  assert.equal(await chosen(), '"Alow"', "the line leads to what is wrong in it");
  await accessible(page);
  // and it can be put right with a click.
  await problems.getByRole("button", { name: "Allow", exact: true }).click();
  await page.getByText("Nothing is wrong with it").waitFor();
  await page.getByRole("button", { name: "Create policy", exact: true }).click();
  await page.getByText("Policy novas was created.").waitFor();
  await page.getByRole("heading", { name: "novas" }).waitFor();

  await visit(page, server, "access/users/create");
  await page.getByRole("textbox", { name: "User name" }).fill("alice");
  await page.getByRole("button", { name: "Create user", exact: true }).click();
  await page.getByText("User alice was created.").waitFor();
  await page.getByRole("tab", { name: "Permissions" }).click();
  await page.getByRole("button", { name: "Attach policies" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("searchbox").fill("novas");
  await dialog.getByRole("row", { name: /novas/ }).getByRole("checkbox").check();
  await accessible(page);
  await dialog.getByRole("button", { name: "Attach", exact: true }).click();
  await page.getByText("The policy was attached.").waitFor();
  await page.getByRole("link", { name: "novas" }).waitFor();
});

onPage("a policy that the server refuses is told with the ID of the request", async (page, { server }) => {
  await signIn(page, server, { path: "access/policies/create" });
  await page.getByRole("textbox", { name: "Policy name" }).fill("refused");
  const editor = page.getByRole("textbox", { name: "Policy document" });
  // More than a policy may have: the editor says so, and leaves the last word to the server.
  const many = Array.from({ length: 300 }, (_, i) => `arn:aws:s3:::bucket-${i}/*`);
  await editor.fill(JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: many }] }, null, 2));
  await page.getByRole("button", { name: "Create policy", exact: true }).click();
  await page.getByText("LimitExceeded", { exact: true }).first().waitFor();
  assert.ok((await requestIds(page)).length > 0);
});

onPage("keys are shown once, and work", async (page, { server, browser }) => {
  await signIn(page, server, { path: "access/users/alice?tab=security" });
  await page.getByRole("button", { name: "Create access key" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("This is the only time").waitFor();
  const [, line] = (await downloaded(page, dialog.getByRole("button", { name: "Download .csv" }))).trim().split("\n");
  const [id, secret] = line.split(",");
  assert.match(id, /^AKIA/);
  assert.equal(await dialog.getByText(secret).count(), 0, "it is covered before somebody asks for it");
  await dialog.getByRole("button", { name: "Show Secret access key" }).click();
  await dialog.getByText(secret, { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.getByRole("row", { name: new RegExp(id) }).waitFor();

  await page.getByRole("button", { name: "Generate API key" }).first().click();
  await accessible(page);
  await dialog.getByRole("button", { name: "Generate", exact: true }).click();
  await dialog.getByRole("button", { name: "Show API key" }).waitFor();
  await accessible(page);
  const [, second] = (await downloaded(page, dialog.getByRole("button", { name: "Download .csv" }))).trim().split("\n");
  const apiKey = second.slice(second.indexOf(",") + 1);
  await dialog.getByRole("button", { name: "Done" }).click();

  for (const again of [false, true]) {
    if (again) await page.reload();
    await page.getByRole("row", { name: new RegExp(id) }).waitFor();
    const all = await page.evaluate(() => document.documentElement.outerHTML + JSON.stringify({ ...localStorage, ...sessionStorage }));
    assert.equal(all.includes(secret) || all.includes(apiKey), false, "no secret is left behind");
  }

  assert.equal((await converse(server, apiKey)).status, 200);
  const other = await openPage(browser, server);
  await other.goto(`${server.url}/console/`);
  await other.getByLabel("Access key ID").fill(id);
  await other.getByLabel("Secret access key").fill(secret);
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.getByRole("button", { name: /alice/ }).waitFor();
  await other.context().close();

  // What is deactivated is refused from then on.
  await page.getByRole("button", { name: /^Actions for BedrockAPIKey/ }).click();
  await page.getByRole("menuitem", { name: "Deactivate" }).click();
  await page.getByText("The API key is inactive now.").waitFor();
  assert.equal((await converse(server, apiKey)).status, 403);
});

onPage("a decision is explained, from a user to the statement that decides", async (page, { server }) => {
  await signIn(page, server, { path: "access/users/alice" });
  await page.getByRole("button", { name: "Explain a decision" }).click();
  await page.getByRole("combobox", { name: "What" }).fill("Converse");
  await page.keyboard.press("Escape");
  await page.getByRole("textbox", { name: "On what" }).fill(nova);
  await page.getByRole("button", { name: "Explain", exact: true }).click();
  await page.getByText("Allowed", { exact: true }).first().waitFor();
  const deciding = page.getByLabel("The statement that decided");
  await deciding.waitFor();
  assert.match(await deciding.textContent(), /foundation-model\/amazon\.\*/);
  await accessible(page);
  await page.getByRole("textbox", { name: "On what" }).fill("anthropic.claude-3-haiku-20240307-v1:0");
  await page.getByRole("button", { name: "Explain", exact: true }).click();
  await page.getByText("Not allowed by any statement").waitFor();
  await accessible(page);
  // The question stands in the address.
  await page.reload();
  await page.getByText("Not allowed by any statement").waitFor();
});

onPage("a user is renamed, and stays who they are", async (page, { server, browser }) => {
  await signIn(page, server);
  await query(page, "iam", "CreateUser", { UserName: "before" });
  const user = await openPage(browser, server);
  await signIn(user, server, { user: "before" });
  await visit(page, server, "access/users/before");
  await page.getByRole("button", { name: "Rename" }).click();
  const name = page.getByRole("dialog").getByRole("textbox", { name: "Name" });
  await accessible(page);
  await name.fill("after");
  await name.press("Enter");
  await page.getByText("The user before is after now.").waitFor();
  await page.getByRole("heading", { name: "after" }).waitFor();
  await page.getByText("arn:aws:iam::000000000000:user/after").first().waitFor();
  // Who has signed in goes on, by the new name.
  await visit(user, server, "access/users");
  await user.getByText("user/after is not authorized to perform: iam:ListUsers").first().waitFor();
  await user.context().close();
});

onPage("times are the server's where the clock of the reader is years late", async (page, { server }) => {
  await page.clock.install({ time: new Date("1999-12-31T23:59:59Z") });
  await signIn(page, server);
  await query(page, "iam", "CreateUser", { UserName: "late" });
  await call(page, "bedrock", "POST", `model/${encodeURIComponent(nova)}/converse`, {
    body: { messages: [{ role: "user", content: [{ text: "What time is it?" }] }] },
  });
  const year = String(new Date().getFullYear());
  await visit(page, server, "logs/requests?since=15m&operation=Converse");
  await page.getByRole("row", { name: /nova-micro/ }).first().getByText(year).waitFor();
  await visit(page, server, "logs/audit?since=15m&event=CreateUser");
  await page.getByRole("row", { name: /CreateUser/ }).first().getByText(year).waitFor();
  await visit(page, server, "usage?range=today");
  await page.getByRole("row", { name: /nova-micro/ }).first().waitFor();
  await visit(page, server, "access/users/late?tab=security");
  await page.getByRole("button", { name: "Generate API key" }).first().click();
  const end = new Date(Date.now() + 30 * 86_400_000);
  await page.getByRole("dialog").getByText(`${end.getFullYear()}`).waitFor();
});

// Every page, with an action that it cannot do without.
const pages = [
  ["", "outcrop:GetServer"],
  ["catalog", "bedrock:ListFoundationModels"],
  [`catalog/${nova}`, "bedrock:ListFoundationModels"],
  ["local-models", "outcrop:ListLocalModels"],
  ["local-models/smollm2-135m-instruct", "outcrop:ListLocalModels"],
  ["model-access", "bedrock:GetFoundationModelAvailability"],
  ["model-access?tab=requests", "outcrop:ListAccessRequests"],
  ["knowledge-bases", "bedrock:ListKnowledgeBases"],
  ["knowledge-bases/ABCDEFGHIJ", "bedrock:GetKnowledgeBase"],
  ["access/users", "iam:ListUsers"],
  ["access/users/create", "iam:ListPolicies"],
  ["access/users/nobody", "iam:GetUser"],
  ["access/users/nobody?tab=groups", "iam:ListGroupsForUser"],
  ["access/users/nobody?tab=security", "iam:ListAccessKeys"],
  ["access/users/nobody?tab=tags", "iam:ListUserTags"],
  ["access/groups", "iam:ListGroups"],
  ["access/groups/staff", "iam:GetGroup"],
  ["access/roles", "iam:ListRoles"],
  ["access/roles/app", "iam:GetRole"],
  ["access/policies", "iam:ListPolicies"],
  ["access/policies/arn:aws:iam::aws:policy/AdministratorAccess", "iam:GetPolicy"],
  ["access/explain?principal=user/nobody&action=Converse", "outcrop:ExplainDecision"],
  ["access/you", "iam:ListAccessKeys"],
  ["quotas", "servicequotas:ListServiceQuotas"],
  ["quotas/requests", "servicequotas:ListRequestedServiceQuotaChangeHistory"],
  ["quotas/approvals", "outcrop:ListQuotaRequests"],
  ["usage", "outcrop:GetUsage"],
  ["logs/live", "outcrop:ListRequests"],
  ["logs/requests", "outcrop:ListRequests"],
  ["logs/settings", "bedrock:GetModelInvocationLoggingConfiguration"],
  ["logs/audit", "outcrop:LookupAudit"],
];

onPage("who may do nothing is told so on every page, and the audit trail has it", async (page, { server, browser }) => {
  await signIn(page, server);
  await query(page, "iam", "CreateUser", { UserName: "nobody" });
  const nobody = await openPage(browser, server);
  await signIn(nobody, server, { user: "nobody" });
  let last;
  for (const [path, action] of pages) {
    await visit(nobody, server, path);
    const said = nobody.getByText(`(${action})`).first();
    await said.waitFor().catch((error) => {
      throw new Error(`/${path} does not say that ${action} is not allowed`, { cause: error });
    });
    await nobody.getByText(`is not authorized to perform: ${action}`).first().waitFor();
    // Nothing waits for what does not come.
    await nobody.waitForFunction(() => !document.querySelector('[class*="awsui_spinner"], [class*="status-loading"]'));
    const ids = await requestIds(nobody);
    assert.ok(ids.length > 0, `/${path} has no ID of the request that was denied`);
    if (action === "iam:ListUsers") [last] = ids;
  }
  // What can be written down all the same is refused when it is done.
  await visit(nobody, server, "access/policies/create");
  await nobody.getByRole("textbox", { name: "Policy name" }).fill("mine");
  await nobody.getByRole("button", { name: "Create policy", exact: true }).click();
  await nobody.getByText("(iam:CreatePolicy)").first().waitFor();
  await visit(nobody, server, `playground?model=${nova}`);
  await nobody.getByRole("textbox", { name: "Message" }).fill("May I?");
  await nobody.getByRole("button", { name: "Send", exact: true }).click();
  await nobody.getByRole("log").getByText("AccessDeniedException").waitFor();
  await nobody.context().close();

  // The ID that nobody was shown leads an administrator to the event.
  await visit(page, server, `logs/audit?requestId=${last}`);
  const row = page.getByRole("row", { name: /ListUsers/ });
  await row.getByText("AccessDenied").waitFor();
  await row.getByText("user/nobody").waitFor();
  await row.getByRole("link").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/is not authorized to perform: iam:ListUsers/).first().waitFor();
  await accessible(page);
  await dialog.getByRole("link", { name: last }).click();
  await page.getByRole("list", { name: "Timeline" }).getByText("Authenticated").waitFor();
  await page.goto(`${server.url}/console/logs/audit?error=AccessDenied*&principal=user/nobody`);
  await page.getByRole("row", { name: /CreatePolicy/ }).getByText("AccessDenied").waitFor();
});
