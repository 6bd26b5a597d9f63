import Alert from "@cloudscape-design/components/alert";
import Badge from "@cloudscape-design/components/badge";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useParams } from "react-router";
import { asServiceError, useClient, useRegion, type ServiceError } from "@/client";
import { Answer, Code, Copyable, count, duration, Empty, InnerLink, Money, Page, Time } from "@/components";
import { shortPrincipal } from "./filter";
import { RequestStatus } from "./history";
import "./logs.css";
import type { RequestDetail } from "@/api/outcrop.gen";

/** One request: what it was and its way through the server. */
export function RequestPage() {
  const { id = "" } = useParams();
  const client = useClient();
  const region = useRegion();
  const request = useQuery<RequestDetail, ServiceError>({
    queryKey: ["operator", "request", region, id],
    queryFn: ({ signal }) =>
      client
        .operator<RequestDetail>("GET", `requests/${encodeURIComponent(id)}`, { signal })
        .catch((thrown: unknown) => {
          throw asServiceError(thrown);
        }),
    // While it runs its way goes on.
    refetchInterval: ({ state }) => (state.data?.state === "running" ? 1000 : false),
  });
  const crumbs = useMemo(
    () => [
      { text: "Requests", path: "logs/requests" },
      { text: id, path: `logs/requests/${encodeURIComponent(id)}` },
    ],
    [id],
  );
  return (
    <Page
      title={request.data?.operation || "Request"}
      description={<Copyable text={id} />}
      crumbs={crumbs}
      actions={
        <Button
          iconName="refresh"
          ariaLabel="Refresh"
          loading={request.isFetching}
          onClick={() => void request.refetch()}
        />
      }
    >
      {request.error?.status === 404 && !request.data ? (
        <Empty
          title="This request is not known"
          action={<InnerLink to={`/logs/audit?requestId=${encodeURIComponent(id)}`}>Look in the audit trail</InnerLink>}
        >
          {request.error.message}
        </Empty>
      ) : (
        <Answer of={request} what="see the request">
          {(data) => <Detail request={data} />}
        </Answer>
      )}
    </Page>
  );
}

function Detail({ request: r }: { request: RequestDetail }) {
  return (
    <SpaceBetween size="l">
      {r.code !== "" && (
        <Alert type="error" header={r.code}>
          {r.message || "What the client was told is not known any more."}
        </Alert>
      )}
      <What request={r} />
      <Container
        header={
          <Header
            variant="h2"
            description={
              r.remembered
                ? "Times are since the request was received."
                : "The server does not remember the whole way of this request any more: this is what the bill has."
            }
          >
            Timeline
          </Header>
        }
      >
        <Way request={r} />
      </Container>
      {r.model !== "" && <Used request={r} />}
      {r.model !== "" && <Logged request={r} />}
    </SpaceBetween>
  );
}

function What({ request: r }: { request: RequestDetail }) {
  const filter = (name: string, value: string) => `/logs/requests?${new URLSearchParams({ [name]: value }).toString()}`;
  const items = [
    { label: "Result", value: <RequestStatus request={r} /> },
    { label: "Received", value: <Time at={r.time} /> },
    { label: r.state === "running" ? "Takes so far" : "Took", value: duration(r.latencyMs) },
    { label: "First token after", value: r.firstTokenMs > 0 ? duration(r.firstTokenMs) : "-" },
    { label: "Service", value: r.service || "-" },
    { label: "Region", value: r.region || "-" },
    {
      label: "Principal",
      value: r.principal ? (
        <>
          <InnerLink to={filter("principal", r.principal)}>{shortPrincipal(r.principal)}</InnerLink>{" "}
          <Copyable text={r.principal} />
        </>
      ) : (
        "Nobody was recognized"
      ),
    },
    { label: "Access key", value: <Copyable text={r.accessKeyId} /> },
    { label: "Address", value: r.sourceIp || "-" },
  ];
  if (r.resource) items.push({ label: "Resource", value: <Copyable text={r.resource} /> });
  if (r.model) {
    items.push(
      { label: "Model that was asked for", value: <InnerLink to={filter("model", r.model)}>{r.model}</InnerLink> },
      {
        label: "Answered by",
        value: (
          <>
            {r.servedBy || "Nobody"} {r.standIn && <Badge color="blue">Stand-in</Badge>}
          </>
        ),
      },
    );
  }
  items.push({ label: "Program", value: r.userAgent ? <span title={r.userAgent}>{program(r.userAgent)}</span> : "-" });
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <InnerLink to={`/logs/audit?requestId=${encodeURIComponent(r.id)}`}>Events of the audit trail</InnerLink>
          }
        >
          Request
        </Header>
      }
    >
      <KeyValuePairs columns={4} items={items} />
    </Container>
  );
}

