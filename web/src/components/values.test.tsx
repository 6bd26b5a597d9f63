import { render, screen } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { asDate, bytes, count, duration, money, StatusBadge, Time, Tokens, words } from "./values";

describe("values as people read them", () => {
  test.each([
    [12.4, "12 ms"],
    [1234, "1.2 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [245_000, "4 min 5 s"],
    [7_380_000, "2 h 3 min"],
    [273_600_000, "3 d 4 h"],
  ])("a duration of %d ms", (ms, want) => expect(duration(ms)).toBe(want));

  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [5 * 2 ** 30, "5.0 GiB"],
    [200 * 2 ** 20, "200 MiB"],
    [null, "-"],
  ])("%s bytes", (n, want) => expect(bytes(n)).toBe(want));

  test.each([
    ["0", "$0.00"],
    ["0.000012345", "$0.0000123"],
    ["0.5", "$0.50"],
    ["1234.567", "$1,234.57"],
    ["", "-"],
    [undefined, "-"],
    ["many", "-"],
  ])("%s dollars", (usd, want) => expect(money(usd)).toBe(want));

  test("counts", () => {
    expect(count(1234567)).toBe("1,234,567");
    expect(count(undefined)).toBe("-");
    render(<Tokens count={12_345} />);
    expect(screen.getByTitle("12,345 tokens")).toHaveTextContent("12.3K");
  });

  test.each([
    ["IN_PROGRESS", "In progress"],
    ["InService", "In service"],
    ["half-open", "Half-open"],
  ])("the word %s", (status, want) => expect(words(status)).toBe(want));
});

test("a time says what it is in UTC", () => {
  render(<Time at={1_700_000_000.5} />);
  expect(screen.getByTitle("2023-11-14 22:13:20 UTC")).toHaveAttribute("datetime", "2023-11-14T22:13:20.500Z");
});

test.each([null, undefined, "", "not a time"])("%s is no time", (at) => expect(asDate(at)).toBeUndefined());

test("a status that nobody knows is shown as it is", () => {
  render(<StatusBadge status="SOMETHING_NEW" />);
  expect(screen.getByText("Something new")).toBeVisible();
});
