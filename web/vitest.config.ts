import { defineConfig, mergeConfig } from "vitest/config";
import base from "./vite.config.ts";

export default mergeConfig(
  base,
  defineConfig({
    test: {
      environment: "jsdom",
      environmentOptions: { jsdom: { url: "http://127.0.0.1:8484/console/" } },
      include: ["src/**/*.test.{ts,tsx}"],
      setupFiles: ["src/test/setup.ts"],
      restoreMocks: true,
      testTimeout: 60_000,
      // The components' modules are for bundlers: they import style sheets.
      server: { deps: { inline: [/@cloudscape-design/] } },
      css: false,
    },
  }),
);
