import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Link as RouterLink } from "react-router";
import { useClient } from "@/client";
import { count, duration, Empty, Failed, InnerLink, Money, Tokens } from "@/components";
import { found, queryOf, shortPrincipal, type Filters } from "./filter";
import { RequestFilters, useFilters } from "./filter-bar";
import { LiveLog, type LiveView } from "./live-log";
import type { RequestSummary, Requests } from "@/api/outcrop.gen";

/** Requests as they end. */
export function Live() {
  const [filters, change] = useFilters();
  const log = useLiveLog(filters);
  const view = useSyncExternalStore(log.subscribe, log.view);
  const [paused, setPaused] = useState(false);
  const [reading, setReading] = useState(false);
  const held = paused || reading;
  useEffect(() => log.hold(held), [log, held]);
  const rows = useMemo(() => found(view.rows, filters.find), [view.rows, filters.find]);

  if (view.state === "refused" && view.error) {
    return (
      <SpaceBetween size="l">
        <RequestFilters filters={filters} onChange={change} />
        <Failed what="see requests" error={view.error} />
      </SpaceBetween>
    );
  }
  return (
    <Container
      header={
        <Header
          variant="h2"
          counter={`(${count(rows.length)})`}
          description="The newest requests of all services, as they end. Point at the list, or scroll, to hold it."
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button onClick={() => log.clear()}>Clear</Button>
              <Button
                iconName={paused ? "caret-right-filled" : "pause"}
                variant="primary"
                onClick={() => setPaused(!paused)}
              >
                {paused ? "Go on" : "Pause"}
              </Button>
            </SpaceBetween>
          }
        >
          Live
        </Header>
      }
    >
      <SpaceBetween size="m">
        <RequestFilters filters={filters} onChange={change} />
        <Said view={view} paused={paused} held={held} />
        <List rows={rows} onReading={setReading} searched={filters.find !== "" && view.rows.length > 0} />
      </SpaceBetween>
    </Container>
  );
}

function useLiveLog(filters: Filters): LiveLog {
  const client = useClient();
  // The search for IDs is this page's own: it needs no other stream.
  const key = JSON.stringify(queryOf(filters));
  const log = useMemo(() => {
    const query = JSON.parse(key) as { [name: string]: string };
    const text = new URLSearchParams(query).toString();
    return new LiveLog({
      connect: (signal) => client.operatorEvents(`requests/live${text === "" ? "" : `?${text}`}`, { signal }),
      recent: async (signal) => {
        const answer = await client.operator<Requests>("GET", "requests", { query: { ...query, limit: 200 }, signal });
        return answer.requests;
      },
      later: (act, ms) => void setTimeout(act, ms),
    });
  }, [client, key]);
  useEffect(() => {
    const stop = new AbortController();
    void log.run(stop.signal);
    return () => stop.abort();
  }, [log]);
  return log;
}

/** What there is to say of the connection and of what is not shown. */
function Said({ view, paused, held }: { view: LiveView; paused: boolean; held: boolean }) {
  const waiting = view.waiting > 0 ? `, ${count(view.waiting)} new` : "";
  const state = (() => {
    if (view.state === "connecting") return <StatusIndicator type="loading">Connecting</StatusIndicator>;
    if (view.state !== "live")
      return <StatusIndicator type="warning">The connection is lost; it is tried again</StatusIndicator>;
    if (paused) return <StatusIndicator type="stopped">{`Paused${waiting}`}</StatusIndicator>;
    if (held) return <StatusIndicator type="pending">{`Held while you look at it${waiting}`}</StatusIndicator>;
    return <StatusIndicator type="success">Live</StatusIndicator>;
  })();
  return (
    <SpaceBetween size="xs">
      <SpaceBetween direction="horizontal" size="l">
        {state}
        <InnerLink to="/logs/requests?state=running">{`${count(view.running)} under way`}</InnerLink>
        {view.leftOut > 0 && <Box>{`${count(view.leftOut)} were left out`}</Box>}
      </SpaceBetween>
      {view.gap && (
        <Alert type="info">
          The connection was lost for a while, and more requests ended than could be asked for again: some may be
          missing here. Those of models are all in Requests.
        </Alert>
      )}
    </SpaceBetween>
  );
}

