import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { asServiceError, useAction, type ServiceError } from "@/client";
import { bytes, ConfirmDelete, Empty, ResourceTable, Time, type Column } from "@/components";
import type { Conversation } from "./conversation";
import { download } from "./download";
import { historyLimits, type Entry, type History } from "./history";
import { exportText } from "./transfer";

const nameOf = (entry: Entry) => (entry.title === "" ? "Untitled" : entry.title);

function columnsOf(open: (id: string) => void): Column<Entry>[] {
  return [
    {
      id: "title",
      header: "Conversation",
      cell: (entry) => (
        <Button variant="inline-link" onClick={() => open(entry.id)}>
          {nameOf(entry)}
        </Button>
      ),
      value: nameOf,
      main: true,
      width: 340,
    },
    {
      id: "updated",
      header: "Last message",
      cell: (e) => <Time at={e.updated} />,
      value: (e) => e.updated,
      width: 210,
    },
    { id: "models", header: "Models", cell: (e) => e.models.join(", "), value: (e) => e.models.join(", "), width: 260 },
    { id: "bytes", header: "Size", cell: (e) => bytes(e.bytes), value: (e) => e.bytes, width: 110 },
  ];
}

/** What was said before, in this browser. */
export default function HistoryModal({
  history,
  kept,
  keep,
  onKeep,
  onOpen,
  onImport,
  onClose,
}: {
  history: History;
  /** The browser keeps what is written; otherwise it is gone with the page. */
  kept: boolean;
  keep: boolean;
  onKeep: (keep: boolean) => void;
  onOpen: (conversation: Conversation) => void;
  onImport: () => void;
  onClose: () => void;
}) {
  const [selected, setSelected] = useState<Entry[]>([]);
  const [deleting, setDeleting] = useState(false);
  const entries = useQuery<Entry[], ServiceError>({
    queryKey: ["playground", "entries"],
    queryFn: async () => {
      try {
        return await history.list();
      } catch (thrown) {
        throw asServiceError(thrown);
      }
    },
    staleTime: 0,
  });
  const open = useAction(
    async (id: string) => {
      const conversation = await history.get(id);
      if (!conversation) throw new Error("It is not there any more.");
      return conversation;
    },
    { onDone: onOpen },
  );
  const save = useAction(async (chosen: readonly Entry[]) => {
    const found = await Promise.all(chosen.map(({ id }) => history.get(id)));
    download("outcrop-playground.json", exportText(found.filter((c) => c !== undefined)));
  });
  const remove = useAction(
    async (chosen: readonly Entry[]) => {
      await Promise.all(chosen.map(({ id }) => history.remove(id)));
    },
    {
      quiet: true,
      onDone: () => {
        setSelected([]);
        setDeleting(false);
        void entries.refetch();
      },
    },
  );
  const { mutate } = open;
  const columns = useMemo(() => columnsOf(mutate), [mutate]);
  return (
    <>
      <Modal visible={!deleting} size="max" header="History" onDismiss={onClose}>
        <SpaceBetween size="m">
          <Toggle
            checked={keep}
            onChange={({ detail }) => onKeep(detail.checked)}
            description={
              kept
                ? `The last ${historyLimits.count} conversations stay in this browser, with their attachments, for who signs in as you. The server keeps none, unless it logs what models are asked.`
                : "This browser keeps nothing: the conversations are gone when the page is closed. Export those that you need."
            }
          >
            Keep conversations
          </Toggle>
          <ResourceTable
            id="playground-history"
            title="Conversations"
            variant="borderless"
            items={entries.data}
            loading={entries.isPending}
            error={entries.error}
            retry={() => void entries.refetch()}
            columns={columns}
            trackBy={(entry) => entry.id}
            selection="multi"
            selected={selected}
            onSelect={setSelected}
            sort="-updated"
            pageSize={10}
            empty={<Empty title="No conversations">What you send is listed here.</Empty>}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button onClick={onImport}>Import</Button>
                <Button disabled={selected.length === 0} onClick={() => save.mutate(selected)} loading={save.isPending}>
                  Export
                </Button>
                <Button disabled={selected.length === 0} onClick={() => setDeleting(true)}>
                  Delete
                </Button>
              </SpaceBetween>
            }
          />
        </SpaceBetween>
      </Modal>
      <ConfirmDelete
        visible={deleting}
        what={selected.length === 1 ? "1 conversation" : `${selected.length} conversations`}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(selected)}
        onCancel={() => setDeleting(false)}
      >
        <Box>They are only in this browser. This cannot be undone.</Box>
      </ConfirmDelete>
    </>
  );
}
