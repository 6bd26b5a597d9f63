import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import type { AccessDecision, AccessRequest } from "@/api/outcrop.gen";
import { useAction } from "@/client";
import { Failed } from "@/components";
import { useNotify } from "@/shell/notifications";
import { counted } from "./access";
import { forEach } from "./each";
import { Failures } from "./failures";

/** A model in a region that is decided about. */
export type Target = Pick<AccessDecision, "model" | "region">;

export type Verdict = "approve" | "deny";

/** Longest reason of a denial, in bytes. */
const most = 1024;

/** Asks before access is given or refused, and does it. */
export function DecideModal({
  targets,
  verdict,
  close,
}: {
  targets: readonly Target[];
  verdict: Verdict;
  close: (done: boolean) => void;
}) {
  const [reason, setReason] = useState("");
  const notify = useNotify();
  const approve = verdict === "approve";
  const tooLong = new TextEncoder().encode(reason).length > most;
  const decide = useAction(
    (all: readonly Target[], client) =>
      forEach(all, ({ model, region }) =>
        client.operator<AccessRequest>("POST", `access-requests/${verdict}`, {
          body: { model, region, ...(approve || reason.trim() === "" ? {} : { reason: reason.trim() }) },
        }),
      ),
    {
      quiet: true,
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
  const failed = (decide.data?.failed ?? []).map(({ of, error }) => ({ id: `${of.model} in ${of.region}`, error }));
  // What is denied to everybody needs no list of its own.
  const refused = decide.data && decide.data.done.length === 0 ? decide.data.failed[0]?.error : undefined;
  return (
    <Modal
      visible
      header={`${approve ? "Approve" : "Deny"} access to ${counted(targets.length)}?`}
      onDismiss={() => close(ended)}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => close(ended)}>
              {ended ? "Close" : "Cancel"}
            </Button>
            {!ended && (
              <Button
                variant="primary"
                disabled={tooLong}
                loading={decide.isPending}
                onClick={() => decide.mutate(targets)}
              >
                {approve ? "Approve" : "Deny"}
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box>
          {approve
            ? "Everybody in the account whose policies allow it can use these models."
            : "Nobody in the account can use these models. What was granted before is taken away."}
        </Box>
        <ul className="terms-models">
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
        {refused?.denied ? (
          <Failed what="decide about access to models" error={refused} />
        ) : (
          <>
            {decide.error && <Failed what="decide about access to models" error={decide.error} />}
            <Failures of={failed} />
          </>
        )}
      </SpaceBetween>
    </Modal>
  );
}
