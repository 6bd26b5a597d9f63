import Tabs from "@cloudscape-design/components/tabs";
import type { ReactNode } from "react";
import { Navigate, Route, Routes, useHref, useNavigate } from "react-router";
import { Page } from "@/components";
import { Approvals } from "./approvals";
import { QuotaPage } from "./detail";
import { Requests } from "./requests";
import { QuotaTable } from "./table";

const tabs = [
  { id: "", label: "Quotas", Content: QuotaTable },
  { id: "requests", label: "Increase requests", Content: Requests },
  { id: "approvals", label: "Approvals", Content: Approvals },
] as const;

/** How much of each model may be used, and how much is. */
export default function Quotas() {
  return (
    <Routes>
      {tabs.map(({ id, label, Content }) => (
        <Route key={id} path={id} element={<Section active={id} label={label} content={<Content />} />} />
      ))}
      <Route path="quota/:code" element={<QuotaPage />} />
      <Route path="*" element={<Navigate to="/quotas" replace />} />
    </Routes>
  );
}

function Section({ active, label, content }: { active: string; label: string; content: ReactNode }) {
  const navigate = useNavigate();
  const base = useHref("/quotas");
  const path = (id: string) => (id === "" ? "" : `/${id}`);
  return (
    <Page
      title="Quotas"
      description="How much of each model this account may use in this region, and what is used now."
      crumbs={active === "" ? [] : [{ text: label, path: `quotas/${active}` }]}
    >
      <Tabs
        ariaLabel="Parts of quotas"
        activeTabId={active}
        onChange={({ detail }) => void navigate(`/quotas${path(detail.activeTabId)}`)}
        tabs={tabs.map(({ id, label: text }) => ({
          id,
          label: text,
          href: base + path(id),
          content: id === active ? content : null,
        }))}
      />
    </Page>
  );
}
