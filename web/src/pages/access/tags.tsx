import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import TagEditor, { type TagEditorProps } from "@cloudscape-design/components/tag-editor";
import { useState } from "react";
import type { Tag } from "@/api/iam.gen";
import { useAction, type Client, type ServiceError } from "@/client";
import type { Stale } from "@/client/hooks";
import { Failed, Loading } from "@/components";

/** As many as IAM has for one resource. */
export const mostTags = 50;

export const asEditorTags = (tags: readonly Tag[]): TagEditorProps.Tag[] =>
  tags.map(({ Key, Value }) => ({ key: Key, value: Value, existing: true }));

/** The tags that stand in the editor now. */
export function tagsOf(tags: readonly TagEditorProps.Tag[]): Tag[] {
  return tags.filter((t) => !t.markedForRemoval && t.key !== "").map(({ key, value }) => ({ Key: key, Value: value }));
}

/** What has to be called to get from some tags to others. */
export function tagChanges(before: readonly Tag[], after: readonly Tag[]): { set: Tag[]; remove: string[] } {
  const was = new Map(before.map((t) => [t.Key, t.Value]));
  const is = new Map(after.map((t) => [t.Key, t.Value]));
  return {
    set: after.filter((t) => was.get(t.Key) !== t.Value),
    remove: before.filter((t) => !is.has(t.Key)).map((t) => t.Key),
  };
}

/** The tags of something, to change. */
export function Tags({
  tags,
  error,
  retry,
  change,
  stale,
}: {
  tags: readonly Tag[] | undefined;
  error: ServiceError | null;
  retry: () => void;
  change: (client: Client, set: Tag[], remove: string[]) => Promise<void>;
  stale: Stale;
}) {
  if (tags === undefined) return error ? <Failed what="see the tags" error={error} retry={retry} /> : <Loading />;
  // What was typed belongs to the tags that it was typed for.
  return <TagForm key={JSON.stringify(tags)} tags={tags} change={change} stale={stale} />;
}

function TagForm({
  tags,
  change,
  stale,
}: {
  tags: readonly Tag[];
  change: (client: Client, set: Tag[], remove: string[]) => Promise<void>;
  stale: Stale;
}) {
  const [edited, setEdited] = useState<readonly TagEditorProps.Tag[]>(() => asEditorTags(tags));
  const [valid, setValid] = useState(true);
  const changes = tagChanges(tags, tagsOf(edited));
  const save = useAction((input: { set: Tag[]; remove: string[] }, client) => change(client, input.set, input.remove), {
    done: "The tags were saved.",
    stale,
    quiet: true,
  });
  return (
    <Container
      header={
        <Header variant="h2" description="Policies can ask for them: aws:PrincipalTag, aws:ResourceTag.">
          Tags
        </Header>
      }
    >
      <SpaceBetween size="m">
        {save.error && <Failed what="change the tags" error={save.error} />}
        <TagEditor
          tags={edited}
          onChange={({ detail }) => {
            setEdited(detail.tags);
            setValid(detail.valid);
          }}
          tagLimit={mostTags}
        />
        <Button
          disabled={!valid || changes.set.length + changes.remove.length === 0}
          loading={save.isPending}
          onClick={() => save.mutate(changes)}
        >
          Save tags
        </Button>
      </SpaceBetween>
    </Container>
  );
}
