// The server and the browser of the tests. Each test file starts a server of its
// own, with the configuration that it needs, and a browser with an empty profile.
//
// OUTCROP_BIN is the binary, OUTCROP_MODELS the folder of models, CHROMIUM the
// browser, RESULTS where pictures of failures go.

import { spawn, execFile } from "node:child_process";
import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const { OUTCROP_BIN, OUTCROP_MODELS, CHROMIUM, RESULTS } = process.env;

/** How long something may take that is no matter of speed. */
export const patience = Number(process.env.PATIENCE ?? 30_000);

/** A port that nobody listens on just now. */
async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** The environment without what would change the server or its clients. */
const clean = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(AWS_|OUTCROP_)/.test(name) && !/^(https?|no|all)_proxy$/i.test(name),
  ),
);

export class Server {
  /** Starts a server. rules: a script (YAML) in place of models; config: lines of outcrop.yaml; env: more variables. */
  static async start({ rules, config = "", args = [], env = {} } = {}) {
    const server = new Server();
    server.more = env;
    server.folder = await mkdtemp(join(tmpdir(), "outcrop-console-"));
    server.data = join(server.folder, "data");
    server.url = `http://127.0.0.1:${await freePort()}`;
    await mkdir(server.data, { recursive: true });
    await writeFile(join(server.folder, "outcrop.yaml"), config);
    server.args = ["serve", "--config", join(server.folder, "outcrop.yaml"), "--listen", new URL(server.url).host, ...args];
    if (rules !== undefined) {
      await writeFile(join(server.folder, "rules.yaml"), rules);
      server.args.push("--script", join(server.folder, "rules.yaml"));
    }
    await server.up();
    return server;
  }

  get env() {
    return { ...clean, OUTCROP_DATA: this.data, ...(OUTCROP_MODELS ? { OUTCROP_MODELS } : {}), OUTCROP_OFFLINE: "true", ...this.more };
  }

