import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useNavigate } from "react-router";
import { useOperator, useRegion } from "@/client";
import {
  Answer,
  bytes,
  Code,
  CodeSample,
  Copyable,
  count,
  duration,
  Empty,
  InnerLink,
  Money,
  Page,
  ResourceTable,
  StatusBadge,
  Time,
  Tokens,
} from "@/components";
import { assignmentColumns, backendColumns, backendRows, loadedColumns } from "./columns";
import { environment, setups } from "./setup";
import type { Server } from "@/api/outcrop.gen";

/** What the server is and how it does. */
export default function Overview() {
  const server = useOperator<Server>("server", {}, { refetchInterval: 15_000 });
  return (
    <Page title="Overview" description="What this server is, and how it does.">
      <SpaceBetween size="l">
        <Start />
        <Answer of={server} what="see the server">
          {(data) => (
            <SpaceBetween size="l">
              <Today server={data} />
              <About server={data} />
              <SetUp server={data} />
              <ResourceTable
                id="overview-assignments"
                title="Who answers"
                description="Who answers for which models, in the order in which it is decided. A stand-in is another model than the one that is asked for."
                items={data.assignments}
                columns={assignmentColumns}
                trackBy={(a) => `${a.models} ${a.servedBy}`}
              />
              <ResourceTable
                id="overview-backends"
                title="Backends"
                description="Counts are since the backend was started."
                items={backendRows(data.backends)}
                columns={backendColumns}
                trackBy={({ backend, model }) => `${backend.name} ${model?.model ?? ""}`}
                empty={<Empty title="No backends">Nobody could answer.</Empty>}
              />
              {data.models.length > 0 && (
                <ResourceTable
                  id="overview-models"
                  title="Models in memory"
                  description="Those that the engine inside was asked for."
                  items={data.models}
                  columns={loadedColumns}
                  trackBy={(m) => m.name}
                />
              )}
            </SpaceBetween>
          )}
        </Answer>
      </SpaceBetween>
    </Page>
  );
}

/** The two ways to see it work, for who has come here for the first time. */
function Start() {
  const navigate = useNavigate();
  const ways = [
    {
      path: "/knowledge-bases",
      title: "Ask your own documents",
      text: "Drop a PDF or other files, ask a question, and read in them what the answer rests on.",
      action: "Ask your documents",
    },
    {
      path: "/playground",
      title: "Talk to a model",
      text: "Send a message to any model of the catalog, and compare what several of them say.",
      action: "Open the playground",
    },
  ];
  return (
    <Container>
      <ColumnLayout columns={2} minColumnWidth={260}>
        {ways.map((way, i) => (
          <SpaceBetween key={way.path} size="xs">
            <Box variant="h2" padding="n">
              {way.title}
            </Box>
            <Box color="text-body-secondary">{way.text}</Box>
            <Button variant={i === 0 ? "primary" : "normal"} onClick={() => void navigate(way.path)}>
              {way.action}
            </Button>
          </SpaceBetween>
        ))}
      </ColumnLayout>
    </Container>
  );
}

function About({ server }: { server: Server }) {
  const { engine, memory } = server;
  return (
    <Container header={<Header variant="h2">Server</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Version", value: server.version },
          { label: "Account", value: <Copyable text={server.account} /> },
          { label: "Up", value: duration(server.uptimeSeconds * 1000) },
          { label: "Started", value: <Time at={server.started} /> },
          {
            label: "Engine",
            value: (
              <StatusBadge status={engine.ready ? "ready" : "stopped"}>
                {engine.ready ? `${engine.name} ${engine.build}` : engine.why || "Not ready"}
              </StatusBadge>
            ),
          },
          { label: "Memory free", value: `${bytes(memory.freeBytes)} of ${bytes(memory.totalBytes)}` },
          { label: "Disk free", value: bytes(server.diskFreeBytes) },
          { label: "Network", value: server.offline ? "Offline" : "Online" },
          ...(server.script ? [{ label: "Answers", value: "A script answers for every model" }] : []),
          ...(memory.modelBytes > 0 ? [{ label: "Memory of models", value: bytes(memory.modelBytes) }] : []),
        ]}
      />
    </Container>
  );
}

function Today({ server: { today } }: { server: Server }) {
  const errors =
    today.errors === 0 ? (
      count(0)
    ) : (
      <InnerLink to="/logs/requests?status=error&since=24h">{count(today.errors)}</InnerLink>
    );
  const cached = today.tokens.cacheRead + today.tokens.cacheWrite;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={
            <>
              Since <Time at={today.from} />, midnight UTC.
            </>
          }
          actions={<InnerLink to="/usage?range=today">Usage and cost</InnerLink>}
        >
          Today
        </Header>
      }
    >
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Requests", value: <InnerLink to="/logs/live">{count(today.requests)}</InnerLink> },
          { label: "Errors", value: errors },
          {
            label: "Tokens in and out",
            value: (
              <>
                <Tokens count={today.tokens.input} /> / <Tokens count={today.tokens.output} />
                {cached > 0 && (
                  <>
                    {" "}
                    and <Tokens count={cached} /> of caches
                  </>
                )}
              </>
            ),
          },
          {
            label: "Cost",
            value: (
              <>
                <Money usd={today.costUsd} />
                {today.unpriced > 0 && ` and ${count(today.unpriced)} requests without a known price`}
              </>
            ),
          },
          ...today.errorsByCode.map(({ code, count: n }) => ({
            label: code,
            value: (
              <InnerLink to={`/usage?${new URLSearchParams({ range: "today", code }).toString()}`}>
                {count(n)}
              </InnerLink>
            ),
          })),
        ]}
      />
    </Container>
  );
}

function SetUp({ server }: { server: Server }) {
  const region = useRegion();
  const target = { endpoint: window.location.origin, region };
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={
            server.auth === "off" ? (
              "Whatever keys a program has, it may do everything here: authentication is off."
            ) : (
              <>
                The keys of a user are made in <InnerLink to="/access/users">Access</InnerLink>. On the machine of the
                server, <Box variant="code">outcrop configure</Box> writes a profile that has everything.
              </>
            )
          }
        >
          Point your programs here
        </Header>
      }
    >
      <SpaceBetween size="m">
        <Code code={environment(target)} label="Copy the variables" />
        <CodeSample samples={setups(target)} label="A first call" />
      </SpaceBetween>
    </Container>
  );
}
