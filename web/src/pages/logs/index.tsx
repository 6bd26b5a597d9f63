import Tabs from "@cloudscape-design/components/tabs";
import { useMemo, type ReactNode } from "react";
import { Navigate, Route, Routes, useHref, useLocation, useNavigate } from "react-router";
import { Page } from "@/components";
import { Audit } from "./audit";
import { History } from "./history";
import { Live } from "./live";
import { RequestPage } from "./request";
import { Settings } from "./settings";
import "./logs.css";

const tabs = [
  { id: "live", label: "Live", Content: Live },
  { id: "requests", label: "Requests", Content: History },
  { id: "settings", label: "Invocation log", Content: Settings },
  { id: "audit", label: "Audit trail", Content: Audit },
] as const;

/** Requests as they come and went, what is written down of them, and who changed what. */
export default function Logs() {
  const { search } = useLocation();
  return (
    <Routes>
      <Route path="requests/:id" element={<RequestPage />} />
      {tabs.map(({ id, label, Content }) => (
        <Route key={id} path={id} element={<Section active={id} label={label} content={<Content />} />} />
      ))}
      <Route path="*" element={<Navigate to={{ pathname: "/logs/live", search }} replace />} />
    </Routes>
  );
}

function Section({ active, label, content }: { active: string; label: string; content: ReactNode }) {
  const navigate = useNavigate();
  const base = useHref("/logs");
  const crumbs = useMemo(() => [{ text: label, path: `logs/${active}` }], [label, active]);
  return (
    <Page title="Logs" description="What is asked of this server, by whom, and what became of it." crumbs={crumbs}>
      <Tabs
        ariaLabel="Parts of the logs"
        activeTabId={active}
        onChange={({ detail }) => void navigate(`/logs/${detail.activeTabId}`)}
        tabs={tabs.map(({ id, label: text }) => ({
          id,
          label: text,
          href: `${base}/${id}`,
          content: id === active ? content : null,
        }))}
      />
    </Page>
  );
}
