import assert from "node:assert/strict";
import { accessible, openPage, query, signIn, stage } from "./harness.mjs";

const onPage = stage({ rules: "rules: []\n" });

const nova = "amazon.nova-micro-v1:0";

/** Makes a user with a policy of their own. */
async function userWith(page, name, statement) {
  await query(page, "iam", "CreateUser", { UserName: name });
  await query(page, "iam", "PutUserPolicy", {
    UserName: name, PolicyName: "own", PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: statement }),
  });
}

onPage("a user is made, with a policy and a key that works", async (page, { server, browser }) => {
  await signIn(page, server, { path: "access/users" });
  await page.getByRole("button", { name: "Create user" }).first().click();
  await page.getByRole("textbox", { name: "User name" }).fill("alice");
  await page.getByRole("searchbox").first().fill("AmazonBedrockFullAccess");
  await page.getByRole("row", { name: /AmazonBedrockFullAccess/ }).getByRole("checkbox").check();
  await accessible(page);
  await page.getByRole("button", { name: "Create user", exact: true }).click();
  await page.getByText("User alice was created.").waitFor();
  await page.getByRole("button", { name: "Create access key" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/^AKIA/).first().waitFor();
  await accessible(page);
  const keyId = (await dialog.getByText(/^AKIA/).first().textContent()).trim();
  await dialog.getByRole("button", { name: "Show Secret access key" }).click();
  const secret = (await dialog.getByText(/^[A-Za-z0-9/+]{40}$/).first().textContent()).trim();
  const other = await openPage(browser, server);
  await other.goto(`${server.url}/console/`);
  await other.getByLabel("Access key ID").fill(keyId);
  await other.getByLabel("Secret access key").fill(secret);
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.getByRole("button", { name: /alice/ }).waitFor();
  await other.context().close();
});

onPage("a policy denies, and the console says which statement", async (page, { server, browser }) => {
  await signIn(page, server);
  await userWith(page, "bob", [
    { Sid: "All", Effect: "Allow", Action: "bedrock:*", Resource: "*" },
    { Sid: "NoNova", Effect: "Deny", Action: "bedrock:InvokeModel*", Resource: `arn:aws:bedrock:*::foundation-model/${nova}` },
  ]);
  const bob = await openPage(browser, server);
  await signIn(bob, server, { user: "bob", path: `playground?model=${nova}` });
  await bob.getByRole("textbox", { name: "Message" }).fill("May I?");
  await bob.getByRole("button", { name: "Send", exact: true }).click();
  await bob.getByText("AccessDeniedException").first().waitFor();
  await bob.getByText(/explicit deny/).first().waitFor();
  await accessible(bob);
  // What bob may not see at all is told, too.
  await bob.goto(`${server.url}/console/access/users`);
  await bob.getByText(/iam:ListUsers/).first().waitFor();
  await accessible(bob);
  await bob.context().close();

  const question = new URLSearchParams({
    principal: "user/bob", action: "bedrock:InvokeModel", resource: `arn:aws:bedrock:us-east-1::foundation-model/${nova}`,
  });
  await page.goto(`${server.url}/console/access/explain?${question}`);
  await page.getByText("Denied by a statement").waitFor();
  await page.getByText(/NoNova/).first().waitFor();
  await accessible(page);
});

onPage("names of any kind are what they are", async (page, { server }) => {
  await signIn(page, server);
  // IAM allows letters, digits and a few signs in names, and anything in tags and descriptions.
  const odd = "Zoë <b>&amp;</b> \u202Egnp.exe 日本語 👩‍👩‍👧 ' OR 1=1 --";
  await query(page, "iam", "CreateUser", { UserName: "a+b=c,d.e@f_g-h", "Tags.member.1.Key": "team", "Tags.member.1.Value": "Zoë 日本語 _.:/=+-@" });
  await query(page, "iam", "CreateRole", {
    RoleName: "odd", Description: "Zoë <b>&amp;</b> ü",
    AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: { Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" } }),
  });
  await page.goto(`${server.url}/console/access/users`);
  await page.getByRole("link", { name: "a+b=c,d.e@f_g-h" }).click();
  await page.getByRole("heading", { name: "a+b=c,d.e@f_g-h" }).waitFor();
  await page.getByRole("tab", { name: "Tags" }).click();
  await page.locator("input[value='Zoë 日本語 _.:/=+-@']").waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "a+b=c,d.e@f_g-h" }).waitFor();
  await page.goto(`${server.url}/console/access/roles/odd`);
  await page.getByText("Zoë <b>&amp;</b> ü").waitFor();
  await page.goto(`${server.url}/console/access/users/${encodeURIComponent(odd)}`);
  await page.getByRole("heading", { name: /Zoë <b>&amp;<\/b>/ }).waitFor();
  assert.equal(await page.locator("main b b, h1 b").count(), 0);
});
