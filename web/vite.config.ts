import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const BUILT = "../src/trainshed/server/console";

/** Writes what compresses well once more, compressed: the service sends these as they are. */
function compressed(): Plugin {
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      const assets = join(import.meta.dirname, BUILT, "assets");
      for (const name of readdirSync(assets).filter((file) => /\.(js|css)$/.test(file))) {
        const content = readFileSync(join(assets, name));
        writeFileSync(join(assets, `${name}.br`), brotliCompressSync(content, brotli));
        writeFileSync(join(assets, `${name}.gz`), gzipSync(content, { level: 9 }));
      }
    },
  };
}

// The service serves the console under /console, and the API at the root of the same address.
export default defineConfig({
  base: "/console/",
  plugins: [react(), compressed()],
  // the service puts a fresh one in its place whenever it sends the page
  html: { cspNonce: "csp-nonce-goes-here" },
  build: {
    outDir: BUILT,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    // these say of themselves that they do more than export, which they do not
    rolldownOptions: {
      treeshake: { moduleSideEffects: [{ test: /node_modules\/(antd|@ant-design|@rc-component)\//, sideEffects: false }] },
    },
  },
  server: {
    proxy: { "^/(v1|v2|v3|healthz)": "http://127.0.0.1:8700" },
  },
});
