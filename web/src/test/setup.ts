import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// The time is for machines that are busy. A missing element is told without the whole document, which is thousands of lines here.
configure({
  asyncUtilTimeout: 20_000,
  getElementError: (message) => new Error(message?.split("Ignored nodes:")[0] ?? "no such element"),
});

afterEach(() => {
  cleanup();
  localStorage.clear();
});

// What browsers have and jsdom has not. The reader is one who wants nothing to move: what comes up slowly is not to be seen yet
// when a busy machine looks for it.
vi.stubGlobal("matchMedia", (query: string) => ({
  matches: query.includes("prefers-reduced-motion"),
  media: query,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
  addListener: () => undefined,
  removeListener: () => undefined,
}));
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe() {}
    unobserve() {}
    disconnect() {}
  },
);
