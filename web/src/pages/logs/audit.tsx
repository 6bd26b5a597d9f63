import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useClient, useRegion, useServerTime, type ServiceError } from "@/client";
import { Code, Copyable, Empty, InnerLink, ResourceTable, StatusBadge, Time, type Column } from "@/components";
import { pattern, shortPrincipal, spanOf, whenOf } from "./filter";
import { Choice, TextField, useParams } from "./filter-bar";
import { TimeRange } from "./time-range";
import type { AuditEvent, AuditEvents } from "@/api/outcrop.gen";

const results = [
  ["", "Any"],
  ["none", "Succeeded"],
  ["any", "Failed"],
  ["AccessDenied*", "Denied"],
] as const;

const kinds = [
  ["", "Reads and changes"],
  ["false", "Changes"],
  ["true", "Reads"],
] as const;

/** The parameters of the server for what the address says. */
export function auditQuery(params: URLSearchParams, now: Date): { [name: string]: string } {
  const of = (name: string) => params.get(name) ?? "";
  const given: { [name: string]: string | undefined } = {
    event: pattern(of("event")),
    principal: pattern(of("principal")),
    source: of("source"),
    error: of("error"),
    readOnly: /^(true|false)$/.test(of("readOnly")) ? of("readOnly") : undefined,
    requestId: of("requestId").trim(),
    ...spanOf(whenOf(params), now),
  };
  return Object.fromEntries(
    Object.entries(given).filter((e): e is [string, string] => e[1] !== undefined && e[1] !== ""),
  );
}

/** Who called what, and what became of it. */
export function Audit() {
  const [params, change] = useParams();
  const now = useServerTime();
  const client = useClient();
  const region = useRegion();
  const [shown, setShown] = useState<AuditEvent>();
  const query = now ? auditQuery(params, now) : {};
  const events = useInfiniteQuery<AuditEvents, ServiceError, AuditEvents[], readonly unknown[], string>({
    queryKey: ["operator", "audit", region, query],
    queryFn: ({ pageParam, signal }) =>
      client.operator<AuditEvents>("GET", "audit", {
        query: { ...query, limit: 200, ...(pageParam === "" ? {} : { nextToken: pageParam }) },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (page) => page.nextToken || undefined,
    select: ({ pages }) => pages,
    enabled: now !== undefined,
  });
  const items = useMemo(() => events.data?.flatMap((page) => page.events), [events.data]);
  const columns = useMemo(() => columnsOf(setShown), []);
  const of = (name: string) => params.get(name) ?? "";
  const field = (name: string, label: string, placeholder: string) => (
    <TextField
      label={label}
      value={of(name)}
      onChange={(value) => change({ [name]: value })}
      placeholder={placeholder}
    />
  );
  if (events.data?.[0]?.enabled === false) {
    return (
      <Empty title="There is no audit trail in files">
        The configuration has audit.files off. Events that a bucket gets are not shown here.
      </Empty>
    );
  }
  return (
    <>
      <ResourceTable
        id="logs-audit"
        title="Events"
        description="Calls that manage something, and those that were refused. Never prompts, answers or secrets."
        actions={
          <Button
            iconName="refresh"
            ariaLabel="Refresh"
            loading={events.isFetching}
            onClick={() => void events.refetch()}
          />
        }
        items={items}
        columns={columns}
        trackBy={(event) => event.id}
        loading={events.isPending}
        error={events.error}
        retry={() => void events.refetch()}
        what="see the audit trail"
        filterPlaceholder="Find in what is loaded"
        filters={
          <div className="logs-filters">
            {field("event", "Event", "Create*")}
            {field("principal", "Principal", "alice, or role/*")}
            <Choice label="Result" options={results} value={of("error")} onChange={(v) => change({ error: v })} />
            <Choice label="Kind" options={kinds} value={of("readOnly")} onChange={(v) => change({ readOnly: v })} />
            {field("source", "Service", "iam")}
            {field("requestId", "Request ID", "")}
            <TimeRange when={whenOf(params)} onChange={change} />
          </div>
        }
        hasMore={events.hasNextPage}
        more={() => void events.fetchNextPage()}
        empty={
          <Empty
            title="No events"
            action={
              events.hasNextPage && (
                <Button loading={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>
                  Look at older ones
                </Button>
              )
            }
          >
            {events.hasNextPage
              ? "None of the events that were looked at has what you look for; there are older ones."
              : "Nothing in the trail has what you look for."}
          </Empty>
        }
      />
      {shown && <Event event={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}

function columnsOf(show: (event: AuditEvent) => void): readonly Column<AuditEvent>[] {
  return [
    {
      id: "name",
      header: "Event",
      cell: (e) => (
        <Link
          href="#"
          onFollow={(event) => {
            event.preventDefault();
            show(e);
          }}
        >
          {e.name || "(unknown)"}
        </Link>
      ),
      value: (e) => e.name,
      main: true,
      width: 230,
    },
    { id: "time", header: "Time", cell: (e) => <Time at={e.time} />, value: (e) => e.time, width: 200 },
    {
      id: "principal",
      header: "Principal",
      cell: (e) => shortPrincipal(e.principal) || e.userName || "(nobody known)",
      value: (e) => `${e.principal} ${e.userName}`,
      width: 170,
    },
    {
      id: "source",
      header: "Service",
      cell: (e) => e.source.replace(/\.amazonaws\.com$/, ""),
      value: (e) => e.source,
      width: 130,
    },
    {
      id: "result",
      header: "Result",
      cell: (e) => (
        <StatusBadge status="done" type={e.errorCode === "" ? "success" : "error"}>
          {e.errorCode || "Succeeded"}
        </StatusBadge>
      ),
      value: (e) => e.errorCode,
      width: 180,
    },
    {
      id: "resources",
      header: "Resource",
      cell: (e) => e.resources.join(", ") || "-",
      value: (e) => e.resources.join(" "),
      width: 260,
    },
    {
      id: "kind",
      header: "Kind",
      cell: (e) => (e.readOnly ? "Read" : "Change"),
      value: (e) => String(e.readOnly),
      hidden: true,
    },
    { id: "region", header: "Region", cell: (e) => e.region || "-", value: (e) => e.region, hidden: true },
    { id: "ip", header: "Address", cell: (e) => e.sourceIp || "-", value: (e) => e.sourceIp, width: 130 },
    { id: "key", header: "Access key", cell: (e) => e.accessKeyId || "-", value: (e) => e.accessKeyId, hidden: true },
    { id: "requestId", header: "Request ID", cell: (e) => e.requestId || "-", value: (e) => e.requestId, hidden: true },
  ];
}

function Event({ event: e, onClose }: { event: AuditEvent; onClose: () => void }) {
  return (
    <Modal
      visible
      size="large"
      header={e.name || "Event"}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            Close
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {e.errorCode !== "" && (
          <Alert type="error" header={e.errorCode}>
            {e.errorMessage}
          </Alert>
        )}
        <KeyValuePairs
          columns={2}
          items={[
            { label: "Time", value: <Time at={e.time} /> },
            { label: "Principal", value: <Copyable text={e.principal} /> },
            { label: "Access key", value: <Copyable text={e.accessKeyId} /> },
            {
              label: "Request",
              value: e.requestId ? (
                <InnerLink to={`/logs/requests/${encodeURIComponent(e.requestId)}`}>{e.requestId}</InnerLink>
              ) : (
                "-"
              ),
            },
          ]}
        />
        <Code code={JSON.stringify(e.record, null, 2)} label="Copy the event" />
      </SpaceBetween>
    </Modal>
  );
}
