import { accessible, call, openPage, query, signIn, stage } from "./harness.mjs";

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
