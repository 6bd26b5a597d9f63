import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import { count, Money, Tokens, type Column } from "@/components";
import { amount, groupLabel, measures, type Measure } from "./query";
import "./usage.css";
import type { UsageRow } from "@/api/outcrop.gen";

const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

/** The columns of the table of groups. filter shows one group alone. */
export function columnsOf(
  group: string,
  measure: Measure,
  whole: number,
  filter: (key: string) => void,
): readonly Column<UsageRow>[] {
  const key = (row: UsageRow) => row.keys[0] ?? "";
  const part = (row: UsageRow) => (whole === 0 ? 0 : amount(row, measure) / whole);
  const tokens = (id: string, header: string, of: (row: UsageRow) => number, hidden = false): Column<UsageRow> => ({
    id,
    header,
    cell: (row) => <Tokens count={of(row)} />,
    value: of,
    width: 150,
    hidden,
  });
  return [
    {
      id: "group",
      header: group.startsWith("tag:") ? `Tag ${group.slice(4)}` : (headers[group] ?? group),
      cell: (row) =>
        key(row) === "" ? (
          <Box color="text-body-secondary">{groupLabel(group, "")}</Box>
        ) : (
          <Link
            href="#"
            ariaLabel={`Show ${key(row)} alone`}
            onFollow={(event) => {
              event.preventDefault();
              filter(key(row));
            }}
          >
            <span className="usage-key">{key(row)}</span>
          </Link>
        ),
      value: key,
      main: true,
      minWidth: 180,
      width: 300,
    },
    {
      id: "cost",
      header: "Cost",
      cell: (row) => <Money usd={row.costUsd} />,
      value: (row) => Number(row.costUsd),
      width: 110,
    },
    {
      id: "share",
      header: `Share of ${measures[measure].toLowerCase()}`,
      cell: (row) => (
        <span className="usage-share">
          <span className="usage-bar" aria-hidden="true">
            <span style={{ width: `${part(row) * 100}%` }} />
          </span>
          {percent.format(part(row))}
        </span>
      ),
      value: part,
      width: 170,
    },
    {
      id: "requests",
      header: "Requests",
      cell: (row) => count(row.requests),
      value: (row) => row.requests,
      width: 130,
    },
    { id: "errors", header: "Errors", cell: (row) => count(row.errors), value: (row) => row.errors, width: 110 },
    tokens("input", "Input tokens", (row) => row.tokens.input),
    tokens("output", "Output tokens", (row) => row.tokens.output),
    tokens("cacheRead", "Read from caches", (row) => row.tokens.cacheRead, true),
    tokens("cacheWrite", "Written to caches", (row) => row.tokens.cacheWrite, true),
    {
      id: "unpriced",
      header: "Without a price",
      cell: (row) => count(row.unpriced),
      value: (row) => row.unpriced,
      width: 140,
      hidden: true,
    },
  ];
}

const headers: { [group: string]: string } = {
  model: "Model",
  name: "Principal",
  principal: "ARN",
  operation: "Operation",
  region: "Region",
  "served-by": "Answered by",
  outcome: "Outcome",
};
