import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import {
  GetServiceQuota,
  ListRequestedServiceQuotaChangeHistory,
  ListRequestedServiceQuotaChangeHistoryByQuota,
  ListServiceQuotas,
  RequestServiceQuotaIncrease,
} from "@/api/service-quotas.gen";
import { useOperation } from "@/client";
import { Failed } from "@/components";
import { desiredProblem, valueText, type Quota } from "./quota";
import { Use } from "./use";

/** Asks for more. */
export function IncreaseModal({ quota, onClose }: { quota: Quota; onClose: () => void }) {
  const [text, setText] = useState("");
  const ask = useOperation(RequestServiceQuotaIncrease, {
    done: ({ RequestedQuota: made }) =>
      made?.Status === "APPROVED"
        ? `${quota.quotaName} is ${valueText(made.DesiredValue ?? null)} now.`
        : `The request was sent and waits for an administrator (${made?.Id ?? ""}).`,
    stale: [
      "quota-use",
      "quota-requests",
      GetServiceQuota,
      ListServiceQuotas,
      ListRequestedServiceQuotaChangeHistory,
      ListRequestedServiceQuotaChangeHistoryByQuota,
    ],
    quiet: true,
    onDone: onClose,
  });
  const wrong = desiredProblem(text, quota.value);
  const ready = text.trim() !== "" && wrong === undefined;
  const send = () => ask.mutate({ ServiceCode: "bedrock", QuotaCode: quota.quotaCode, DesiredValue: Number(text) });
  return (
    <Modal
      visible
      header="Request an increase"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" disabled={!ready} loading={ask.isPending} onClick={send}>
              Request
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {ask.error && <Failed what="request an increase" error={ask.error} />}
        <Box variant="p">{quota.quotaName}</Box>
        <KeyValuePairs
          columns={3}
          items={[
            { label: "Value", value: valueText(quota.value) },
            { label: "Used now", value: <Use quota={quota} /> },
            { label: "Code", value: quota.quotaCode },
          ]}
        />
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (ready && !ask.isPending) send();
          }}
        >
          <FormField
            label="New value"
            errorText={wrong}
            description="Whether it is approved at once or by an administrator is set in the server's configuration."
          >
            <Input
              value={text}
              onChange={({ detail }) => setText(detail.value)}
              type="number"
              inputMode="numeric"
              step={1}
              autoFocus
            />
          </FormField>
        </form>
      </SpaceBetween>
    </Modal>
  );
}
