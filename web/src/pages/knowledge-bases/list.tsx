import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useNavigate } from "react-router";
import { ListKnowledgeBases, type KnowledgeBaseSummary } from "@/api/bedrock-agent.gen";
import { useAll } from "@/client";
import { InnerLink, Page, ResourceTable, StatusBadge, Time, words, type Column } from "@/components";
import { DeleteBase } from "./delete-base";
import { Dropzone } from "./dropzone";
import { visible, type Chosen } from "./files";
import { RunsBanner } from "./runs-banner";

/** All bases of the region; without any, the way to the first one. */
export function List({ onDropped }: { onDropped: (chosen: Chosen[]) => void }) {
  const navigate = useNavigate();
  const bases = useAll(ListKnowledgeBases, {}, (page) => page.knowledgeBaseSummaries, { refetchInterval: 15_000 });
  const [selected, setSelected] = useState<KnowledgeBaseSummary[]>([]);
  const [deleting, setDeleting] = useState<KnowledgeBaseSummary>();
  const create = () => void navigate("/knowledge-bases/create");
  const chosen = bases.data?.find((b) => b.knowledgeBaseId === selected[0]?.knowledgeBaseId);
  return (
    <Page
      title="Knowledge bases"
      description="Ask questions about your own documents, and get answers that name their sources."
      actions={
        <Button variant="primary" onClick={create}>
          Create knowledge base
        </Button>
      }
    >
      <SpaceBetween size="l">
        <RunsBanner />
        {bases.data?.length === 0 ? (
          <Container>
            <SpaceBetween size="m" alignItems="center">
              <Box variant="h2" textAlign="center">
                Start with a document of yours
              </Box>
              <Box color="text-body-secondary" textAlign="center">
                Drop it here. It is read and indexed on this server, and a minute later you can ask it questions.
              </Box>
              <Dropzone onChoose={onDropped} />
            </SpaceBetween>
          </Container>
        ) : (
          <ResourceTable
            id="knowledge-bases"
            wrapLines
            title="Knowledge bases"
            items={bases.data}
            loading={bases.isPending}
            error={bases.error}
            retry={() => void bases.refetch()}
            what="list knowledge bases"
            columns={columns}
            trackBy={(b) => b.knowledgeBaseId}
            sort="name"
            selection="single"
            selected={chosen ? [chosen] : []}
            onSelect={setSelected}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel="Refresh" onClick={() => void bases.refetch()} />
                <Button disabled={!chosen} onClick={() => setDeleting(chosen)}>
                  Delete
                </Button>
                <Button
                  disabled={!chosen}
                  onClick={() => chosen && void navigate(`/knowledge-bases/${chosen.knowledgeBaseId}/test`)}
                >
                  Test
                </Button>
              </SpaceBetween>
            }
          />
        )}
        {bases.error && bases.data && (
          <Alert type="warning">
            The list may be out of date: {bases.error.message}
            {bases.error.requestId && ` (request ${bases.error.requestId})`}
          </Alert>
        )}
      </SpaceBetween>
      {deleting && <DeleteBase base={deleting} onClose={() => setDeleting(undefined)} />}
    </Page>
  );
}

const columns: readonly Column<KnowledgeBaseSummary>[] = [
  {
    id: "name",
    header: "Name",
    cell: (b) => <InnerLink to={`/knowledge-bases/${b.knowledgeBaseId}`}>{b.name}</InnerLink>,
    value: (b) => b.name,
    main: true,
    minWidth: 140,
  },
  {
    id: "status",
    header: "Status",
    cell: (b) => <StatusBadge status={b.status}>{words(b.status)}</StatusBadge>,
    value: (b) => b.status,
  },
  { id: "id", header: "ID", cell: (b) => b.knowledgeBaseId, value: (b) => b.knowledgeBaseId },
  {
    id: "description",
    header: "Description",
    cell: (b) => (b.description ? visible(b.description) : "-"),
    value: (b) => b.description,
  },
  { id: "updated", header: "Updated", cell: (b) => <Time at={b.updatedAt} />, value: (b) => b.updatedAt },
];
