import { expect, test } from "vitest";
import { newColumn, newConversation } from "./conversation";
import { MemoryHistory, openHistory, surplus, type Entry } from "./history";

const at = (day: number) => `2026-01-${String(day).padStart(2, "0")}T00:00:00.000Z`;
const conversation = (id: string, day: number) => newConversation(id, at(day), [newColumn("c", "m")]);

test("the latest conversation comes first, and one can be forgotten", async () => {
  const history = new MemoryHistory();
  await history.put(conversation("a", 1), "copy");
  await history.put(conversation("b", 2), "copy");
  expect((await history.list()).map((e) => e.id)).toEqual(["b", "a"]);
  await history.remove("b");
  expect(await history.get("b")).toBeUndefined();
  await history.clear();
  expect(await history.list()).toEqual([]);
});

test("what another tab has written is not written over", async () => {
  const history = new MemoryHistory();
  const first = await history.put(conversation("a", 1), "copy");
  expect(first).toMatchObject({ id: "a", revision: 1 });
  const second = await history.put({ ...first, title: "mine" }, "copy");
  expect(second).toMatchObject({ id: "a", revision: 2 });
  expect(await history.put({ ...first, title: "theirs" }, "copy")).toMatchObject({ id: "copy", title: "theirs" });
  expect((await history.get("a"))?.title).toBe("mine");
});

test("the oldest go first", () => {
  const entry = (id: string, day: number, bytes: number): Entry => ({
    id,
    title: "",
    updated: at(day),
    models: [],
    bytes,
    revision: 1,
  });
  const entries = [entry("old", 1, 10), entry("new", 3, 10), entry("mid", 2, 10)];
  expect(surplus(entries, { count: 2, bytes: 100, one: 100 })).toEqual(["old"]);
  expect(surplus(entries, { count: 9, bytes: 15, one: 100 })).toEqual(["mid", "old"]);
});

test("a browser that has no database keeps it in memory", async () => {
  const { history, kept } = await openHistory("arn:aws:iam::000000000000:root");
  expect(kept).toBe(false);
  await history.put(conversation("a", 1), "copy");
  expect(await history.list()).toHaveLength(1);
});
