import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { useSearchParams } from "react-router";
import { asServiceError, useAction, useClient, useRegion, useServerTime, type ServiceError } from "@/client";
import { Answer, count, Empty, Loading, money, Money, Page, ResourceTable, Tokens } from "@/components";
import { columnsOf } from "./columns";
import { Controls } from "./controls";
import { save } from "./download";
import {
  allRows,
  amount,
  fileName,
  filterOf,
  filterParameter,
  measures,
  queryOf,
  seriesOf,
  viewOf,
  type View,
} from "./query";
import { keysOf } from "./range";
import type { Sums, Usage as Answered } from "@/api/outcrop.gen";

const UsageChart = lazy(() => import("./chart"));

/** What was used and what it cost. */
export default function Usage() {
  const now = useServerTime();
  return (
    <Page
      title="Usage and cost"
      description="What was asked of models, and what it costs by the prices of the catalog and of the configuration. Days begin at midnight UTC."
    >
      {now ? <Shown now={now} /> : <Loading />}
    </Page>
  );
}

/** All rows of a view, in groups. */
function useUsage(view: View, groupBy: readonly string[]) {
  const client = useClient();
  const region = useRegion();
  const query = queryOf(view, groupBy, 10_000);
  return useQuery<{ usage: Answered; complete: boolean }, ServiceError>({
    queryKey: ["operator", "usage", region, query],
    queryFn: ({ signal }) =>
      allRows(
        (nextToken) => client.operator<Answered>("GET", "usage", { query: { ...query, nextToken }, signal }),
        groupBy.length === 1 ? 1 : 3,
      ).catch((thrown: unknown) => {
        throw asServiceError(thrown);
      }),
    refetchInterval: 60_000,
    placeholderData: (before) => before,
  });
}

function Shown({ now }: { now: Date }) {
  const [params, setParams] = useSearchParams();
  const view = useMemo(() => viewOf(params, now), [params, now]);
  const change = (changes: { [parameter: string]: string | undefined }) =>
    setParams((was) => {
      const next = new URLSearchParams(was);
      for (const [name, value] of Object.entries(changes)) {
        if (value === undefined || value === "") next.delete(name);
        else next.set(name, value);
      }
      return next;
    });

  const groups = useUsage(view, [view.group]);
  const times = useUsage(view, [view.step, view.group]);
  const csv = useAction(async (groupBy: readonly string[], client) => {
    const query = new URLSearchParams({ ...queryOf(view, groupBy), format: "csv" });
    const call = { signing: "outcrop", path: `/usage?${query.toString()}`, method: "GET" };
    const answer = await client.raw(call);
    save(fileName(view, groupBy), await answer.blob());
  });

  return (
    <SpaceBetween size="l">
      <Controls view={view} now={now} onChange={change} />
      <Answer of={groups} what="see what was used">
        {({ usage }) => (
          <SpaceBetween size="l">
            <Totals totals={usage.totals} />
            <Container
              header={
                <Header
                  variant="h2"
                  actions={
                    <ButtonDropdown
                      loading={csv.isPending}
                      items={[
                        { id: "groups", text: `By ${nameOf(view.group)}` },
                        { id: "steps", text: `By ${view.step}` },
                        { id: "both", text: `By ${view.step} and ${nameOf(view.group)}` },
                      ]}
                      onItemClick={({ detail }) =>
                        csv.mutate(
                          { groups: [view.group], steps: [view.step], both: [view.step, view.group] }[detail.id] ?? [],
                        )
                      }
                    >
                      Download CSV
                    </ButtonDropdown>
                  }
                >
                  {measures[view.measure]} by {view.step} and {nameOf(view.group)}
                </Header>
              }
            >
              <Answer of={times} what="see what was used">
                {(answer) => <Charted view={view} answer={answer} />}
              </Answer>
            </Container>
            <Groups view={view} usage={usage} onFilter={change} />
          </SpaceBetween>
        )}
      </Answer>
    </SpaceBetween>
  );
}

/** A grouping within a sentence: "model", "tag team". */
function nameOf(group: string): string {
  const names: { [group: string]: string } = {
    name: "principal",
    principal: "principal's ARN",
    "served-by": "who answered",
  };
  return names[group] ?? group.replace(/^tag:/, "tag ");
}

