import Alert from "@cloudscape-design/components/alert";
import { DeleteKnowledgeBase, ListKnowledgeBases } from "@/api/bedrock-agent.gen";
import { useOperation } from "@/client";
import { ConfirmDelete } from "@/components";

/** Asks before a base is deleted. */
export function DeleteBase({
  base,
  onClose,
  onDone,
}: {
  base: { knowledgeBaseId: string; name: string };
  onClose: () => void;
  onDone?: () => void;
}) {
  const remove = useOperation(DeleteKnowledgeBase, {
    quiet: true,
    done: `Knowledge base ${base.name} is being deleted.`,
    stale: [ListKnowledgeBases],
    onDone: () => {
      onClose();
      onDone?.();
    },
  });
  return (
    <ConfirmDelete
      visible
      what={`knowledge base ${base.name}`}
      word={base.name}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ knowledgeBaseId: base.knowledgeBaseId })}
      onCancel={onClose}
    >
      <Alert type="warning">
        Its data sources and everything that is indexed of them go with it. Buckets and folders, and the files in them,
        stay.
      </Alert>
    </ConfirmDelete>
  );
}
