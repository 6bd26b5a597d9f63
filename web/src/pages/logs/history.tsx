import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useNavigate } from "react-router";
import { useClient, useRegion, useServerTime, type ServiceError } from "@/client";
import {
  count,
  duration,
  Empty,
  InnerLink,
  Money,
  ResourceTable,
  StatusBadge,
  Time,
  Tokens,
  type Column,
} from "@/components";
import { found, queryOf, requestId, shortPrincipal, spanOf, whenOf } from "./filter";
import { Choice, RequestFilters, useFilters, useParams } from "./filter-bar";
import { TimeRange } from "./time-range";
import type { Requests, RequestSummary } from "@/api/outcrop.gen";

const states = [
  ["", "Any"],
  ["running", "Under way"],
  ["done", "Over"],
  ["interrupted", "Interrupted"],
] as const;

/** Requests of the past, from memory and from the bill. */
export function History() {
  const [filters, change] = useFilters();
  const [params] = useParams();
  const now = useServerTime();
  const client = useClient();
  const region = useRegion();
  const navigate = useNavigate();
  const when = whenOf(params);
  const state = states.some(([id]) => id === params.get("state")) ? (params.get("state") ?? "") : "";
  const query = { ...queryOf(filters), ...(now ? spanOf(when, now) : {}), ...(state ? { state } : {}), limit: 200 };
  const requests = useInfiniteQuery<Requests, ServiceError, Requests[], readonly unknown[], string>({
    queryKey: ["operator", "requests", region, query],
    queryFn: ({ pageParam, signal }) =>
      client.operator<Requests>("GET", "requests", {
        query: { ...query, ...(pageParam === "" ? {} : { nextToken: pageParam }) },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextToken || undefined,
    select: ({ pages }) => pages,
    enabled: now !== undefined,
  });
  const items = useMemo(
    () =>
      requests.data &&
      found(
        requests.data.flatMap((page) => page.requests),
        filters.find,
      ),
    [requests.data, filters.find],
  );
  const id = requestId(filters.find);
  const since = requests.data?.[0]?.othersSince;
  return (
    <SpaceBetween size="s">
      {id && (
        <Alert
          type="info"
          action={<Button onClick={() => void navigate(`/logs/requests/${id}`)}>Open the request</Button>}
        >
          This is the ID of a request. It can be opened whether or not it is in the list.
        </Alert>
      )}
      <ResourceTable
        id="logs-requests"
        title="Requests"
        description={
          since ? (
            <>
              Calls of models are here as long as the bill has them; others since <Time at={since} />, and of those
              whose caller was not recognized the last 200. Older ones that changed something are in the audit trail.
            </>
          ) : undefined
        }
        actions={
          <Button
            iconName="refresh"
            ariaLabel="Refresh"
            loading={requests.isFetching}
            onClick={() => void requests.refetch()}
          />
        }
        items={items}
        columns={columns}
        trackBy={(request) => request.id}
        loading={requests.isPending}
        error={requests.error}
        retry={() => void requests.refetch()}
        what="see requests"
        filterPlaceholder="Find in what is loaded"
        filters={
          <RequestFilters filters={filters} onChange={change}>
            <Choice label="State" options={states} value={state} onChange={(value) => change({ state: value })} />
            <TimeRange when={when} onChange={change} />
          </RequestFilters>
        }
        hasMore={requests.hasNextPage}
        more={() => void requests.fetchNextPage()}
        empty={<Empty title="No requests">Nothing that was asked has what you look for.</Empty>}
      />
    </SpaceBetween>
  );
}

const columns: readonly Column<RequestSummary>[] = [
  {
    id: "time",
    header: "Time",
    cell: (r) => (
      <InnerLink to={`/logs/requests/${encodeURIComponent(r.id)}`}>
        <Time at={r.time} />
      </InnerLink>
    ),
    value: (r) => r.time,
    main: true,
    width: 200,
  },
  { id: "operation", header: "Operation", cell: (r) => r.operation || "-", value: (r) => r.operation, width: 200 },
  { id: "model", header: "Model", cell: (r) => r.model || "-", value: (r) => `${r.model} ${r.modelId}`, width: 260 },
  {
    id: "servedBy",
    header: "Answered by",
    cell: (r) => (
      <>
        {r.servedBy || "-"} {r.standIn && <Badge color="blue">Stand-in</Badge>}
      </>
    ),
    value: (r) => r.servedBy,
    width: 220,
  },
  {
    id: "principal",
    header: "Principal",
    cell: (r) => shortPrincipal(r.principal) || "-",
    value: (r) => r.principal,
    width: 150,
  },
  {
    id: "status",
    header: "Status",
    cell: (r) => <RequestStatus request={r} />,
    value: (r) => `${r.status} ${r.code}`,
    width: 200,
  },
  { id: "latency", header: "Took", cell: (r) => duration(r.latencyMs), value: (r) => r.latencyMs, width: 100 },
  {
    id: "firstToken",
    header: "First token",
    cell: (r) => (r.firstTokenMs > 0 ? duration(r.firstTokenMs) : "-"),
    value: (r) => r.firstTokenMs,
    width: 120,
    hidden: true,
  },
  {
    id: "tokens",
    header: "Tokens in / out",
    cell: (r) =>
      r.model === "" ? (
        "-"
      ) : (
        <>
          <Tokens count={r.tokens.input} /> / <Tokens count={r.tokens.output} />
        </>
      ),
    value: (r) => r.tokens.input + r.tokens.output,
    width: 150,
  },
  {
    id: "cost",
    header: "Cost",
    cell: (r) => (r.model === "" ? "-" : <Money usd={r.costUsd} />),
    value: (r) => Number(r.costUsd),
    width: 110,
  },
  { id: "region", header: "Region", cell: (r) => r.region || "-", value: (r) => r.region, hidden: true },
  { id: "key", header: "Access key", cell: (r) => r.accessKeyId || "-", value: (r) => r.accessKeyId, hidden: true },
  { id: "ip", header: "Address", cell: (r) => r.sourceIp || "-", value: (r) => r.sourceIp, hidden: true },
  { id: "id", header: "Request ID", cell: (r) => r.id, value: (r) => r.id, hidden: true, width: 320 },
];

/** What became of a request. */
export function RequestStatus({ request: r }: { request: RequestSummary }) {
  if (r.state === "running")
    return (
      <StatusBadge status="running" type="in-progress">
        Under way
      </StatusBadge>
    );
  if (r.state === "interrupted")
    return (
      <StatusBadge status="interrupted" type="warning">
        Interrupted
      </StatusBadge>
    );
  const failed = r.code !== "" || r.status >= 400;
  return (
    <StatusBadge status="done" type={failed ? "error" : "success"}>
      {failed ? `${r.status || ""} ${r.code}`.trim() : count(r.status)}
    </StatusBadge>
  );
}
