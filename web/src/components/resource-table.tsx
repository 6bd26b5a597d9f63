import { useCollection } from "@cloudscape-design/collection-hooks";
import CollectionPreferences, {
  type CollectionPreferencesProps,
} from "@cloudscape-design/components/collection-preferences";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { useMemo, type ReactNode } from "react";
import type { ServiceError } from "@/client/errors";
import { useStored } from "@/shell/preferences";
import { Empty } from "./empty";
import { Failed } from "./failed";
import "./resource-table.css";

type Value = string | number | boolean | null | undefined;

/** A column. value is what it is sorted and searched by; without one it is neither. */
export interface Column<T> {
  id: string;
  header: string;
  cell: (item: T) => ReactNode;
  value?: (item: T) => Value;
  width?: number;
  minWidth?: number;
  /** Not shown until somebody asks for it in the preferences. */
  hidden?: boolean;
  /** Always shown, and the header of its row. */
  main?: boolean;
}

export interface ResourceTableProps<T> {
  /** Names the preferences that are kept in this browser: "iam-users". */
  id: string;
  /** "Users". */
  title: string;
  description?: ReactNode;
  /** Buttons at the right of the title. */
  actions?: ReactNode;
  items: readonly T[] | undefined;
  columns: readonly Column<T>[];
  /** What tells an item from all others. */
  trackBy: (item: T) => string;
  loading?: boolean;
  error?: ServiceError | null | undefined;
  retry?: () => void;
  /** Completes "You are not allowed to". */
  what?: string;
  /** What stands there when there are no items. */
  empty?: ReactNode;
  filterPlaceholder?: string;
  /** More filters, beside the search. items are filtered by who gives them. */
  filters?: ReactNode;
  selection?: "single" | "multi";
  selected?: readonly T[];
  onSelect?: (selected: T[]) => void;
  /** The column that it is sorted by at first, with - in front for the other way. */
  sort?: string;
  pageSize?: number;
  variant?: TableProps.Variant;
  /** Long texts are shown whole unless somebody has chosen otherwise: reasons of failures, for example. */
  wrapLines?: boolean;
  /** There are more items at the server; more is called when somebody goes beyond the last page. */
  hasMore?: boolean;
  more?: () => void;
}

interface Preferences {
  pageSize?: number;
  wrapLines?: boolean;
  contentDensity?: "comfortable" | "compact";
  contentDisplay?: CollectionPreferencesProps.ContentDisplayItem[];
}

function compare(a: Value, b: Value): number {
  if (a === b) return 0;
  // What is not there comes last.
  if (a === undefined || a === null || a === "") return 1;
  if (b === undefined || b === null || b === "") return -1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true, sensitivity: "base" });
}

/**
 * A table of resources as AWS's console has them: search, sorting, pages and preferences. Only a page of rows is in the
 * document, so that ten thousand items are no burden.
 */
