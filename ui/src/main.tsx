import { createDOMRenderer, RendererProvider } from "@fluentui/react-components";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { createRoutes } from "./app/routes";
import { backend, setBackend } from "./lib/backend";
import type { Scenario } from "./lib/fake";

async function start(): Promise<void> {
  // In a plain browser there is no engine: development shows a pretended one. Production has only the real one.
  if (import.meta.env.DEV && !("__TAURI_INTERNALS__" in window)) {
    const { FakeBackend } = await import("./lib/fake");
    // `?fake=broken` chooses what it pretends; it is kept, since the router owns the address.
    const wanted = new URLSearchParams(location.search).get("fake") ?? sessionStorage.getItem("tandem.fake");
    sessionStorage.setItem("tandem.fake", wanted ?? "healthy");
    if (location.search) history.replaceState(null, "", location.pathname + location.hash);
    setBackend(new FakeBackend((wanted as Scenario) ?? "healthy"));
  } else {
    const { tauriBackend } = await import("./lib/tauri");
    setBackend(tauriBackend);
  }
  const root = document.getElementById("root");
  if (!root) throw new Error("no #root");
  // The policy of the page lets in only styles with its nonce, which Tauri stamps on this element.
  const nonce = document.querySelector<HTMLStyleElement>("style#csp-nonce")?.nonce ?? "";
  const renderer = createDOMRenderer(document, { styleElementAttributes: { nonce } });
  createRoot(root).render(
    <StrictMode>
      <RendererProvider renderer={renderer} targetDocument={document}>
        <App router={createRoutes()} />
      </RendererProvider>
    </StrictMode>,
  );
  requestAnimationFrame(() =>
    requestAnimationFrame(
      () =>
        void backend()
          .painted()
          .catch(() => undefined),
    ),
  );
}

void start();
