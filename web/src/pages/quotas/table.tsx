import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { Empty, ResourceTable, type Column } from "@/components";
import { useQuotas } from "./data";
import { IncreaseModal } from "./increase";
import { classes, isNear, metrics, share, valueText, type Quota } from "./quota";
import { QuotaLink } from "./link";
import { Use } from "./use";

const columns: readonly Column<Quota>[] = [
  { id: "model", header: "Model", cell: (q) => q.model, value: (q) => q.model, main: true, width: 205, minWidth: 120 },
  {
    id: "metric",
    header: "Quota",
    cell: (q) => <QuotaLink code={q.quotaCode}>{metrics[q.metric] ?? q.quotaName}</QuotaLink>,
    value: (q) => metrics[q.metric] ?? q.quotaName,
    width: 175,
    minWidth: 120,
  },
  {
    id: "class",
    header: "Asked for by",
    cell: (q) => classes[q.class] ?? q.class,
    value: (q) => classes[q.class] ?? q.class,
    width: 175,
  },
  {
    id: "value",
    header: "Value",
    cell: (q) => valueText(q.value),
    value: (q) => q.value ?? Number.MAX_SAFE_INTEGER,
    width: 140,
  },
  {
    id: "used",
    header: "Used now",
    cell: (q) => <Use quota={q} />,
    value: (q) => share(q) ?? null,
    width: 180,
    minWidth: 150,
  },
  {
    id: "default",
    header: "Default",
    cell: (q) => valueText(q.default),
    value: (q) => q.default ?? Number.MAX_SAFE_INTEGER,
    hidden: true,
  },
  {
    id: "adjustable",
    header: "Adjustable",
    cell: (q) => (q.adjustable ? "Yes" : "No"),
    value: (q) => (q.adjustable ? "Yes" : "No"),
  },
  { id: "name", header: "AWS's name", cell: (q) => q.quotaName, value: (q) => q.quotaName, hidden: true },
  { id: "code", header: "Code", cell: (q) => q.quotaCode, value: (q) => q.quotaCode, hidden: true },
];

const uses = [
  { value: "", label: "Any use" },
  { value: "used", label: "In use now" },
  { value: "near", label: "Near its limit" },
  { value: "limited", label: "With a limit" },
];

/** Whether a quota passes the filters that stand in the address. */
export function passes(quota: Quota, model: string, metric: string, use: string): boolean {
  if (model !== "" && quota.model !== model) return false;
  if (metric !== "" && quota.metric !== metric) return false;
  switch (use) {
    case "used":
      return (quota.used ?? 0) > 0;
    case "near":
      return isNear(quota);
    case "limited":
      return quota.value !== null;
    default:
      return true;
  }
}

/** All quotas of the region. */
export function QuotaTable() {
  const { quotas, unseen, pending, error, retry } = useQuotas();
  const [params, setParams] = useSearchParams();
  const [chosen, choose] = useState<Quota[]>([]);
  const [asking, setAsking] = useState(false);
  const model = params.get("model") ?? "";
  const metric = params.get("metric") ?? "";
  const use = params.get("use") ?? "";
  const filter = (name: string, value: string) =>
    setParams(
      (was) => {
        const next = new URLSearchParams(was);
        if (value === "") next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const shown = useMemo(() => quotas?.filter((q) => passes(q, model, metric, use)), [quotas, model, metric, use]);
  // The list of models changes seldom, what is used all the time.
  const names = useMemo(() => [...new Set(quotas?.map((q) => q.model))].toSorted().join("\n"), [quotas]);
  const models = useMemo(
    () => [
      { value: "", label: "All models" },
      ...names.split("\n").flatMap((value) => (value === "" ? [] : [{ value, label: value }])),
    ],
    [names],
  );
  const one = chosen[0] && quotas?.find((q) => q.quotaCode === chosen[0]?.quotaCode);
  const nearest = quotas?.filter(isNear).length ?? 0;
  return (
    <SpaceBetween size="m">
      {unseen && !error && (
        <Alert type="info" header="What is used now is not shown">
          {unseen.message} {unseen.requestId && <>(request {unseen.requestId})</>}
        </Alert>
      )}
      <ResourceTable
        id="quotas"
        title="Quotas"
        description={
          nearest > 0 && use !== "near" ? (
            <>
              {nearest === 1 ? "One quota is" : `${nearest} quotas are`} near its limit.{" "}
              <Button variant="inline-link" onClick={() => filter("use", "near")}>
                Show
              </Button>
            </>
          ) : (
            "What is used is asked every few seconds."
          )
        }
        items={shown}
        loading={pending}
        error={error}
        retry={retry}
        what="see the quotas"
        columns={columns}
        trackBy={(q) => q.quotaCode}
        sort="model"
        selection="single"
        selected={one ? [one] : []}
        onSelect={choose}
        filterPlaceholder="Find quotas by model, name or code"
        filters={
          <>
            <Select
              ariaLabel="Model"
              selectedOption={models.find((m) => m.value === model) ?? { value: model, label: model }}
              options={models}
              onChange={({ detail }) => filter("model", detail.selectedOption.value ?? "")}
              filteringType="auto"
              virtualScroll
            />
            <Select
              ariaLabel="Quota"
              selectedOption={{ value: metric, label: metric === "" ? "All quotas" : (metrics[metric] ?? metric) }}
              options={[
                { value: "", label: "All quotas" },
                ...Object.entries(metrics).map(([value, label]) => ({ value, label })),
              ]}
              onChange={({ detail }) => filter("metric", detail.selectedOption.value ?? "")}
            />
            <Select
              ariaLabel="Use"
              selectedOption={uses.find((u) => u.value === use) ?? null}
              options={uses}
              onChange={({ detail }) => filter("use", detail.selectedOption.value ?? "")}
            />
          </>
        }
        empty={
          quotas && quotas.length > 0 ? (
            <Empty
              title={use === "near" ? "No quota is near its limit" : "No quota is like this"}
              action={
                <Button
                  onClick={() =>
                    setParams(
                      (was) => {
                        const next = new URLSearchParams(was);
                        for (const name of ["model", "metric", "use"]) next.delete(name);
                        return next;
                      },
                      { replace: true },
                    )
                  }
                >
                  Show all quotas
                </Button>
              }
            />
          ) : (
            <Empty title="No quotas">This region has no models.</Empty>
          )
        }
        actions={
          <Button
            variant="primary"
            disabled={!one || !one.adjustable || one.value === null}
            disabledReason={
              !one ? "Choose a quota" : one.value === null ? "It is unlimited" : "This quota cannot be changed"
            }
            onClick={() => setAsking(true)}
          >
            Request increase
          </Button>
        }
      />
      {asking && one && <IncreaseModal quota={one} onClose={() => setAsking(false)} />}
    </SpaceBetween>
  );
}
