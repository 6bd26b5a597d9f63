import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import type { AccessDecision, AccessRequest } from "@/api/outcrop.gen";
import { Failed } from "@/components";
import { useNotify } from "@/shell/notifications";
import { counted } from "./access";
import { Failures } from "./failures";
import { Progress, useMany } from "./many";

/** A model in a region that is decided about. */
export type Target = Pick<AccessDecision, "model" | "region">;

export type Verdict = "approve" | "deny";

/** Longest reason of a denial, in bytes. */
const most = 1024;

/** Asks before access is given or refused, and does it. */
export function DecideModal({
  targets: given,
  verdict,
  mode,
  close,
}: {
  targets: readonly Target[];
  verdict: Verdict;
  mode: string;
  close: (done: boolean) => void;
}) {
  const [reason, setReason] = useState("");
  const notify = useNotify();
  const approve = verdict === "approve";
  const these = given.length === 1 ? "this model" : "these models";
  const tooLong = new TextEncoder().encode(reason).length > most;
  // What was chosen when it was opened: the page asks anew now and then, and what is decided drops out.
  const [targets] = useState(given);
  const { run: decide, over } = useMany<Target>(
    ({ model, region }, client) =>
      client.operator<AccessRequest>("POST", `access-requests/${verdict}`, {
        body: { model, region, ...(approve || reason.trim() === "" ? {} : { reason: reason.trim() }) },
      }),
    {
      stale: ["access-requests", "model-access"],
      onDone: ({ done, failed }) => {
        if (done.length > 0) {
          notify.success(`Access to ${counted(done.length)} was ${approve ? "approved" : "denied"}.`);
        }
        if (failed.length === 0) close(true);
      },
    },
  );
  const ended = decide.data !== undefined;
  const left = decide.data ? decide.data.failed.map(({ of }) => of) : targets;
  const failed = (decide.data?.failed ?? []).map(({ of, error }) => ({ id: `${of.model} in ${of.region}`, error }));
  // What is denied to everybody needs no list of its own.
  const refused = decide.data && decide.data.done.length === 0 ? decide.data.failed[0]?.error : undefined;
  return (
    <Modal
      visible
      header={`${approve ? "Approve" : "Deny"} access to ${targets.length === 1 ? (targets[0]?.model ?? "") : counted(targets.length)}?`}
      onDismiss={() => close(ended)}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => close(ended)}>
              {decide.isPending && targets.length > 1 ? "Stop" : ended ? "Close" : "Cancel"}
            </Button>
            {left.length > 0 && (
              <Button
                variant="primary"
                disabled={tooLong}
                loading={decide.isPending}
                onClick={() => decide.mutate(left)}
              >
                {failed.length > 0 ? `Try again (${failed.length.toLocaleString()})` : approve ? "Approve" : "Deny"}
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box>
          {approve
            ? `Everybody in the account whose policies allow it can use ${these}. A denial is taken back.`
            : `Nobody in the account can use ${these}. What was granted before is taken away. Who asks again waits until an administrator approves.`}
        </Box>
        {mode === "auto" && (
          <Alert type="info">
            The configuration says access: auto, so that every model can be used all the same. What is decided here
            counts once it says request or approval.
          </Alert>
        )}
        <ul className="terms-models" tabIndex={0} aria-label="Models">
          {targets.map(({ model, region }) => (
            <li key={`${model} ${region}`}>
              {model} in {region}
            </li>
          ))}
        </ul>
        {!approve && (
          <FormField
            label={
              <span>
                Reason <i>- optional</i>
              </span>
            }
            description="Those who ask for the model read it."
            errorText={tooLong ? `A reason has at most ${most.toLocaleString()} bytes.` : ""}
          >
            <Textarea value={reason} onChange={({ detail }) => setReason(detail.value)} />
          </FormField>
        )}
        {decide.isPending && decide.variables.length > 1 && (
          <Progress label={approve ? "Approving" : "Denying"} over={over} all={decide.variables.length} />
        )}
        {refused?.denied ? (
          <Failed what="decide about access to models" error={refused} />
        ) : (
          <>
            {decide.error && <Failed what="decide about access to models" error={decide.error} />}
            {!decide.isPending && failed.length > 0 && <Failures of={failed} />}
          </>
        )}
      </SpaceBetween>
    </Modal>
  );
}