/** The beginning of what a program says of itself, which is as long as it likes. */
function program(userAgent: string): string {
  return userAgent.length > 60 ? `${userAgent.slice(0, 60)}…` : userAgent;
}

const steps: { [name: string]: string } = {
  received: "Received",
  authenticated: "Authenticated",
  decided: "Decided by policies",
  admitted: "Admitted to the model",
  tried: "Tried in vain",
  answered: "Begins to be answered",
  firstToken: "First token",
  settled: "In the bill",
  done: "Done",
};

/** The way of a request: each step with the time since the one before. */
function Way({ request: r }: { request: RequestDetail }) {
  const whole = Math.max(r.latencyMs, ...r.steps.map((s) => s.ms), 0.001);
  return (
    <ol className="logs-way" aria-label="Timeline">
      {r.steps.map((step, i) => {
        const before = r.steps[i - 1]?.ms ?? 0;
        const took = Math.max(0, step.ms - before);
        return (
          // oxlint-disable-next-line react/no-array-index-key -- steps have no other name, and none ever goes
          <li key={i}>
            <span>{steps[step.name] ?? step.name}</span>
            <span
              className="logs-track"
              title={`${duration(took)} after the step before`}
              role="img"
              aria-label={`${precise(took)} after the step before`}
            >
              <span style={{ left: `${(before / whole) * 100}%`, width: `${(took / whole) * 100}%` }} />
            </span>
            <span className="logs-ms">{precise(step.ms)}</span>
            {step.detail !== "" && <span className="logs-detail">{step.detail}</span>}
          </li>
        );
      })}
      {r.state === "running" && (
        <li>
          <span role="status">Goes on …</span>
        </li>
      )}
    </ol>
  );
}

/** Milliseconds of a step, which may be far less than one. */
function precise(ms: number): string {
  return ms > 0 && ms < 10 ? `${ms.toFixed(2)} ms` : duration(ms);
}

function Used({ request: r }: { request: RequestDetail }) {
  const { tokens, costs } = r;
  const line = (label: string, n: number, usd: string) => ({
    label,
    value: (
      <>
        {count(n)} · <Money usd={usd} />
      </>
    ),
  });
  const tags = Object.entries(r.tags);
  const metadata = Object.entries(r.metadata);
  const list = (entries: [string, string][]) => entries.map(([key, value]) => `${key} = ${value}`).join(", ");
  return (
    <Container header={<Header variant="h2">Tokens and cost</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          line("Input", tokens.input, costs.input),
          line("Output", tokens.output, costs.output),
          ...(tokens.cacheRead > 0 ? [line("Read from caches", tokens.cacheRead, costs.cacheRead)] : []),
          ...(tokens.cacheWrite > 0 ? [line("Written to caches", tokens.cacheWrite, costs.cacheWrite)] : []),
          {
            label: "Cost",
            value: r.priced ? <Money usd={r.costUsd} /> : "No price is known",
          },
          { label: "Cost tags", value: tags.length > 0 ? list(tags) : "-" },
          { label: "Request metadata", value: metadata.length > 0 ? list(metadata) : "-" },
        ]}
      />
    </Container>
  );
}

function Logged({ request: r }: { request: RequestDetail }) {
  const log = r.invocationLog;
  return (
    <Container header={<Header variant="h2">What was asked and answered</Header>}>
      {log === null ? (
        <>
          Prompts and answers are not logged. <InnerLink to="/logs/settings">Settings of the invocation log</InnerLink>
        </>
      ) : (
        <SpaceBetween size="s">
          <span>
            The server does not show prompts and answers. Where logging was on at that time, they are in these places,
            in the line with the ID of the request:
          </span>
          {log.bucket !== "" && (
            <Code
              code={`aws s3 cp --recursive s3://${log.bucket}/${log.prefix} . && gunzip -c *.json.gz | grep ${r.id}`}
              label="Copy the command"
            />
          )}
          {log.directory !== "" && <Copyable text={log.directory} />}
        </SpaceBetween>
      )}
    </Container>
  );
}
