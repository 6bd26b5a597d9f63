import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { LocalModels, PullPlan } from "@/api/outcrop.gen";
import { useOperator } from "@/client";
import { bytes, Failed, Loading, none } from "@/components";
import { FitBadge } from "./fit";
import { usePull } from "./pulls";
import { fitText } from "./words";

/** Asks for a source, shows what it would add and whether it fits, and pulls it. */
export function PullModal({ local, close }: { local: LocalModels; close: () => void }) {
  const [source, setSource] = useState("");
  const [name, setName] = useState("");
  const [asked, ask] = useState<{ source: string; name: string }>();
  const now = { source: source.trim(), name: name.trim() };
  const current = asked !== undefined && asked.source === now.source && asked.name === now.name;
  const plan = useOperator<PullPlan>(
    "local-models/plan",
    { source: asked?.source, name: asked?.name || undefined },
    { enabled: asked !== undefined },
  );
  const pull = usePull(close);
  const estimate = () => {
    if (now.source === "") return;
    if (current) void plan.refetch();
    else ask(now);
  };
  return (
    <Modal
      visible
      header="Pull a model"
      onDismiss={close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button disabled={now.source === ""} loading={current && plan.isFetching} onClick={estimate}>
              Check
            </Button>
            <Button
              variant="primary"
              disabled={now.source === ""}
              loading={pull.isPending}
              onClick={() => pull.mutate(now)}
            >
              Pull
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          estimate();
        }}
      >
        <SpaceBetween size="m">
          {local.offline && (
            <Alert type="warning" header="This server is offline">
              It opens no connection to other machines. Start it without --offline to pull models, or copy files into{" "}
              {local.directory} with outcrop models import.
            </Alert>
          )}
          <FormField
            label="Source"
            description="Check tells what it would add and whether it fits into memory."
            constraintText={
              <ul className="sources">
                {local.sources.map((of) => (
                  <li key={of.form}>
                    <button type="button" className="source" onClick={() => setSource(of.example)}>
                      {of.form}
                    </button>
                    : {of.what}
                  </li>
                ))}
              </ul>
            }
          >
            <Input
              value={source}
              placeholder={local.sources[0]?.example ?? ""}
              onChange={({ detail }) => setSource(detail.value)}
              autoComplete="off"
              spellcheck={false}
              autoFocus
            />
          </FormField>
          <FormField
            label={
              <span>
                Local name <i>- optional</i>
              </span>
            }
            description="By which routes of the configuration name it. It is made of the source otherwise."
          >
            <Input
              value={name}
              onChange={({ detail }) => setName(detail.value)}
              autoComplete="off"
              spellcheck={false}
            />
          </FormField>
          {current && plan.isFetching && <Loading text="Asking the source" />}
          {current && !plan.isFetching && plan.error && (
            <Failed what="pull models" error={plan.error} retry={estimate} />
          )}
          {current && !plan.isFetching && plan.data && !plan.error && <Plan plan={plan.data} />}
          {pull.error && <Failed what="pull models" error={pull.error} />}
          {/* Enter in a field submits a form that has a button. */}
          <button type="submit" hidden aria-hidden tabIndex={-1} />
        </SpaceBetween>
      </form>
    </Modal>
  );
}

function Plan({ plan }: { plan: PullPlan }) {
  const room = plan.diskFreeBytes === null || plan.sizeBytes === 0 || plan.sizeBytes < plan.diskFreeBytes;
  return (
    <SpaceBetween size="s">
      <KeyValuePairs
        columns={2}
        items={[
          { label: "Name", value: plan.name },
          { label: "Download", value: plan.sizeBytes === 0 ? "The source does not tell" : bytes(plan.sizeBytes) },
          { label: "Memory", value: <FitBadge of={plan.fit} /> },
          { label: "Disk free", value: bytes(plan.diskFreeBytes) },
          { label: "Licence", value: plan.license || none },
        ]}
      />
      {plan.here && <Alert type="info">A model of this name is there already.</Alert>}
      {!plan.fit.fits && <Alert type="warning">{fitText(plan.fit)}</Alert>}
      {!room && <Alert type="warning">There is not enough space on the disk for it.</Alert>}
    </SpaceBetween>
  );
}
