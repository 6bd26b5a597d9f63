import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import type { Column } from "@/components";

/** A table of a few rows, which need neither search nor pages. */
export function SmallTable<T>({
  title,
  description,
  items,
  columns,
  trackBy,
  empty,
}: {
  title: string;
  description: ReactNode;
  items: readonly T[];
  columns: readonly Column<T>[];
  trackBy: (item: T) => string;
  empty?: ReactNode;
}) {
  return (
    <Table<T>
      variant="container"
      items={items}
      trackBy={trackBy}
      wrapLines
      columnDefinitions={columns.map(({ id, header, cell, main, minWidth }) => ({
        id,
        header,
        cell,
        isRowHeader: main ?? false,
        ...(minWidth === undefined ? {} : { minWidth }),
      }))}
      ariaLabels={{ tableLabel: title }}
      header={
        <Header variant="h2" counter={`(${items.length})`} description={description}>
          {title}
        </Header>
      }
      empty={empty}
    />
  );
}
