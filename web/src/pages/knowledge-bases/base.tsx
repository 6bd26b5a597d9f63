import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";
import { Navigate, Route, Routes, useHref, useNavigate, useParams } from "react-router";
import { GetKnowledgeBase, ListKnowledgeBases, UpdateKnowledgeBase, type KnowledgeBase } from "@/api/bedrock-agent.gen";
import { useCall, useOperation } from "@/client";
import { Answer, Copyable, Empty, Failed, none, Page, StatusBadge, Time } from "@/components";
import { Create } from "./create";
import { DeleteBase } from "./delete-base";
import { Documents } from "./documents";
import { nameProblem, visible } from "./files";
import { modelId } from "./models";
import { RunsBanner } from "./runs-banner";
import { SourceDetail } from "./source-detail";
import { Sources } from "./sources";
import { Test } from "./test";

/** One base: what can be done with it, in tabs that have addresses of their own. */
export function Base() {
  const { id = "" } = useParams();
  const navigate = useNavigate();
  const base = useCall(
    GetKnowledgeBase,
    { knowledgeBaseId: id },
    // A base that changes is looked at until it has.
    { refetchInterval: 10_000 },
  );
  if (base.error && (base.error.status === 404 || base.error.code === "ResourceNotFoundException")) {
    return (
      <Page title="Knowledge base" crumbs={[{ text: id, path: `knowledge-bases/${id}` }]}>
        <Empty
          title={`There is no knowledge base ${visible(id)} in this region`}
          action={<Button onClick={() => void navigate("/knowledge-bases")}>Show those that there are</Button>}
        >
          {base.error.requestId && `Request ${base.error.requestId}`}
        </Empty>
      </Page>
    );
  }
  if (!base.data) {
    return (
      <Page title="Knowledge base" crumbs={[{ text: id, path: `knowledge-bases/${id}` }]}>
        <Answer of={base} what="see this knowledge base">
          {() => null}
        </Answer>
      </Page>
    );
  }
  return <Shown base={base.data.knowledgeBase} />;
}

const tabs = [
  { id: "test", label: "Test" },
  { id: "documents", label: "Documents" },
  { id: "sources", label: "Data sources" },
  { id: "details", label: "Details" },
] as const;

function Shown({ base }: { base: KnowledgeBase }) {
  const id = base.knowledgeBaseId;
  const existing = { id, name: base.name };
  return (
    <Routes>
      <Route index element={<Navigate to="test" replace />} />
      <Route path="add" element={<Create existing={existing} />} />
      <Route path="sources/:source" element={<SourceDetail base={base} />} />
      {tabs.map((tab) => (
        <Route key={tab.id} path={tab.id} element={<Tabbed base={base} active={tab.id} />} />
      ))}
      <Route path="*" element={<Navigate to={`/knowledge-bases/${id}/test`} replace />} />
    </Routes>
  );
}

function Tabbed({ base, active }: { base: KnowledgeBase; active: (typeof tabs)[number]["id"] }) {
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const id = base.knowledgeBaseId;
  const here = useHref(`/knowledge-bases/${id}`);
  return (
    <Page
      title={base.name}
      description={base.description ? visible(base.description) : undefined}
      crumbs={[{ text: base.name, path: `knowledge-bases/${id}` }]}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button onClick={() => setDeleting(true)} disabled={base.status === "DELETING"}>
            Delete
          </Button>
          <Button iconName="upload" onClick={() => void navigate(`/knowledge-bases/${id}/documents?upload=`)}>
            Upload
          </Button>
        </SpaceBetween>
      }
    >
      <SpaceBetween size="m">
        {base.status !== "ACTIVE" && (
          <Alert type={base.failureReasons?.length ? "error" : "info"} header={<StatusBadge status={base.status} />}>
            {base.failureReasons?.map(visible).join(" ")}
          </Alert>
        )}
        <RunsBanner base={id} />
        <Tabs
          ariaLabel="Knowledge base"
          activeTabId={active}
          onChange={({ detail }) => void navigate(`/knowledge-bases/${id}/${detail.activeTabId}`)}
          tabs={tabs.map((tab) => ({
            ...tab,
            href: `${here}/${tab.id}`,
            content:
              tab.id !== active ? null : active === "test" ? (
                <Test key={id} base={base} />
              ) : active === "documents" ? (
                <Documents base={base} />
              ) : active === "sources" ? (
                <Sources base={base} />
              ) : (
                <Details base={base} />
              ),
          }))}
        />
      </SpaceBetween>
      {deleting && (
        <DeleteBase
          base={base}
          onClose={() => setDeleting(false)}
          onDone={() => void navigate("/knowledge-bases", { replace: true })}
        />
      )}
    </Page>
  );
}