function Charted({
  view,
  answer: { usage, complete },
}: {
  view: View;
  answer: { usage: Answered; complete: boolean };
}) {
  const { step, group, measure, span } = view;
  const from = span.from.getTime();
  const to = span.to.getTime();
  const keys = useMemo(() => keysOf({ from: new Date(from), to: new Date(to) }, step), [from, to, step]);
  const series = useMemo(() => seriesOf(usage.rows, keys, group, measure), [usage, keys, group, measure]);
  return (
    <SpaceBetween size="s">
      {!complete && (
        <Alert type="warning">
          There are more values than a chart can show, so it lacks some. Choose a shorter time, a coarser step or a
          filter. The table below and the file have everything.
        </Alert>
      )}
      <Suspense fallback={<Loading text="Loading the chart" />}>
        <UsageChart series={series} keys={keys} step={step} measure={measure} />
      </Suspense>
    </SpaceBetween>
  );
}

function Totals({ totals }: { totals: Sums }) {
  const { tokens } = totals;
  const cached = tokens.cacheRead + tokens.cacheWrite;
  const unpriced =
    totals.unpriced > 0
      ? `${count(totals.unpriced)} ${totals.unpriced === 1 ? "request has" : "requests have"} no known price`
      : "";
  const facts = [
    { label: "Cost", value: <Money usd={totals.costUsd} />, note: unpriced },
    {
      label: "Requests",
      value: count(totals.requests),
      note: totals.queries > 0 ? `${count(totals.queries)} queries of rerankers` : "",
    },
    { label: "Errors", value: count(totals.errors), note: share(totals.errors, totals.requests) },
    {
      label: "Input tokens",
      value: <Tokens count={tokens.input} />,
      note: cached > 0 ? `and ${count(tokens.cacheRead)} read from, ${count(tokens.cacheWrite)} written to caches` : "",
    },
    { label: "Output tokens", value: <Tokens count={tokens.output} />, note: "" },
  ];
  return (
    <Container header={<Header variant="h2">In this time</Header>}>
      <ColumnLayout columns={4} minColumnWidth={130} variant="text-grid">
        {facts.map(({ label, value, note }) => (
          <div key={label}>
            <Box variant="awsui-key-label">{label}</Box>
            <Box fontSize="heading-xl" fontWeight="bold">
              {value}
            </Box>
            {note !== "" && (
              <Box variant="small" color="text-body-secondary">
                {note}
              </Box>
            )}
          </div>
        ))}
      </ColumnLayout>
    </Container>
  );
}

function share(part: number, whole: number): string {
  if (whole === 0) return "";
  return `${new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 }).format(part / whole)} of all`;
}

function Groups({
  view,
  usage,
  onFilter,
}: {
  view: View;
  usage: Answered;
  onFilter: (changes: { [parameter: string]: string }) => void;
}) {
  const whole = amount(usage.totals, view.measure);
  const columns = useMemo(
    () =>
      columnsOf(view.group, view.measure, whole, (key) => onFilter({ [filterParameter(filterOf(view.group))]: key })),
    // oxlint-disable-next-line react/exhaustive-deps -- onFilter does the same at each rendering
    [view.group, view.measure, whole],
  );
  const title = view.group.startsWith("tag:") ? `Tag ${view.group.slice(4)}` : titles[view.group];
  return (
    <ResourceTable
      key={view.group}
      id={`usage-${view.group.startsWith("tag:") ? "tag" : view.group}`}
      title={title ?? "Groups"}
      description={`What was used by each. Total: ${money(usage.totals.costUsd)}.${
        usage.nextToken === "" ? "" : " The file has all of them: there are more than 10,000."
      }`}
      items={usage.rows}
      columns={columns}
      trackBy={(row) => row.keys.join("\n")}
      sort="-cost"
      empty={
        <Empty
          title="Nothing was used in this time"
          action={<Button onClick={() => onFilter({ range: "12m" })}>Look at a year</Button>}
        >
          Calls of models show up here a second after they are over.
        </Empty>
      }
    />
  );
}

const titles: { [group: string]: string } = {
  model: "Models",
  name: "Principals",
  principal: "Principals by ARN",
  operation: "Operations",
  region: "Regions",
  "served-by": "Who answered",
  outcome: "Outcomes",
};
