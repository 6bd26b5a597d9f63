import Tabs from "@cloudscape-design/components/tabs";
import { useMemo, type ReactNode } from "react";
import { Navigate, Route, Routes, useHref, useNavigate } from "react-router";
import { Page } from "@/components";
import { AccountKeys } from "./account-keys";
import { Explain } from "./explain";
import { CreateGroupPage, GroupPage, Groups } from "./groups";
import { CreatePolicyPage, Policies, PolicyPage } from "./policies";
import { CreateRolePage, RolePage, Roles } from "./roles";
import { CreateUserPage, UserPage, Users } from "./users";
import { YourKeys } from "./your-keys";

const tabs = [
  { id: "users", label: "Users", Content: Users },
  { id: "groups", label: "Groups", Content: Groups },
  { id: "roles", label: "Roles", Content: Roles },
  { id: "policies", label: "Policies", Content: Policies },
  { id: "api-keys", label: "API keys", Content: AccountKeys },
  { id: "explain", label: "Explain a decision", Content: Explain },
  { id: "you", label: "Your keys", Content: YourKeys },
] as const;

/** Users, groups, roles and policies: who may do what. */
export default function Access() {
  return (
    <Routes>
      <Route path="users/create" element={<CreateUserPage />} />
      <Route path="users/:name" element={<UserPage />} />
      <Route path="groups/create" element={<CreateGroupPage />} />
      <Route path="groups/:name" element={<GroupPage />} />
      <Route path="roles/create" element={<CreateRolePage />} />
      <Route path="roles/:name" element={<RolePage />} />
      <Route path="policies/create" element={<CreatePolicyPage />} />
      <Route path="policies/*" element={<PolicyPage />} />
      {tabs.map(({ id, label, Content }) => (
        <Route key={id} path={id} element={<Section active={id} label={label} content={<Content />} />} />
      ))}
      <Route path="*" element={<Navigate to="/access/users" replace />} />
    </Routes>
  );
}

function Section({ active, label, content }: { active: string; label: string; content: ReactNode }) {
  const navigate = useNavigate();
  const base = useHref("/access");
  const crumbs = useMemo(() => [{ text: label, path: `access/${active}` }], [label, active]);
  return (
    <Page
      title="Access"
      description="Who may call what, with the users, roles and policies of AWS's IAM."
      crumbs={crumbs}
    >
      <Tabs
        ariaLabel="Parts of access"
        activeTabId={active}
        onChange={({ detail }) => void navigate(`/access/${detail.activeTabId}`)}
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