function Details({ base }: { base: KnowledgeBase }) {
  const [editing, setEditing] = useState(false);
  const vector = base.knowledgeBaseConfiguration.vectorKnowledgeBaseConfiguration;
  const details = vector?.embeddingModelConfiguration?.bedrockEmbeddingModelConfiguration;
  return (
    <Container
      header={
        <Header variant="h2" actions={<Button onClick={() => setEditing(true)}>Edit</Button>}>
          Knowledge base
        </Header>
      }
    >
      <KeyValuePairs
        columns={3}
        items={[
          { label: "Name", value: base.name },
          { label: "ID", value: <Copyable text={base.knowledgeBaseId} /> },
          { label: "Status", value: <StatusBadge status={base.status} /> },
          { label: "Description", value: base.description ? visible(base.description) : none },
          { label: "Embedding model", value: vector ? modelId(vector.embeddingModelArn) : none },
          {
            label: "Vectors",
            value: [
              details?.dimensions ? `${details.dimensions} dimensions` : "The model's dimensions",
              details?.embeddingDataType === "BINARY" ? "binary" : "32-bit floats",
            ].join(", "),
          },
          { label: "Kept in", value: "The server's own index" },
          { label: "Created", value: <Time at={base.createdAt} /> },
          { label: "Updated", value: <Time at={base.updatedAt} /> },
          { label: "ARN", value: <Copyable text={base.knowledgeBaseArn} /> },
          { label: "Role", value: <Copyable text={base.roleArn} /> },
        ]}
      />
      {editing && <Edit base={base} onClose={() => setEditing(false)} />}
    </Container>
  );
}

function Edit({ base, onClose }: { base: KnowledgeBase; onClose: () => void }) {
  const [name, setName] = useState(base.name);
  const [description, setDescription] = useState(base.description ?? "");
  const problem = nameProblem(name);
  const update = useOperation(UpdateKnowledgeBase, {
    quiet: true,
    done: "The knowledge base was changed.",
    stale: [GetKnowledgeBase, ListKnowledgeBases],
    onDone: onClose,
  });
  const save = () => {
    if (problem !== undefined) return;
    update.mutate({
      knowledgeBaseId: base.knowledgeBaseId,
      name,
      roleArn: base.roleArn,
      knowledgeBaseConfiguration: base.knowledgeBaseConfiguration,
      ...(base.storageConfiguration ? { storageConfiguration: base.storageConfiguration } : {}),
      ...(description.trim() === "" ? {} : { description: description.trim() }),
    });
  };
  return (
    <Modal
      visible
      header="Edit knowledge base"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" loading={update.isPending} disabled={problem !== undefined} onClick={save}>
              Save
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <SpaceBetween size="m">
          <FormField label="Name" errorText={problem}>
            <Input value={name} onChange={({ detail }) => setName(detail.value)} autoFocus />
          </FormField>
          <FormField label="Description">
            <Input value={description} onChange={({ detail }) => setDescription(detail.value.slice(0, 200))} />
          </FormField>
          {update.error && <Failed what="change this knowledge base" error={update.error} />}
        </SpaceBetween>
      </form>
    </Modal>
  );
}