const rowHeight = 36;
const headHeight = 37;
const spare = 10;

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

/** The rows. Only those that can be seen are in the document. */
function List({
  rows,
  onReading,
  searched,
}: {
  rows: readonly RequestSummary[];
  onReading: (reading: boolean) => void;
  searched: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const why = useRef({ scrolled: false, pointed: false, focused: false });
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  useEffect(() => {
    const of = box.current;
    if (!of) return;
    const measure = () => setHeight(of.clientHeight || 600);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(of);
    return () => observer.disconnect();
  }, []);
  const reads = (change: Partial<typeof why.current>) => {
    Object.assign(why.current, change);
    onReading(why.current.scrolled || why.current.pointed || why.current.focused);
  };
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight) - spare, rows.length));
  const last = Math.min(rows.length, first + Math.ceil((height - headHeight) / rowHeight) + 2 * spare);
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- it scrolls, and waits while somebody reads
    <div
      ref={box}
      className="logs-list"
      role="region"
      aria-label="Live requests"
      tabIndex={0}
      onScroll={(event) => {
        setTop(event.currentTarget.scrollTop);
        reads({ scrolled: event.currentTarget.scrollTop > rowHeight / 2 });
      }}
      onPointerEnter={(event) => event.pointerType === "mouse" && reads({ pointed: true })}
      onPointerLeave={() => reads({ pointed: false })}
      onFocus={() => reads({ focused: true })}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) reads({ focused: false });
      }}
    >
      <table aria-label="Live requests" aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            <th scope="col" style={{ width: 118 }}>
              Time
            </th>
            <th scope="col" className="logs-operation">
              Operation
            </th>
            <th scope="col" className="logs-wide">
              Model
            </th>
            <th scope="col" className="logs-wide" style={{ width: 100 }}>
              Principal
            </th>
            <th scope="col" style={{ width: 70 }}>
              Status
            </th>
            <th scope="col" className="logs-number logs-took" style={{ width: 85 }}>
              Took
            </th>
            <th scope="col" className="logs-number logs-wide" style={{ width: 100 }}>
              In / out
            </th>
            <th scope="col" className="logs-number logs-wide" style={{ width: 115 }}>
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          <Space rows={first} />
          {rows.slice(first, last).map((r, i) => (
            <Row key={r.id} request={r} index={first + i} />
          ))}
          <Space rows={rows.length - last} />
        </tbody>
      </table>
      {rows.length === 0 && (
        <Empty title={searched ? "No matches" : "No requests yet"}>
          {searched ? "None of the requests here has such an ID." : "A request shows up here when it is over."}
        </Empty>
      )}
    </div>
  );
}

function Space({ rows }: { rows: number }) {
  return rows <= 0 ? null : (
    <tr className="logs-space" aria-hidden="true">
      {/* oxlint-disable-next-line jsx-a11y/control-has-associated-label -- it is no control, and hidden */}
      <td colSpan={8} style={{ height: rows * rowHeight }} />
    </tr>
  );
}

function Row({ request: r, index }: { request: RequestSummary; index: number }) {
  const at = new Date(r.time);
  const failed = r.code !== "" || r.status >= 400;
  return (
    <tr aria-rowindex={index + 2}>
      <td>
        <RouterLink to={`/logs/requests/${encodeURIComponent(r.id)}`} title={at.toLocaleString()}>
          {clock.format(at)}
        </RouterLink>
      </td>
      <td title={r.service}>{r.operation || "(none)"}</td>
      <td className="logs-wide" title={r.model}>
        {r.model || "-"}
      </td>
      <td className="logs-wide" title={r.principal}>
        {shortPrincipal(r.principal) || "-"}
      </td>
      <td className={failed ? "logs-failed" : ""} title={r.code || r.state}>
        {failed ? `${r.status} ✕` : r.status || r.state}
      </td>
      <td className="logs-number logs-took">{duration(r.latencyMs)}</td>
      <td className="logs-number logs-wide">
        {r.model === "" ? (
          "-"
        ) : (
          <>
            <Tokens count={r.tokens.input} /> / <Tokens count={r.tokens.output} />
          </>
        )}
      </td>
      <td className="logs-number logs-wide">{r.model === "" ? "-" : <Money usd={r.costUsd} />}</td>
    </tr>
  );
}
