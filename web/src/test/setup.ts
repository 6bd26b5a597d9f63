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

// Nothing moves: a message that comes up slowly is not visible yet when a test looks at it. The components' own hook believes in
// motion until something in the page has changed, so that to say what the reader prefers is not enough.
vi.mock("@cloudscape-design/component-toolkit/internal", async (original) => ({
  ...(await original<object>()),
  useReducedMotion: () => true,
}));

// What browsers have and jsdom has not.
vi.stubGlobal("matchMedia", (query: string) => ({
  matches: false,
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
