import { render, screen } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { SafeMarkdown } from "./markdown";
import { markOf, unmarked, withoutMarks } from "./marks";

const html = (text: string) => render(<SafeMarkdown text={text} />).container;

describe("what would run is text", () => {
  test.each([
    "<script>alert(1)</script>",
    "a <img src=x onerror=alert(1)> b",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<svg/onload=alert(1)>",
    "| a |\n|---|\n| <b onclick=alert(1)>x</b> |",
    "- <style>*{display:none}</style>",
  ])("%s", (text) => {
    const of = html(text);
    expect(of.querySelector("script, img, iframe, a, b, style, [onerror], [onclick], [onload]")).toBeNull();
    expect(of.textContent).toContain("<");
  });

  test.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "/console/",
    "//evil.example",
  ])("a link to %s goes nowhere", (href) => {
    const of = html(`[click](${href})`);
    expect(of.querySelector("a")).toBeNull();
    expect(of).toHaveTextContent("click");
  });
});

test("a link to the web opens elsewhere and tells nothing", () => {
  html("[site](https://example.com/a?b=c)");
  const link = screen.getByRole("link");
  expect(link).toHaveAttribute("href", "https://example.com/a?b=c");
  expect(link.getAttribute("rel")).toContain("noopener");
  expect(link.getAttribute("rel")).toContain("noreferrer");
});

test("an image is a link and is not fetched", () => {
  const of = html("![pixel](https://evil.example/p.png)");
  expect(of.querySelector("img")).toBeNull();
  expect(screen.getByRole("link", { name: /pixel/ })).toHaveAttribute("href", "https://evil.example/p.png");
});

test("the usual forms", () => {
  const of = html(
    "# Title\n\nSome **bold**, *soft*, ~~old~~ and `a<b` & c.\n\n1. one\n2. two\n   - deep\n\n> said\n\n```py\nprint('<x>')\n```\n\n| h | k |\n|---|---|\n| 1 | 2 |\n\n---\n- [x] done",
  );
  expect(of.querySelector("h3")).toHaveTextContent("Title");
  expect(of.querySelector("strong")).toHaveTextContent("bold");
  expect(of.querySelector("em")).toHaveTextContent("soft");
  expect(of.querySelector("del")).toHaveTextContent("old");
  expect(of.querySelector("p code")).toHaveTextContent("a<b");
  expect(of.querySelector("p")).toHaveTextContent("& c.");
  expect(of.querySelectorAll("ol > li")).toHaveLength(2);
  expect(of.querySelector("ol ul li")).toHaveTextContent("deep");
  expect(of.querySelector("blockquote")).toHaveTextContent("said");
  expect(of.querySelector("pre")).toHaveTextContent("print('<x>')");
  expect(screen.getByRole("button", { name: "Copy the code" })).toBeVisible();
  expect(of.querySelectorAll("td")).toHaveLength(2);
  expect(of.querySelector("hr")).not.toBeNull();
  expect(of.querySelector("input")).toBeChecked();
});

test("half of an answer is shown while it comes", () => {
  expect(html("Look:\n\n```js\nlet a = 1")).toHaveTextContent("let a = 1");
});

test("marks show what the page puts there, and nothing in code", () => {
  const text = `One.${markOf(1)} **Two.**${markOf(2)} \`code${markOf(3)}\`\n\n- item${markOf(4)}`;
  const { container } = render(<SafeMarkdown text={text} mark={(n) => <sup>{n}</sup>} />);
  expect(Array.from(container.querySelectorAll("sup"), (s) => s.textContent)).toEqual(["1", "2", "4"]);
  expect(container.textContent).toContain("One.1 Two.2 code");
});

test("texts of others set no marks", () => {
  expect(unmarked(`a${markOf(7)}`)).toBe("a[7]");
  expect(withoutMarks(`a${markOf(7)}b`)).toBe("ab");
});
