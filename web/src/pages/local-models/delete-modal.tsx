import type { LocalModel } from "@/api/outcrop.gen";
import { bytes, ConfirmDelete } from "@/components";
import { useRemove } from "./actions";

/** Asks before a model is deleted. */
export function DeleteModel({ model, close }: { model: LocalModel; close: (done: boolean) => void }) {
  const remove = useRemove(() => close(true));
  return (
    <ConfirmDelete
      visible
      what={model.name}
      word={model.name}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(model.name)}
      onCancel={() => close(false)}
    >
      {`Its file of ${bytes(model.sizeBytes)} is deleted. `}
      {model.source
        ? `It can be pulled again from ${model.source}, as long as it is there.`
        : "It cannot be had again from here."}
      {model.usedFor.length > 0 && ` It answers for ${model.usedFor.join(", ")}.`}
    </ConfirmDelete>
  );
}
