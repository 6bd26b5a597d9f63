import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import { useState } from "react";
import { Route, Routes, useNavigate } from "react-router";
import { asServiceError } from "@/client";
import { Page } from "@/components";
import { useSession, useSessionControl } from "@/session/provider";
import { useNotify } from "@/shell/notifications";
import { Base } from "./base";
import { Create } from "./create";
import type { Chosen } from "./files";
import { List } from "./list";
import { RunPage } from "./run-view";
import { SessionContext } from "./session-mark";

/** Knowledge bases: made, filled, synced, asked. */
export default function KnowledgeBasesPage() {
  const { signIn, csrf } = useSession();
  const { state } = useSessionControl();
  if (signIn === "apiKey") return <NotByAPIKey />;
  return (
    <SessionContext value={state.at === "signed-in" ? csrf : ""}>
      <KnowledgeBases />
    </SessionContext>
  );
}

/** As at AWS, API keys call models and nothing of knowledge bases, nor the buckets that the files go to. */
function NotByAPIKey() {
  const { signOut } = useSessionControl();
  const notify = useNotify();
  const leave = () => {
    signOut().catch((thrown: unknown) => notify.failed(asServiceError(thrown), "You are still signed in"));
  };
  return (
    <Page title="Knowledge bases">
      <Alert
        type="info"
        header="Knowledge bases cannot be used with an API key"
        action={<Button onClick={leave}>Sign in otherwise</Button>}
      >
        An API key calls models, here as at AWS. For knowledge bases sign in with access keys, or with the link that
        outcrop console prints.
      </Alert>
    </Page>
  );
}

/** The page, for who may use it. */
export function KnowledgeBases() {
  const navigate = useNavigate();
  // Files that were dropped on the list are on the form that follows.
  const [dropped, setDropped] = useState<readonly Chosen[]>([]);
  const take = (chosen: Chosen[]) => {
    setDropped(chosen);
    void navigate("/knowledge-bases/create");
  };
  return (
    <Routes>
      <Route index element={<List onDropped={take} />} />
      <Route path="create" element={<Create dropped={dropped} />} />
      <Route path="runs/:run" element={<RunPage />} />
      <Route path=":id/*" element={<Base />} />
    </Routes>
  );
}
