// How fast the console is, in figures against their targets: `make bench-console`.
// It is no test: on a busy machine figures are worse and nothing is broken.

import { call, openPage, Server, signIn, startBrowser, visit } from "./harness.mjs";

const words = 2000;
const server = await Server.start({
  rules: `
rules:
  - when: {text: {contains: at length}}
    answer: {text: ${JSON.stringify(Array.from({ length: words }, (_, i) => (i % 40 === 39 ? "end.\n\n" : i % 7 === 0 ? `**word${i}**` : `word${i}`)).join(" "))}, delay: {token: 5ms}}
`,
});
const browser = await startBrowser();
const report = [];
const figure = (name, value, unit, target) => report.push({ name, value: `${Math.round(value * 10) / 10} ${unit}`, target: `${target.than} ${target.value} ${unit}`, met: target.than === "<" ? value <= target.value : value >= target.value });
const below = (value) => ({ than: "<", value });

try {
  // The first page, with nothing in the browser's cache.
  const first = { paint: [], ready: [], bytes: 0 };
  for (let i = 0; i < 5; i++) {
    const page = await openPage(browser, server);
    await signIn(page, server);
    const cookies = await page.context().cookies();
    await page.context().close();
    const cold = await openPage(browser, server);
    await cold.context().addCookies(cookies);
    const begun = performance.now();
    await visit(cold, server, "");
    await cold.getByRole("row").nth(1).waitFor();
    first.ready.push(performance.now() - begun);
    const told = await cold.evaluate(() => ({
      paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
      bytes: performance.getEntriesByType("resource").filter((r) => r.name.endsWith(".js")).reduce((sum, r) => sum + r.encodedBodySize, 0),
    }));
    first.paint.push(told.paint);
    first.bytes = told.bytes;
    await cold.context().close();
  }
  const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
  figure("first paint of the overview", median(first.paint), "ms", below(1000));
  figure("overview complete, and can be used", median(first.ready), "ms", below(2000));
  figure("JavaScript of the first page, compressed", first.bytes / 1000, "kB", below(450));

  // A long reply. A frame that comes more than 50 ms after the one before is one that somebody sees missing.
  const page = await openPage(browser, server);
  await signIn(page, server, { path: "playground?model=amazon.nova-micro-v1:0" });
  await page.getByRole("textbox", { name: "Message" }).fill("Tell it at length.");
  await frames(page);
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("list", { name: "About this reply" }).getByText(/tokens in/).waitFor({ timeout: 120_000 });
  const reply = await seen(page);
  figure(`frames that are late while ${words} tokens come`, (100 * reply.late) / reply.all, "%", below(1));
  figure("longest time without a frame", reply.longest, "ms", below(100));
  figure("tasks of more than 50 ms while they come", reply.tasks, "", below(2));
  figure("longest of them", reply.longestTask, "ms", below(100));

  // The log, while the server answers 500 requests a second.
  await visit(page, server, "logs");
  await page.getByRole("row").nth(1).waitFor();
  const load = flood(server);
  await load.running;
  await frames(page);
  const rate = await load.ended;
  const log = await seen(page);
  figure("requests a second while the log is watched", rate, "/s", { than: ">", value: 500 });
  figure("frames of the log that are late", (100 * log.late) / log.all, "%", below(5));
  figure("longest time without a frame of the log", log.longest, "ms", below(250));
  const before = performance.now();
  await page.getByRole("button", { name: /Pause/ }).click();
  figure("time for a click on Pause", performance.now() - before, "ms", below(1000));
  await call(page, "outcrop", "GET", "server");
} finally {
  await browser.close();
  await server.stop();
}

/** Watches the frames of a page, and what holds it up. */
function frames(page) {
  return page.evaluate(() => {
    const watched = { all: 0, late: 0, longest: 0, last: performance.now(), tasks: 0, longestTask: 0 };
    window.watchedFrames = watched;
    watched.observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        watched.tasks++;
        watched.longestTask = Math.max(watched.longestTask, duration);
      }
    });
    watched.observer.observe({ type: "longtask" });
    const look = (now) => {
      const took = now - watched.last;
      watched.last = now;
      watched.all++;
      if (took > 50) watched.late++;
      watched.longest = Math.max(watched.longest, took);
      if (window.watchedFrames === watched) requestAnimationFrame(look);
    };
    requestAnimationFrame((now) => {
      watched.last = now;
      requestAnimationFrame(look);
    });
  });
}

function seen(page) {
  return page.evaluate(() => {
    const { all, late, longest, tasks, longestTask, observer } = window.watchedFrames;
    observer.disconnect();
    delete window.watchedFrames;
    return { all, late, longest, tasks, longestTask };
  });
}

/** Asks the server for ten seconds, as fast as a few connections can but not faster than 500 times a second. */
function flood(server) {
  const seconds = 10;
  let begin;
  const running = new Promise((resolve) => (begin = resolve));
  const ended = (async () => {
    const start = performance.now();
    let asked = 0;
    begin();
    while (performance.now() - start < seconds * 1000) {
      const due = ((performance.now() - start) / 1000) * 520 - asked;
      if (due < 1) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        continue;
      }
      // What nobody has signed is answered, counted and logged as anything else.
      await Promise.all(Array.from({ length: Math.min(50, Math.floor(due)) }, async () => {
        const answer = await fetch(`${server.url}/foundation-models`);
        await answer.arrayBuffer();
        asked++;
      }));
    }
    return asked / ((performance.now() - start) / 1000);
  })();
  return { running, ended };
}

const wide = Math.max(...report.map(({ name }) => name.length));
for (const { name, value, target, met } of report) console.log(`${name.padEnd(wide)}  ${value.padStart(12)}  target ${target.padEnd(12)} ${met ? "" : "missed"}`);
