import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { ServiceError } from "@/client";
import { renderPage } from "@/test/render";
import { ResourceTable, type Column } from "./resource-table";

interface Item {
  name: string;
  size: number;
}

const columns: readonly Column<Item>[] = [
  { id: "name", header: "Name", cell: (i) => i.name, value: (i) => i.name, main: true },
  { id: "size", header: "Size", cell: (i) => `${i.size} B`, value: (i) => i.size },
  { id: "secret", header: "Hidden", cell: () => "-", hidden: true },
];
const many = Array.from({ length: 10_000 }, (_, i) => ({ name: `item ${i}`, size: (i * 7919) % 10_007 }));

const rows = () =>
  within(screen.getByRole("grid"))
    .getAllByRole("rowheader")
    .map((row) => row.textContent);

test("ten thousand items are a page of rows that can be searched and sorted", async () => {
  const user = userEvent.setup();
  renderPage(
    <ResourceTable id="t" title="Items" items={many} columns={columns} trackBy={(i) => i.name} sort="-size" />,
    {},
  );
  expect(rows()).toHaveLength(20);
  expect(screen.getByText("(10000)")).toBeVisible();
  expect(screen.queryByText("Hidden")).toBeNull();
  const largest = many.toSorted((a, b) => b.size - a.size)[0];
  expect(rows()[0]).toBe(largest?.name);

  await user.type(screen.getByRole("searchbox", { name: "Find items" }), "ITEM 999");
  const found = many.filter((i) => `${i.name} ${i.size}`.includes("999"));
  await waitFor(() => expect(screen.getAllByText(`${found.length} matches`)[0]).toBeVisible());
  expect(rows()).toHaveLength(20);
});

test("an empty table, and a search without matches, say so", async () => {
  const user = userEvent.setup();
  const table = (items: Item[]) => (
    <ResourceTable id="t" title="Items" items={items} columns={columns} trackBy={(i) => i.name} />
  );
  const { unmount } = renderPage(table([]), {});
  expect(screen.getByText("No items")).toBeVisible();
  unmount();
  renderPage(table([{ name: "a", size: 1 }]), {});
  await user.type(screen.getByRole("searchbox"), "zzz");
  expect(await screen.findByText("No matches")).toBeVisible();
});

test("an error stands where the items would be, with a way to try again", async () => {
  const retry = vi.fn();
  const error = new ServiceError({
    code: "InternalServerException",
    message: "It broke.",
    requestId: "r",
    status: 500,
  });
  renderPage(
    <ResourceTable
      id="t"
      title="Items"
      items={undefined}
      columns={columns}
      trackBy={(i) => i.name}
      error={error}
      retry={retry}
    />,
    {},
  );
  expect(screen.getByText("It broke.")).toBeVisible();
  await userEvent.setup().click(screen.getByRole("button", { name: "Try again" }));
  expect(retry).toHaveBeenCalledOnce();
});
