// Fails when the packages of Cloudscape do not fit each other. The names of their style properties end in a hash; where
// the hashes of two packages differ, one has the light colours only, whatever the mode.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = new URL("../node_modules/@cloudscape-design/", import.meta.url).pathname;

const styles = readdirSync(join(root, "components"), { recursive: true })
  .filter((name) => name.endsWith(".css"))
  .map((name) => readFileSync(join(root, "components", name), "utf8"));
const defined = new Set(styles.flatMap((text) => [...text.matchAll(/(--[a-z0-9-]+)\s*:/g)].map((m) => m[1])));

const tokens = readFileSync(join(root, "design-tokens/index.js"), "utf8");
const missing = [...tokens.matchAll(/var\((--[a-z0-9-]+)/g)].map((m) => m[1]).filter((name) => !defined.has(name));
if (defined.size === 0 || missing.length > 0) {
  console.error(`design-tokens and components are not of one release: ${missing.slice(0, 5).join(", ")} …`);
  process.exit(1);
}
