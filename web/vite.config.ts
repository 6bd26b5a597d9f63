import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/**
 * Cloudscape's global styles embed eight cuts of Open Sans as text, 180 kB that every page would wait for. Without the
 * font faces the browser uses the next family of the list, one of its own.
 */
function withoutFonts(): Plugin {
  return {
    name: "without-fonts",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("global-styles/index.css")) return null;
      return { code: code.replace(/@font-face\s*\{[^}]*\}/g, ""), map: null };
    },
  };
}

/** The server's address while developing; the pages come from Vite, everything else from there. */
const server = process.env.OUTCROP_URL ?? "http://127.0.0.1:8484";

export default defineConfig({
  base: "/console/",
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  plugins: [withoutFonts(), react()],
  server: {
    proxy: {
      "/console/session": { target: server },
      "/console/call": { target: server },
      "/model-terms": { target: server },
    },
  },
  build: {
    outDir: fileURLToPath(new URL("../internal/console/web/build", import.meta.url)),
    emptyOutDir: true,
    target: "es2024",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    // Of everything that is in the bundles: those who copy the binary pass it on.
    license: { fileName: "licenses.md" },
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // What every page needs anyway, apart from what changes with each release.
            { name: "react", test: /node_modules\/(react|react-dom|scheduler|react-router|@tanstack)\// },
          ],
        },
      },
    },
  },
});
