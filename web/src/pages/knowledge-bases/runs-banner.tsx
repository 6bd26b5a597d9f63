import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useNavigate } from "react-router";
import { count } from "@/components";
import { useRuns, type Run } from "./runs";

/** The uploads that are going on, or have stopped, of one base or of all. */
export function RunsBanner({ base }: { base?: string }) {
  const { runs, list } = useRuns();
  const navigate = useNavigate();
  const shown = list.filter((run) => run.state !== "ended" && (base === undefined || run.baseId === base));
  if (shown.length === 0) return null;
  return (
    <SpaceBetween size="xs">
      {shown.map((run) => (
        <Alert
          key={run.id}
          type={run.state === "running" ? "info" : "warning"}
          dismissible={run.state !== "running"}
          dismissAriaLabel="Forget this upload"
          onDismiss={() => runs.forget(run.id)}
          action={<Button onClick={() => void navigate(`/knowledge-bases/runs/${run.id}`)}>Show</Button>}
        >
          {sentence(run)}
        </Alert>
      ))}
    </SpaceBetween>
  );
}

function sentence(run: Run): string {
  const done = run.files.filter((f) => f.stage === "sent").length;
  const of = `${count(done)} of ${count(run.files.length)} files`;
  if (run.state === "stopped") return `The upload to ${run.baseName} has stopped: ${of} are there.`;
  if (run.step === "sync") return `${run.baseName} is syncing.`;
  return `Uploading to ${run.baseName}: ${of} are there.`;
}
