import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vitest/config";

/** The pretended engine is for tests and for `npm run dev` in a plain browser: a bundle that holds it is refused. */
const noFakeInProduction: Plugin = {
  name: "no-fake-in-production",
  apply: "build",
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== "chunk") continue;
      const found = Object.keys(chunk.modules).find((id) => /\/lib\/fake/.test(id));
      if (found) this.error(`${found} must not be part of the production bundle`);
    }
  },
};

export default defineConfig({
  plugins: [react(), noFakeInProduction],
  clearScreen: false,
  server: { port: 1420, strictPort: true, watch: { ignored: ["**/src-tauri/**"] } },
  build: {
    target: "safari16",
    sourcemap: false,
    chunkSizeWarningLimit: 900,
    modulePreload: { polyfill: false },
  },
  test: { environment: "jsdom", setupFiles: ["src/test-setup.ts"], testTimeout: 20000 },
});
