import "@testing-library/jest-dom/vitest";
import { configure } from "@testing-library/react";

// jsdom lays nothing out: these let Fluent measure, and the virtual tables draw their first rows.
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
for (const [name, value] of Object.entries({
  offsetHeight: 600,
  offsetWidth: 1000,
  clientHeight: 600,
  clientWidth: 1000,
}))
  Object.defineProperty(HTMLElement.prototype, name, { configurable: true, value });
globalThis.NodeFilter ??= window.NodeFilter;
window.matchMedia ??= (query: string) =>
  ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as unknown as MediaQueryList;
Element.prototype.scrollTo ??= () => undefined;

// Pages are loaded when they are first visited, which takes a while on a busy machine; and a whole page as text helps nobody.
configure({
  asyncUtilTimeout: 10_000,
  getElementError: (message) => new Error(message ?? "not found"),
});
