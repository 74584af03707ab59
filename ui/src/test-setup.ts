import "@testing-library/jest-dom/vitest";
import { configure } from "@testing-library/react";

// jsdom lays nothing out: these let Fluent measure, and the virtual tables draw their first rows.
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
Object.defineProperty(HTMLElement.prototype, "offsetHeight", { configurable: true, value: 600 });
Object.defineProperty(HTMLElement.prototype, "offsetWidth", { configurable: true, value: 1000 });
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
