import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState, type ReactNode } from "react";
import type { ServiceError } from "@/client/errors";
import { Failed } from "./failed";

/** Asks before something is deleted. With a word it has to be typed, for what cannot be had again. */
export function ConfirmDelete({
  visible,
  ...props
}: {
  visible: boolean;
  /** "user alice", "3 objects". */
  what: string;
  /** What is lost with it. */
  children?: ReactNode;
  /** What has to be typed; nothing, where it is absent. */
  word?: string;
  action?: string;
  busy?: boolean;
  error?: ServiceError | null;
  onConfirm: () => void;
  onCancel: () => void;
}) {
  // What was typed for one thing does not count for the next.
  return visible ? <Question {...props} /> : null;
}

function Question({
  what,
  children,
  word,
  action = "Delete",
  busy = false,
  error,
  onConfirm,
  onCancel,
}: Omit<Parameters<typeof ConfirmDelete>[0], "visible">) {
  const [typed, setTyped] = useState("");
  const ready = word === undefined || typed.trim() === word;
  const verb = action.toLowerCase();
  return (
    <Modal
      visible
      header={`${action} ${what}?`}
      onDismiss={onCancel}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onCancel}>
              Cancel
            </Button>
            <Button variant="primary" onClick={onConfirm} disabled={!ready} loading={busy}>
              {action}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {children === undefined ? <Alert type="warning">This cannot be undone.</Alert> : <div>{children}</div>}
        {word !== undefined && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (ready && !busy) onConfirm();
            }}
          >
            <FormField label={`To ${verb} it, type "${word}"`}>
              <Input
                value={typed}
                onChange={({ detail }) => setTyped(detail.value)}
                placeholder={word}
                autoComplete="off"
                autoFocus
              />
            </FormField>
          </form>
        )}
        {error && <Failed what={`${verb} ${what}`} error={error} />}
      </SpaceBetween>
    </Modal>
  );
}
