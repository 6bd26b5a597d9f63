import Button from "@cloudscape-design/components/button";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useSearchParams } from "react-router";
import type { AccessRequest } from "@/api/outcrop.gen";
import { Empty, none, ResourceTable, StatusBadge, Time, type Column } from "@/components";
import { pathOfModel, To } from "../catalog/to";
import { denialOf } from "./access";
import { DecideModal, type Verdict } from "./decide-modal";
import type { Requests } from "./use-requests";

const texts: { [status: string]: string } = { PENDING: "Pending", GRANTED: "Approved", DENIED: "Denied" };

const columns: readonly Column<AccessRequest>[] = [
  {
    id: "model",
    header: "Model",
    cell: (r) => <To path={pathOfModel(r.model)}>{r.model}</To>,
    value: (r) => r.model,
    main: true,
    minWidth: 180,
  },
  {
    id: "status",
    header: "Status",
    cell: (r) => (
      <StatusBadge status={r.status === "GRANTED" ? "approved" : r.status}>{texts[r.status] ?? r.status}</StatusBadge>
    ),
    value: (r) => texts[r.status] ?? r.status,
    minWidth: 120,
  },
  { id: "region", header: "Region", cell: (r) => r.region, value: (r) => r.region, minWidth: 120 },
  {
    id: "by",
    header: "Requested by",
    cell: (r) => r.requestedBy || "Nobody: an administrator decided",
    value: (r) => r.requestedBy,
    minWidth: 220,
  },
  {
    id: "requested",
    header: "Requested",
    cell: (r) => <Time at={r.requestedAt} />,
    value: (r) => r.requestedAt,
    minWidth: 190,
  },
  {
    id: "decided",
    header: "Decided",
    cell: (r) => <Time at={r.decidedAt} />,
    value: (r) => r.decidedAt,
    minWidth: 190,
  },
  { id: "reason", header: "Reason", cell: (r) => denialOf(r) || none, value: denialOf, minWidth: 200 },
];

/** What becomes of a request in each mode. */
const said: { [mode: string]: string } = {
  auto: "The configuration says access: auto, so that models can be used whatever is decided.",
  request: "The configuration says access: request: only who asks for a denied model waits.",
};

const keyOf = (r: AccessRequest) => `${r.model} in ${r.region}`;

/** What accounts asked for, for those who decide. */
export function RequestsTable({ requests }: { requests: Requests }) {
  const [params, setParams] = useSearchParams();
  const [chosen, choose] = useState<readonly string[]>([]);
  const [verdict, setVerdict] = useState<Verdict>();
  const status = params.get("decision") ?? "";
  const all = requests.data?.requests;
  const shown = all?.filter((r) => status === "" || r.status === status);
  const selected = (shown ?? []).filter((r) => chosen.includes(keyOf(r)));
  const options = [
    { value: "", label: "Any status" },
    ...Object.entries(texts).map(([value, label]) => ({ value, label })),
  ];
  const can = (verdictOf: Verdict) =>
    selected.some((r) => r.status !== (verdictOf === "approve" ? "GRANTED" : "DENIED"));
  const waitingShown = (shown ?? []).filter((r) => r.status === "PENDING");
  const pending = (all ?? []).filter((r) => r.status === "PENDING").length;
  const waiting =
    pending === 0
      ? "None waits for a decision."
      : `${pending.toLocaleString()} ${pending === 1 ? "waits" : "wait"} for a decision.`;
  return (
    <>
      <ResourceTable
        id="access-requests"
        title="Requests"
        description={requests.data && `In all regions. ${said[requests.data.mode] ?? ""} ${waiting}`}
        items={shown}
        loading={requests.isPending}
        error={requests.error}
        retry={() => void requests.refetch()}
        what="see requests for models"
        columns={columns}
        trackBy={keyOf}
        sort="-requested"
        selection="multi"
        wrapLines
        selected={selected}
        onSelect={(of) => choose(of.map(keyOf))}
        empty={<Empty title="No requests">What somebody asks for on the tab Models appears here.</Empty>}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            {waitingShown.length > 1 && (
              <Button onClick={() => choose(waitingShown.map(keyOf))}>
                {`Select all ${waitingShown.length.toLocaleString()} pending`}
              </Button>
            )}
            <Button disabled={!can("deny")} onClick={() => setVerdict("deny")}>
              Deny
            </Button>
            <Button variant="primary" disabled={!can("approve")} onClick={() => setVerdict("approve")}>
              Approve
            </Button>
          </SpaceBetween>
        }
        filters={
          <div className="access-filters">
            <Select
              ariaLabel="Status"
              options={options}
              selectedOption={options.find(({ value }) => value === status) ?? { value: status, label: status }}
              onChange={({ detail }) =>
                setParams(
                  (was) => {
                    const next = new URLSearchParams(was);
                    if (detail.selectedOption.value) next.set("decision", detail.selectedOption.value);
                    else next.delete("decision");
                    return next;
                  },
                  { replace: true },
                )
              }
              expandToViewport
            />
          </div>
        }
      />
      {verdict && (
        <DecideModal
          verdict={verdict}
          mode={requests.data?.mode ?? ""}
          targets={selected.filter((r) => r.status !== (verdict === "approve" ? "GRANTED" : "DENIED"))}
          close={(done) => {
            setVerdict(undefined);
            if (done) choose([]);
          }}
        />
      )}
    </>
  );
}
