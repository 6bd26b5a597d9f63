import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { useSearchParams } from "react-router";
import type { ModelAccess } from "@/api/outcrop.gen";
import { useOperator, useRegion } from "@/client";
import { Answer, Page } from "@/components";
import { modes } from "./access";
import { ModelsTable } from "./models";
import { RequestsTable } from "./requests";
import { UseCaseModal } from "./use-case-modal";
import { useRequests } from "./use-requests";
import "./model-access.css";

/** Which models the account may use, asking for others, and deciding about who asked. */
export default function ModelAccessPage() {
  const region = useRegion();
  const [params, setParams] = useSearchParams();
  const access = useOperator<ModelAccess>("model-access", {}, { refetchInterval: 15_000 });
  const requests = useRequests();
  const [form, showForm] = useState(false);
  const pending = (requests.data?.requests ?? []).filter((r) => r.status === "PENDING").length;
  const tab = params.get("tab") ?? "models";
  return (
    <Page
      title="Model access"
      description={`Which models this account may use in ${region}.`}
      actions={
        access.data && (
          <Button onClick={() => showForm(true)}>
            {access.data.useCaseSubmitted ? "Use case details" : "Submit use case details"}
          </Button>
        )
      }
    >
      <SpaceBetween size="l">
        {access.data && <ModeNotice mode={access.data.mode} />}
        <Tabs
          activeTabId={tab}
          onChange={({ detail }) =>
            setParams(
              (was) => {
                const next = new URLSearchParams(was);
                next.set("tab", detail.activeTabId);
                return next;
              },
              { replace: true },
            )
          }
          tabs={[
            {
              id: "models",
              label: "Models",
              content: (
                <Answer of={access} what="see the access to models">
                  {(data) => <ModelsTable key={data.region} access={data} decides={requests.data !== undefined} />}
                </Answer>
              ),
            },
            {
              id: "requests",
              label: pending > 0 ? `Requests (${pending} pending)` : "Requests",
              content: <RequestsTable requests={requests} />,
            },
          ]}
        />
      </SpaceBetween>
      {form && access.data && <UseCaseModal submitted={access.data.useCaseSubmitted} close={() => showForm(false)} />}
    </Page>
  );
}

function ModeNotice({ mode }: { mode: string }) {
  const said = modes[mode];
  return said ? (
    <Alert type="info" header={said.title}>
      {said.text}
    </Alert>
  ) : null;
}
