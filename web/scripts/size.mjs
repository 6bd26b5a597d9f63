// Fails when a page loads more JavaScript or styles than the budget, compressed with gzip as the worst browser gets it.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const root = new URL("../../internal/console/web/build/", import.meta.url);
const budget = { first: 450_000, page: 700_000 };

const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", root), "utf8"));
const sizes = new Map();
const size = (file) => {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(new URL(file, root)), { level: 9 }).length);
  return sizes.get(file);
};

/** The files that a module needs before it runs: its own and those of what it imports. */
function files(key, seen = new Set()) {
  if (seen.has(key)) return new Set();
  seen.add(key);
  const chunk = manifest[key];
  const all = new Set([chunk.file, ...(chunk.css ?? [])]);
  for (const below of chunk.imports ?? []) for (const file of files(below, seen)) all.add(file);
  return all;
}

const total = (set) => [...set].reduce((sum, file) => sum + (file.endsWith(".js") ? size(file) : 0), 0);
const kB = (n) => `${(n / 1000).toFixed(1).padStart(7)} kB`;

const first = files("index.html");
let failed = false;
function report(name, set, limit) {
  const n = total(set);
  const styles = [...set].reduce((sum, file) => sum + (file.endsWith(".css") ? size(file) : 0), 0);
  console.log(`${kB(n)} scripts ${kB(styles)} styles  ${name}`);
  if (n > limit) {
    console.error(`${name}: ${n} bytes of scripts, the budget is ${limit}`);
    failed = true;
  }
}

report("shell", first, budget.first);
for (const [key, chunk] of Object.entries(manifest)) {
  const page = /^src\/pages\/([^/]+)\/index\.tsx$/.exec(key);
  if (!page || !chunk.isDynamicEntry) continue;
  const limit = page[1] === "overview" ? budget.first : budget.page;
  report(page[1], new Set([...first, ...files(key)]), limit);
}
process.exit(failed ? 1 : 0);
