import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { accessible, call, fits, signIn, stage, visit } from "./harness.mjs";
import { Hub } from "./hub.mjs";

// The engine and the models that come with the server are this machine's; what
// is pulled lies in a folder of its own.
const given = process.env.OUTCROP_MODELS;
const models = await mkdtemp(join(tmpdir(), "outcrop-console-models-"));
for (const name of await readdir(given)) {
  if (name !== "library") await symlink(join(given, name), join(models, name));
}
const pack = join(given, "packs", "smollm2-135m-instruct");
const [version] = await readdir(pack);
const file = (await readdir(join(pack, version))).find((name) => name.endsWith(".gguf"));
const hub = await Hub.start({ repository: "team/Tiny-GGUF", name: "Tiny-Q4_1.gguf", file: join(pack, version, file) });
after(async () => {
  await hub.stop();
  await rm(models, { recursive: true, force: true });
});

const onPage = stage({ args: ["--models", models], env: { HF_ENDPOINT: hub.url, OUTCROP_OFFLINE: "false" } });

onPage("a model is pulled, stopped, gone on with, loaded, unloaded and deleted", async (page, { server }) => {
  await signIn(page, server, { path: "local-models" });
  await page.getByRole("button", { name: "Pull a model" }).first().click();
  const dialog = page.getByRole("dialog");
  const source = dialog.getByRole("textbox", { name: "Source" });
  await source.fill("hf.co/team/Missing-GGUF");
  await dialog.getByRole("button", { name: "Check" }).click();
  await dialog.getByText("ResourceNotFoundException").waitFor();

  await source.fill("hf.co/team/Tiny-GGUF");
  await dialog.getByRole("button", { name: "Check" }).click();
  await dialog.getByText("tiny-q4_1", { exact: true }).waitFor();
  await dialog.getByText(/^Fits: /).waitFor();
  await accessible(page);
  await dialog.getByRole("button", { name: "Pull", exact: true }).click();

  // Half of it comes and no more, until somebody stops it.
  const bar = page.getByRole("progressbar", { name: /Tiny-GGUF|tiny-q4_1/ });
  await page.waitForFunction((bar) => Number(bar.getAttribute("aria-valuenow") ?? bar.value) >= 49, await bar.elementHandle());
  await accessible(page);
  await page.getByRole("button", { name: /^Cancel the pull/ }).click();
  await page.getByText(/What has arrived is kept: pulled again/).waitFor();
  await accessible(page);

  hub.release();
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText(/was pulled: /).first().waitFor();
  assert.ok(hub.ranges.length > 1 && hub.ranges.at(-1) > 0, `it began anew: ${hub.ranges}`);
  await page.getByRole("link", { name: "tiny-q4_1" }).click();
  await page.getByRole("heading", { name: "tiny-q4_1" }).waitFor();
  await page.getByText("hf.co/team/Tiny-GGUF:Q4_1").first().waitFor();
  await accessible(page);

  await page.getByRole("button", { name: "Load", exact: true }).click();
  await page.getByRole("button", { name: "Unload" }).waitFor();
  await page.getByText("Loaded", { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Unload" }).click();
  await page.getByRole("button", { name: "Load", exact: true }).waitFor();

  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("textbox").fill("tiny-q4_1");
  await accessible(page);
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByText("tiny-q4_1 was deleted.").waitFor();
  await page.getByRole("link", { name: "tiny-q4_1" }).waitFor({ state: "detached" });
  const { models: left } = await call(page, "outcrop", "GET", "local-models");
  assert.ok(!left.some(({ name }) => name === "tiny-q4_1"));
});

onPage("the models of the machine are shown whole", async (page, { server }) => {
  await signIn(page, server, { path: "local-models" });
  const badges = page.getByText("Built in");
  await badges.first().waitFor();
  const cut = await badges.evaluateAll((all) =>
    all.filter((badge) => {
      const [cell, of] = [badge.parentElement.getBoundingClientRect(), badge.getBoundingClientRect()];
      return of.right > cell.right || of.left < cell.left;
    }).length);
  assert.equal(cut, 0, "badges are cut off");
  await fits(page);
  await page.getByRole("link", { name: "smollm2-135m-instruct" }).click();
  await page.getByText("Comes with the server", { exact: true }).waitFor();
  await accessible(page);
  await visit(page, server, "local-models/not-there");
  await page.getByText("There is no model not-there").waitFor();
  await accessible(page);
}, { width: 1280 });
