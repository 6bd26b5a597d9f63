import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useOperator } from "@/client";
import { Answer, bytes, Copyable, count, duration, Money, Page, ResourceTable, StatusBadge, Time } from "@/components";
import { assignmentColumns } from "./columns";
import type { Server } from "@/api/outcrop.gen";

/** What the server is and how it does. */
export default function Overview() {
  const server = useOperator<Server>("server", {}, { refetchInterval: 15_000 });
  return (
    <Page title="Overview" description="What this server is, and how it does.">
      <Answer of={server} what="see the server">
        {(data) => (
          <SpaceBetween size="l">
            <About server={data} />
            <Today server={data} />
            <ResourceTable
              id="overview-assignments"
              title="Models"
              description="Who answers for whom, in the order in which it is decided."
              items={data.assignments}
              columns={assignmentColumns}
              trackBy={(a) => `${a.models} ${a.servedBy}`}
            />
          </SpaceBetween>
        )}
      </Answer>
    </Page>
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
        ]}
      />
    </Container>
  );
}

function Today({ server: { today } }: { server: Server }) {
  return (
    <Container header={<Header variant="h2">Today</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Requests", value: count(today.requests) },
          { label: "Errors", value: count(today.errors) },
          { label: "Tokens in and out", value: `${count(today.tokens.input)} / ${count(today.tokens.output)}` },
          { label: "Cost", value: <Money usd={today.costUsd} /> },
        ]}
      />
    </Container>
  );
}
