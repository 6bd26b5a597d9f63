import { ListRequestedServiceQuotaChangeHistory, type RequestedServiceQuotaChange } from "@/api/service-quotas.gen";
import { useAll } from "@/client";
import { Empty, ResourceTable, StatusBadge, Time, words, type Column } from "@/components";
import { QuotaLink } from "./link";
import { isOpen, valueText } from "./quota";

export const statusText = (status: string | undefined) =>
  status === "CASE_OPENED" ? "Waits for an administrator" : status === "PENDING" ? "Pending" : words(status ?? "");

export const requestColumns: readonly Column<RequestedServiceQuotaChange>[] = [
  {
    id: "name",
    header: "Quota",
    cell: (r) => <QuotaLink code={r.QuotaCode ?? ""}>{r.QuotaName}</QuotaLink>,
    value: (r) => r.QuotaName,
    width: 380,
    main: true,
  },
  { id: "desired", header: "New value", cell: (r) => valueText(r.DesiredValue ?? null), value: (r) => r.DesiredValue },
  {
    id: "status",
    header: "Status",
    cell: (r) => <StatusBadge status={r.Status}>{statusText(r.Status)}</StatusBadge>,
    value: (r) => statusText(r.Status),
  },
  { id: "created", header: "Requested", cell: (r) => <Time at={r.Created} />, value: (r) => r.Created },
  { id: "updated", header: "Changed", cell: (r) => <Time at={r.LastUpdated} />, value: (r) => r.LastUpdated },
  { id: "by", header: "By", cell: (r) => r.Requester, value: (r) => r.Requester, hidden: true },
  { id: "id", header: "ID", cell: (r) => r.Id, value: (r) => r.Id, hidden: true },
];

/** What was asked for in this region. */
export function Requests() {
  const requests = useAll(
    ListRequestedServiceQuotaChangeHistory,
    { ServiceCode: "bedrock", MaxResults: 100 },
    (page) => page.RequestedQuotas,
    { refetchInterval: 10_000 },
  );
  const open = requests.data?.filter((r) => isOpen(r.Status)).length ?? 0;
  return (
    <ResourceTable
      id="quota-history"
      title="Increase requests"
      description={open === 0 ? "Those of this region." : `Those of this region; ${open} not decided yet.`}
      items={requests.data}
      loading={requests.isPending}
      error={requests.error}
      retry={() => void requests.refetch()}
      what="see the requests"
      columns={requestColumns}
      trackBy={(r) => r.Id ?? ""}
      sort="-created"
      empty={<Empty title="No requests">Ask for more of a quota in the list of quotas.</Empty>}
    />
  );
}
