import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import { ServiceError } from "@/client";
import { renderPage } from "@/test/render";
import Usage from ".";
import { allRows, fileName, mostSeries, queryOf, seriesOf, viewOf } from "./query";
import type { Sums, Usage as Answered, UsageRow } from "@/api/outcrop.gen";

// What is drawn is the library's, which measures what a test has not.
vi.mock("./chart", () => ({
  default: ({ series }: { series: { title: string; total: number }[] }) => (
    <ul aria-label="Chart">
      {series.map((s) => (
        <li key={s.title}>{`${s.title}: ${s.total}`}</li>
      ))}
    </ul>
  ),
}));

const sums = (requests: number, costUsd = "0", errors = 0): Sums => ({
  requests,
  errors,
  unpriced: 0,
  queries: 0,
  tokens: { input: requests * 10, output: requests, cacheRead: 0, cacheWrite: 0 },
  costUsd,
});
const row = (keys: string[], requests: number, costUsd?: string): UsageRow => ({ keys, ...sums(requests, costUsd) });

function answer({ groupBy }: { groupBy?: string }): Answered {
  const by = (groupBy ?? "").split(",");
  const rows =
    by.length === 2
      ? [row(["2026-03-09", "amazon.nova"], 3, "1.5"), row(["2026-03-10", "<b>x</b>"], 1, "0.5")]
      : [row(["amazon.nova"], 3, "1.5"), row(["<b>x</b>"], 1, "0.5")];
  const span = { from: "2026-03-04T00:00:00Z", to: "2026-03-11T00:00:00Z" };
  return { ...span, groupBy: by, rows, totals: sums(4, "2", 1), nextToken: "" };
}

const answers = { "GET usage": answer, GetTags: { Tags: ["team"], ReturnSize: 1, TotalSize: 1 } };

describe("the page", () => {
  test("shows what was used, by the server's day", async () => {
    const { client } = renderPage(<Usage />, answers);
    expect(await screen.findByText("amazon.nova: 1.5")).toBeVisible();
    expect(screen.getByText("25% of all")).toBeVisible();
    const table = screen.getByRole("grid", { name: "Models" });
    expect(within(table).getByText("<b>x</b>")).toBeVisible();
    expect(within(table).getByText("$1.50")).toBeVisible();
    expect(client.inputs("GET usage")[0]).toMatchObject({
      from: "2026-03-04T00:00:00Z",
      to: "2026-03-11T00:00:00Z",
      groupBy: "model",
    });
  });

  test("shows one group alone, and goes back", async () => {
    const { client } = renderPage(<Usage />, answers);
    await userEvent.click(await screen.findByRole("link", { name: "Show amazon.nova alone" }));
    expect(await screen.findByText("Model = amazon.nova")).toBeVisible();
    expect(client.inputs("GET usage").at(-1)).toMatchObject({ model: "amazon.nova" });
    await userEvent.click(screen.getByRole("button", { name: "Remove the filter Model = amazon.nova" }));
    expect(screen.queryByText("Model = amazon.nova")).toBeNull();
  });

  test("filters by a tag that is typed", async () => {
    const { client } = renderPage(<Usage />, answers, { path: "/?group=tag%3Ateam" });
    await userEvent.click(await screen.findByRole("button", { name: /^Filter/ }));
    await userEvent.click(await screen.findByRole("option", { name: "Tag: team" }));
    await userEvent.type(screen.getByRole("textbox", { name: "is" }), "blue{Enter}");
    expect(await screen.findByText("Tag team = blue")).toBeVisible();
    expect(client.inputs("GET usage").at(-1)).toMatchObject({ "tag:team": "blue", groupBy: "day,tag:team" });
  });

  test("says what one may not do", async () => {
    const message = "User: arn:aws:iam::0:user/eve is not authorized to perform: outcrop:GetUsage on resource: *";
    const denied = new ServiceError({ code: "AccessDeniedException", message, requestId: "r-1", status: 403 });
    renderPage(<Usage />, { ...answers, "GET usage": denied });
    expect(await screen.findByText("You are not allowed to see what was used (outcrop:GetUsage)")).toBeVisible();
  });

  test("says what to do where there is nothing", async () => {
    const nothing = { ...answer({}), rows: [], totals: sums(0) };
    renderPage(<Usage />, { ...answers, "GET usage": nothing });
    expect(await screen.findByText("Look at a year")).toBeVisible();
  });
});

describe("the address", () => {
  const now = new Date("2026-03-10T12:00:00Z");
  const view = (text: string) => viewOf(new URLSearchParams(text), now);

  test("holds all that is chosen", () => {
    const given = view(
      "range=30d&group=tag:team&measure=requests&model=a*&inRegion=eu-west-1&tag:team=b%26c&region=us-east-1",
    );
    expect(given).toMatchObject({ group: "tag:team", measure: "requests", step: "day" });
    expect(queryOf(given, ["day", "tag:team"], 5)).toEqual({
      from: "2026-02-09T00:00:00Z",
      to: "2026-03-11T00:00:00Z",
      groupBy: "day,tag:team",
      model: "a*",
      region: "eu-west-1",
      "tag:team": "b&c",
      limit: "5",
    });
  });

  test("is left alone where it makes no sense", () => {
    expect(view("group=toString&measure=constructor&step=x&tag:=y")).toMatchObject({
      group: "model",
      measure: "cost",
      filters: {},
    });
  });

  test("names the file", () => {
    expect(fileName(view("range=today"), ["day", "tag:te/am"])).toBe(
      "usage-2026-03-10-2026-03-10-by-day-tag-te-am.csv",
    );
  });
});

describe("series", () => {
  test("add up what has no colour of its own", () => {
    const rows = Array.from({ length: 20 }, (_, i) => row(["2026-03-01", `m${i}`], i + 1));
    const series = seriesOf(rows, ["2026-03-01", "2026-03-02"], "model", "requests");
    expect(series).toHaveLength(mostSeries);
    expect(series[0]).toEqual({ title: "m19", amounts: [20, 0], total: 20 });
    expect(series.at(-1)).toEqual({ title: "13 others", amounts: [91, 0], total: 91 });
  });

  test("leave out what is nothing and what is not in the time", () => {
    const rows = [row(["2026-03-01", "a"], 0), row(["2025-01-01", "b"], 5), row(["2026-03-01", ""], 2)];
    expect(seriesOf(rows, ["2026-03-01"], "tag:team", "tokens")).toEqual([
      { title: "(without this tag)", amounts: [22], total: 22 },
    ]);
  });
});

test("pages are put together, up to a number", async () => {
  const page = (nextToken: string | undefined) => ({
    ...answer({}),
    rows: [row([nextToken ?? "first"], 1)],
    nextToken: `${nextToken ?? ""}x`,
  });
  const { usage, complete } = await allRows(async (token) => page(token), 3);
  expect(usage.rows.map((r) => r.keys[0])).toEqual(["first", "x", "xx"]);
  expect(complete).toBe(false);
});
