import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { accessible, call, fits, openPage, query, signIn, stage, visit } from "./harness.mjs";

const micro = "amazon.nova-micro-v1:0";
const lite = "amazon.nova-lite-v1:0";

// A call of the one model costs 2 dollars, one of the other 5.
const onPage = stage({
  rules: `
rules:
  - when: {text: fail}
    answer: {fault: throttle}
  - answer: {text: Hello there., usage: {input: 1000000, output: 500000}}
`,
  config: `
prices:
  - {match: "${micro}", inputPer1M: 1, outputPer1M: 2}
  - {match: "${lite}", inputPer1M: 3, outputPer1M: 4}
`,
});

function converse(page, model, { text = "Hello", team } = {}) {
  return call(page, "bedrock", "POST", `model/${encodeURIComponent(model)}/converse`, {
    body: { messages: [{ role: "user", content: [{ text }] }], ...(team ? { requestMetadata: { team } } : {}) },
  });
}

/** The fields of CSV, by the names of its first line. */
function table(text) {
  const [names, ...lines] = text.trim().split(/\r?\n/).map((line) => [...line.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)]
    .slice(0, -1).map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain));
  return lines.map((fields) => Object.fromEntries(names.map((name, i) => [name, fields[i]])));
}

/** What the command line says of a week. */
async function told(server, by) {
  return table(await server.outcrop("usage", "--since", "7d", "--by", by, "--format", "csv"));
}

async function csv(page, item) {
  await page.getByRole("button", { name: "Download CSV" }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: item, exact: true }).click();
  const file = await download;
  return { name: file.suggestedFilename(), rows: table(await readFile(await file.path(), "utf8")) };
}

onPage("what was used is charted and in a table, by model, principal and tag", async (page, { server, browser }) => {
  await signIn(page, server);
  await query(page, "iam", "CreateUser", { UserName: "alice" });
  await query(page, "iam", "AttachUserPolicy", { UserName: "alice", PolicyArn: "arn:aws:iam::aws:policy/AmazonBedrockFullAccess" });
  const alice = await openPage(browser, server);
  await signIn(alice, server, { user: "alice" });
  await converse(page, micro, { team: "blue" });
  await converse(page, lite, { team: "red, hot" });
  await converse(alice, micro, { team: "blue" });
  await assert.rejects(converse(alice, micro, { text: "fail" }), /429/);
  await alice.context().close();

  const row = (name) => page.getByRole("row", { name });
  await visit(page, server, "usage?range=today&step=hour");
  await page.getByRole("heading", { name: "Cost by hour and model" }).waitFor();
  await page.getByRole("application", { name: "Cost over time" }).or(page.getByLabel("Cost over time")).first().waitFor();
  await row(/nova-micro/).getByText("$4.00").waitFor();
  await row(/nova-lite/).getByText("$5.00").waitFor();
  await page.getByText("US$9.00", { exact: true }).first().waitFor();
  await accessible(page);

  await visit(page, server, "usage?range=today&group=name");
  await row(/user\/alice/).getByText("$2.00").waitFor();
  await row(/root/).getByText("$7.00").waitFor();
  await visit(page, server, "usage?range=today&group=tag:team");
  await row(/blue/).getByText("$4.00").waitFor();
  await row(/red, hot/).getByText("$5.00").waitFor();
  // A click on a group shows it alone, and the address keeps it.
  await page.getByRole("link", { name: "Show blue alone" }).click();
  await page.getByRole("button", { name: "Remove the filter Tag team = blue" }).waitFor();
  await row(/red/).waitFor({ state: "detached" });
  await page.reload();
  await row(/blue/).getByText("$4.00").waitFor();
  await accessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await fits(page);
});

onPage("the file has what the command line says", async (page, { server }) => {
  await signIn(page, server, { path: "usage?range=7d&step=day" });
  const { name, rows } = await csv(page, "By day and model");
  assert.match(name, /^usage-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d-by-day-model\.csv$/);
  assert.deepEqual(rows, await told(server, "day,model"));
  assert.equal(rows.reduce((sum, row) => sum + Number(row.cost_usd), 0), 9);
  assert.equal(rows.find((row) => row.model === micro).input_tokens, "2000000");

  await visit(page, server, "usage?range=7d&group=tag:team");
  const tags = await csv(page, "By tag team");
  assert.deepEqual(tags.rows, await told(server, "tag:team"));
  assert.ok(tags.rows.some((row) => row["tag:team"] === 'red, hot'), JSON.stringify(tags.rows));
});

onPage("a time in which nothing was used says so", async (page, { server }) => {
  await signIn(page, server, { path: "usage?range=2020-01-01..2020-01-02" });
  await page.getByText("Nothing was used in this time").first().waitFor();
  await accessible(page);
});
