import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { QuotaRequest, QuotaRequests } from "@/api/outcrop.gen";
import { placeOf } from "@/api/regions";
import {
  ListRequestedServiceQuotaChangeHistory,
  ListRequestedServiceQuotaChangeHistoryByQuota,
  ListServiceQuotas,
} from "@/api/service-quotas.gen";
import { useAction, useClient, type Client, type ServiceError } from "@/client";
import { Empty, ResourceTable, StatusBadge, Time, type Column } from "@/components";
import { isOpen, valueText } from "./quota";
import { statusText } from "./requests";

const columns: readonly Column<QuotaRequest>[] = [
  { id: "name", header: "Quota", cell: (r) => r.quotaName, value: (r) => r.quotaName, main: true, width: 380 },
  {
    id: "region",
    header: "Region",
    cell: (r) => `${placeOf(r.region)} (${r.region})`,
    value: (r) => `${placeOf(r.region)} ${r.region}`,
  },
  { id: "desired", header: "New value", cell: (r) => valueText(r.desiredValue), value: (r) => r.desiredValue },
  {
    id: "status",
    header: "Status",
    cell: (r) => <StatusBadge status={r.status}>{statusText(r.status)}</StatusBadge>,
    value: (r) => statusText(r.status),
  },
  { id: "by", header: "Requested by", cell: (r) => r.requestedBy, value: (r) => r.requestedBy, minWidth: 140 },
  {
    id: "created",
    header: "Requested",
    cell: (r) => <Time at={r.createdAt} />,
    value: (r) => r.createdAt,
    minWidth: 190,
  },
  { id: "updated", header: "Changed", cell: (r) => <Time at={r.updatedAt} />, value: (r) => r.updatedAt, hidden: true },
  { id: "id", header: "ID", cell: (r) => r.id, value: (r) => r.id, hidden: true },
];

const statuses = [
  { value: "OPEN", label: "To decide" },
  { value: "", label: "All" },
  { value: "APPROVED", label: "Approved" },
  { value: "DENIED", label: "Denied" },
];

async function allRequests(client: Client, status: string, signal: AbortSignal): Promise<QuotaRequest[]> {
  const all: QuotaRequest[] = [];
  let nextToken = "";
  do {
    const query = { limit: 1000, ...(status ? { status } : {}), ...(nextToken ? { nextToken } : {}) };
    const page = await client.operator<QuotaRequests>("GET", "quota-requests", { query, signal });
    all.push(...page.requests);
    nextToken = page.nextToken;
  } while (nextToken !== "");
  return all;
}

/** What administrators decide: the requests of all regions. */
export function Approvals() {
  const client = useClient();
  const [status, setStatus] = useState("OPEN");
  const [chosen, choose] = useState<QuotaRequest[]>([]);
  const [denying, setDenying] = useState(false);
  const requests = useQuery<QuotaRequest[], ServiceError>({
    queryKey: ["operator", "quota-requests", status],
    queryFn: ({ signal }) => allRequests(client, status, signal),
    refetchInterval: (query) => (query.state.error ? false : 10_000),
  });
  const decide = useAction(
    async ({ what, ids }: { what: "approve" | "deny"; ids: readonly string[] }, with_) => {
      for (const id of ids) await with_.operator("POST", `quota-requests/${what}`, { body: { id } });
    },
    {
      done: (_, { what, ids }) => {
        const done = what === "approve" ? "approved" : "denied";
        return ids.length === 1 ? `The request was ${done}.` : `${ids.length} requests were ${done}.`;
      },
      stale: [
        "quota-requests",
        "quota-use",
        ListServiceQuotas,
        ListRequestedServiceQuotaChangeHistory,
        ListRequestedServiceQuotaChangeHistoryByQuota,
      ],
      onDone: () => {
        choose([]);
        setDenying(false);
      },
    },
  );
  const open = chosen.filter((r) => isOpen(r.status));
  const ids = open.map((r) => r.id);
  const none = open.length === 0;
  return (
    <>
      <ResourceTable
        id="quota-approvals"
        title="Approvals"
        description="Requests of all regions, for who decides them."
        items={requests.data}
        loading={requests.isPending}
        error={requests.error}
        retry={() => void requests.refetch()}
        what="see what is to be decided"
        columns={columns}
        trackBy={(r) => r.id}
        selection="multi"
        selected={chosen}
        onSelect={choose}
        filters={
          <Select
            ariaLabel="Status"
            selectedOption={statuses.find((s) => s.value === status) ?? null}
            options={statuses}
            onChange={({ detail }) => {
              setStatus(detail.selectedOption.value ?? "");
              choose([]);
            }}
          />
        }
        empty={
          <Empty title={status === "OPEN" ? "Nothing is to be decided" : "No requests"}>
            Whether requests wait here is set by limits.increases in the server&apos;s configuration.
          </Empty>
        }
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={none} onClick={() => setDenying(true)}>
              Deny
            </Button>
            <Button
              variant="primary"
              disabled={none}
              loading={decide.isPending && decide.variables.what === "approve"}
              onClick={() => decide.mutate({ what: "approve", ids })}
            >
              Approve
            </Button>
          </SpaceBetween>
        }
      />
      {denying && (
        <Modal
          visible
          header={ids.length === 1 ? "Deny this request?" : `Deny ${ids.length} requests?`}
          onDismiss={() => setDenying(false)}
          footer={
            <Box float="right">
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="link" onClick={() => setDenying(false)}>
                  Cancel
                </Button>
                <Button
                  variant="primary"
                  loading={decide.isPending}
                  onClick={() => decide.mutate({ what: "deny", ids })}
                >
                  Deny
                </Button>
              </SpaceBetween>
            </Box>
          }
        >
          <SpaceBetween size="xs">
            {open.map((r) => (
              <div key={r.id}>
                {r.quotaName}: {valueText(r.desiredValue)}, for {r.requestedBy}
              </div>
            ))}
          </SpaceBetween>
        </Modal>
      )}
    </>
  );
}
