import { describe, expect, test } from "vitest";
import { keysOf, spanOf, stepLabel, stepOf, stepsOf } from "./range";

const now = new Date("2026-03-01T12:34:56Z");

describe("a range means", () => {
  const cases: [string, string, string][] = [
    ["today", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"],
    ["yesterday", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"],
    ["24h", "2026-02-28T13:00:00Z", "2026-03-01T13:00:00Z"],
    ["7d", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"],
    ["30d", "2026-01-31T00:00:00Z", "2026-03-02T00:00:00Z"],
    ["month", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"],
    ["last-month", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"],
    ["90d", "2025-12-02T00:00:00Z", "2026-03-02T00:00:00Z"],
    ["12m", "2025-04-01T00:00:00Z", "2026-03-02T00:00:00Z"],
    ["2026-01-05..2026-01-05", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"],
    // What makes no sense is a week.
    ["2026-01-05..2026-01-04", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"],
    ["2026-02-31..2026-03-01", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"],
    ["<script>", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"],
  ];
  test.each(cases)("%s", (range, from, to) => {
    const span = spanOf(range, now);
    expect([span.from, span.to]).toEqual([new Date(from), new Date(to)]);
  });
});

describe("steps", () => {
  const cases: [string, string[], string][] = [
    ["today", ["hour"], "hour"],
    ["7d", ["hour", "day"], "day"],
    ["90d", ["day", "month"], "day"],
    ["12m", ["month"], "month"],
  ];
  test.each(cases)("of %s", (range, all, first) => {
    const span = spanOf(range, now);
    expect(stepsOf(span)).toEqual(all);
    expect(stepOf(span, null)).toBe(first);
    expect(stepOf(span, "year")).toBe(first);
    expect(stepOf(span, all.at(-1) ?? "")).toBe(all.at(-1));
  });

  test("are all there, as the server writes them", () => {
    expect(keysOf(spanOf("7d", now), "day")).toEqual([
      "2026-02-23",
      "2026-02-24",
      "2026-02-25",
      "2026-02-26",
      "2026-02-27",
      "2026-02-28",
      "2026-03-01",
    ]);
    expect(keysOf(spanOf("24h", now), "hour")).toHaveLength(24);
    expect(keysOf(spanOf("24h", now), "hour")[0]).toBe("2026-02-28T13:00:00Z");
    expect(keysOf(spanOf("12m", now), "month").slice(-2)).toEqual(["2026-02", "2026-03"]);
  });

  test("have the hour of the reader and the day of the bill", () => {
    expect(stepLabel("2026-02-28T23:00:00Z", "hour", "Asia/Tokyo")).toMatch(/Mar 1.*08:00/);
    expect(stepLabel("2026-02-28", "day")).toBe("Feb 28");
    expect(stepLabel("2026-02", "month")).toBe("Feb 2026");
  });
});