  /** Starts the process and waits until it would serve a request. */
  async up() {
    this.said = "";
    this.process = spawn(OUTCROP_BIN, this.args, { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    for (const out of [this.process.stdout, this.process.stderr]) {
      out.on("data", (piece) => (this.said = (this.said + piece).slice(-20_000)));
    }
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    for (const until = Date.now() + 4 * patience; ; ) {
      try {
        if ((await fetch(`${this.url}/health/ready`)).ok) return;
      } catch {
        // not yet
      }
      if (this.process.exitCode !== null || Date.now() > until) throw new Error(`the server did not start:\n${this.said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends the process, by default politely; up starts it again on the same data. */
  async down(signal = "SIGTERM") {
    this.process.kill(signal);
    await this.ended;
  }

  async stop() {
    await this.down();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Runs the command line on the server's data and returns what it prints. */
  async outcrop(...args) {
    const { stdout } = await run(OUTCROP_BIN, [...args, "--config", join(this.folder, "outcrop.yaml")], { env: this.env });
    return stdout.trim();
  }

  /** A link that signs in once. */
  async link(user) {
    const said = await this.outcrop("console", "--url", this.url, ...(user ? ["--user", user] : []));
    return /https?:\S+/.exec(said)[0];
  }

  /** Calls the server's scripted interface. */
  async script(method, path, body) {
    const answer = await fetch(`${this.url}/outcrop/script/${path}`, { method, ...(body === undefined ? {} : { body }) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.headers.get("content-type")?.includes("json") ? answer.json() : answer.text();
  }
}

/** Starts the browser. */
export function startBrowser() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
  });
}

/**
 * A page of a browser of its own, with what a test must not overlook: errors of
 * scripts, refusals of the content security policy, requests to elsewhere.
 */
export async function openPage(browser, server, { width = 1280, height = 900, dark = false } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: dark ? "dark" : "light", reducedMotion: "reduce",
    timezoneId: "Europe/Berlin", locale: "en-GB", acceptDownloads: true, permissions: ["clipboard-read", "clipboard-write"],
  });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) page.faults.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== server.url) page.faults.push(`request to ${url.origin}`);
  });
  return page;
}

/** Opens the console with a link that signs in, at a path below /console/. */
export async function signIn(page, server, { user, path } = {}) {
  await page.goto(await server.link(user));
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  if (path !== undefined) await visit(page, server, path);
}

/** Goes to a path below /console/ as a deep link does. */
export async function visit(page, server, path) {
  await page.goto(`${server.url}/console/${path}`);
}

/** What axe finds in parts that are not ours to change. */
const knownFaults = [
  // AppLayout of Cloudscape says so of its navigation on narrow screens; no screen reader minds.
  { id: "aria-allowed-attr", html: /^<nav [^>]*aria-orientation="horizontal"/ },
];

/** Throws what axe finds of serious and critical faults. */
export async function accessible(page) {
  // The page's policy forbids inline scripts: axe comes by the debugger.
  await page.evaluate(await axeSource());
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const known = (id) => (node) => knownFaults.some((fault) => fault.id === id && fault.html.test(node.html));
  const bad = violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => ({ ...v, nodes: v.nodes.filter((node) => !known(v.id)(node)) }))
    .filter((v) => v.nodes.length > 0);
  if (bad.length > 0) {
    throw new Error(bad.map((v) => `${v.id}: ${v.help}\n${v.nodes.map((n) => `    ${n.html.slice(0, 200)}`).join("\n")}`).join("\n"));
  }
}

let axe;
async function axeSource() {
  axe ??= await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
  return axe;
}

/** Runs a test's body; where it fails, a picture of the page is kept. */
export async function watched(page, name, body) {
  try {
    await body();
  } catch (error) {
    if (RESULTS) {
      const file = join(RESULTS, "console", `${name.replace(/[^\w]+/g, "-")}.png`);
      await mkdir(dirname(file), { recursive: true });
      await page.screenshot({ path: file, fullPage: true }).catch(() => {});
    }
    throw error;
  }
  if (page.faults.length > 0) throw new Error(`the page had faults:\n${page.faults.join("\n")}`);
}

/** Throws where a page is wider than its screen. */
export async function fits(page) {
  const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  if (wide > screen) throw new Error(`the page is ${wide} pixels wide, and the screen ${screen}`);
}

/**
 * Calls a service as who has signed in on a page does: for what a test needs and
 * does not look at. service: a signing name, or outcrop for the operator API.
 */
export async function call(page, service, method, path, { body, headers = {}, region = "us-east-1" } = {}) {
  const answer = await page.evaluate(
    async ([service, method, path, body, headers, region]) => {
      const { csrf } = await (await fetch("/console/session")).json();
      const answer = await fetch(`/console/call/${service}/${region}/${path}`, {
        method, body: typeof body === "object" ? JSON.stringify(body) : body,
        headers: { "X-Outcrop-CSRF": csrf, ...(typeof body === "object" ? { "Content-Type": "application/json" } : {}), ...headers },
      });
      return { status: answer.status, text: await answer.text() };
    },
    [service, method, path, body, headers, region],
  );
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.text.startsWith("{") ? JSON.parse(answer.text) : answer.text;
}

/** Calls one of the services that take a form: iam, sts. */
export function query(page, service, action, input = {}, version = "2010-05-08") {
  return call(page, service, "POST", "", {
    body: new URLSearchParams({ Action: action, Version: version, ...input }).toString(),
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });
}

/**
 * A server and a browser for the tests of a file. The result is what a test is
 * written with: its body gets a page that nobody has signed in on.
 */
export function stage(options) {
  const on = { server: undefined, browser: undefined };
  before(async () => {
    on.server = await Server.start(options);
    on.browser = await startBrowser();
  });
  after(async () => {
    await on.browser?.close();
    await on.server?.stop();
  });
  const onPage = (name, body, options = {}) =>
    test(name, async () => {
      const page = await openPage(on.browser, on.server, options);
      try {
        await watched(page, name, () => body(page, on));
      } finally {
        await page.context().close();
      }
    });
  return onPage;
}
