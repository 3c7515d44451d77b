import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The service serves the console under /console, and the API at the root of the same address.
export default defineConfig({
  base: "/console/",
  plugins: [react()],
  build: {
    outDir: "../src/trainshed/server/console",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
  },
  server: {
    proxy: { "^/(v1|v2|v3|healthz)": "http://127.0.0.1:8700" },
  },
});