export function ResourceTable<T>(props: ResourceTableProps<T>) {
  const { id, title, columns, trackBy, selection, hasMore = false, more } = props;
  const items = useMemo(() => props.items ?? [], [props.items]);
  const [kept, keep] = useStored<Preferences>(`table.${id}`, {});
  const pageSize = kept.pageSize ?? props.pageSize ?? 20;

  const searched = useMemo(() => columns.flatMap(({ value }) => (value ? [value] : [])), [columns]);
  // The text that a search looks at is made once for each item, not at every key that is typed.
  const texts = useMemo(
    () =>
      new Map(
        items.map((item) => [
          item,
          searched
            .map((value) => value(item) ?? "")
            .join("\n")
            .toLowerCase(),
        ]),
      ),
    [items, searched],
  );

  const definitions = useMemo(
    () =>
      columns.map(({ id: column, header, cell, value, width, minWidth, main }): TableProps.ColumnDefinition<T> => ({
        id: column,
        header,
        cell,
        isRowHeader: main ?? false,
        ...(width === undefined ? {} : { width }),
        ...(minWidth === undefined ? {} : { minWidth }),
        ...(value ? { sortingComparator: (a: T, b: T) => compare(value(a), value(b)) } : {}),
      })),
    [columns],
  );
  const sorted = props.sort?.replace(/^-/, "");
  const sortingColumn = definitions.find((d) => d.id === sorted);

  const noMatch = <Empty title="No matches">Nothing here has what you search for.</Empty>;
  const collection = useCollection(items, {
    filtering: {
      empty: props.empty ?? <Empty title={`No ${title.toLowerCase()}`} />,
      noMatch,
      filteringFunction: (item, text) =>
        text
          .toLowerCase()
          .split(/\s+/)
          .every((word) => texts.get(item)?.includes(word)),
    },
    pagination: { pageSize },
    sorting: sortingColumn
      ? {
          defaultState: {
            sortingColumn,
            isDescending: props.sort?.startsWith("-") ?? false,
          },
        }
      : {},
    selection: { trackBy, keepSelection: true },
  });
  const { filterProps, paginationProps, collectionProps, filteredItemsCount = 0 } = collection;

  const display =
    kept.contentDisplay ??
    columns.map((column) => ({ id: column.id, visible: column.main === true || !column.hidden }));
  // Columns that are newer than what was kept.
  const known = new Set(display.map((d) => d.id));
  const contentDisplay = [
    ...display.filter((d) => columns.some((c) => c.id === d.id)),
    ...columns.filter((c) => !known.has(c.id)).map((c) => ({ id: c.id, visible: !c.hidden })),
  ];

  const chosen = props.selected ?? [];
  const total = hasMore ? `${items.length}+` : String(items.length);
  const counter = props.items === undefined ? "" : chosen.length > 0 ? `(${chosen.length}/${total})` : `(${total})`;
  const failed = props.error && props.items === undefined ? props.error : undefined;

  return (
    <Table<T>
      {...collectionProps}
      {...(selection
        ? {
            selectionType: selection,
            selectedItems: chosen,
            onSelectionChange: ({ detail }: { detail: { selectedItems: T[] } }) =>
              props.onSelect?.(detail.selectedItems),
          }
        : {})}
      items={failed ? [] : collection.items}
      columnDefinitions={definitions}
      columnDisplay={contentDisplay}
      trackBy={trackBy}
      variant={props.variant ?? "container"}
      loading={(props.loading ?? false) && !failed}
      loadingText={`Loading ${title.toLowerCase()}`}
      empty={
        failed ? (
          <Failed what={props.what ?? `see ${title.toLowerCase()}`} error={failed} retry={props.retry} />
        ) : (
          collectionProps.empty
        )
      }
      wrapLines={kept.wrapLines ?? props.wrapLines ?? false}
      contentDensity={kept.contentDensity ?? "comfortable"}
      stripedRows={false}
      resizableColumns
      enableKeyboardNavigation
      ariaLabels={{
        tableLabel: title,
        itemSelectionLabel: (_, item) => trackBy(item),
        allItemsSelectionLabel: () => `Select all ${title.toLowerCase()}`,
        selectionGroupLabel: title,
      }}
      header={
        <Header variant="h2" counter={counter} description={props.description} actions={props.actions}>
          {title}
        </Header>
      }
      filter={
        <div className="table-filters">
          <TextFilter
            {...filterProps}
            filteringPlaceholder={props.filterPlaceholder ?? `Find ${title.toLowerCase()}`}
            filteringAriaLabel={`Find ${title.toLowerCase()}`}
            countText={filteredItemsCount === 1 ? "1 match" : `${filteredItemsCount} matches`}
          />
          {props.filters}
        </div>
      }
      pagination={
        <Pagination
          {...paginationProps}
          openEnd={hasMore}
          onNextPageClick={({ detail }) => {
            if (!detail.requestedPageAvailable) more?.();
          }}
        />
      }
      preferences={
        <CollectionPreferences
          title="Preferences"
          confirmLabel="Confirm"
          cancelLabel="Cancel"
          preferences={{
            pageSize,
            contentDisplay,
            wrapLines: kept.wrapLines ?? props.wrapLines ?? false,
            contentDensity: kept.contentDensity ?? "comfortable",
          }}
          onConfirm={({ detail }) =>
            keep({
              ...(detail.pageSize === undefined ? {} : { pageSize: detail.pageSize }),
              ...(detail.wrapLines === undefined ? {} : { wrapLines: detail.wrapLines }),
              ...(detail.contentDensity === undefined ? {} : { contentDensity: detail.contentDensity }),
              contentDisplay: [...(detail.contentDisplay ?? [])],
            })
          }
          pageSizePreference={{
            options: [10, 20, 50, 100, 200].map((value) => ({ value, label: `${value} ${title.toLowerCase()}` })),
          }}
          wrapLinesPreference={{}}
          contentDensityPreference={{}}
          contentDisplayPreference={{
            options: columns.map((c) => ({ id: c.id, label: c.header, alwaysVisible: c.main ?? false })),
          }}
        />
      }
    />
  );
}
