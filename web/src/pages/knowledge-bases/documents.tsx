import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import {
  DeleteKnowledgeBaseDocuments,
  GetDataSource,
  ListDataSources,
  ListIngestionJobs,
  ListKnowledgeBaseDocuments,
  StartIngestionJob,
  type DataSource,
  type KnowledgeBase,
  type KnowledgeBaseDocumentDetail,
} from "@/api/bedrock-agent.gen";
import { s3, useAction, useAll, useClient, useRegion, type ServiceError } from "@/client";
import { ConfirmDelete, count, Empty, Failed, Loading, ResourceTable, Time, type Column } from "@/components";
import { useNotify } from "@/shell/notifications";
import { candidates, Dropzone, type Candidate } from "./dropzone";
import { FileList } from "./file-list";
import { asPrefix, fileName, parseUri, visible } from "./files";
import { DocumentState } from "./run-view";
import { openDocument } from "./open-document";
import { useRuns } from "./runs";
import { isFolder, JobState, useLastJob, whence } from "./sources";
import { ended } from "./jobs";

/** The address or ID of a document. */
export function addressOf(d: KnowledgeBaseDocumentDetail): string {
  return d.identifier.s3?.uri ?? d.identifier.custom?.id ?? "";
}

/** The documents of a base, one data source at a time, with what became of each. */
export function Documents({ base }: { base: KnowledgeBase }) {
  const id = base.knowledgeBaseId;
  const client = useClient();
  const region = useRegion();
  const navigate = useNavigate();
  const [search, setSearch] = useSearchParams();
  // Of each source it has to be known what it is; there are few.
  const sources = useQuery<DataSource[], ServiceError>({
    queryKey: ["call", "bedrock-agent", "ListDataSources", region, id, "whole"],
    queryFn: async ({ signal }) => {
      const list = await client.all(ListDataSources, { knowledgeBaseId: id }, (p) => p.dataSourceSummaries, { signal });
      return Promise.all(
        list.map(
          async ({ dataSourceId }) =>
            (await client.call(GetDataSource, { knowledgeBaseId: id, dataSourceId }, { signal })).dataSource,
        ),
      );
    },
  });
  if (sources.error) {
    return <Failed what="list data sources" error={sources.error} retry={() => void sources.refetch()} />;
  }
  if (!sources.data) return <Loading />;
  const list = sources.data;
  const source = list.find((s) => s.dataSourceId === search.get("source")) ?? list[0];
  if (!source) {
    return (
      <Empty
        title="No documents"
        action={
          <Button variant="primary" onClick={() => void navigate(`/knowledge-bases/${id}/add`)}>
            Add documents
          </Button>
        }
      >
        Upload files, or name a bucket that has some.
      </Empty>
    );
  }
  const set = (change: { [key: string]: string | undefined }) => {
    const next = new URLSearchParams(search);
    for (const [key, value] of Object.entries(change)) {
      if (value === undefined) next.delete(key);
      else next.set(key, value);
    }
    setSearch(next, { replace: true });
  };
  return (
    <Of
      key={source.dataSourceId}
      base={base}
      source={source}
      sources={list}
      onSource={(chosen) => set({ source: chosen })}
      uploading={search.has("upload")}
      onUploading={(on) => set({ upload: on ? "" : undefined })}
    />
  );
}

function Of({
  base,
  source,
  sources,
  onSource,
  uploading,
  onUploading,
}: {
  base: KnowledgeBase;
  source: DataSource;
  sources: readonly DataSource[];
  onSource: (id: string) => void;
  uploading: boolean;
  onUploading: (on: boolean) => void;
}) {
  const of = { knowledgeBaseId: base.knowledgeBaseId, dataSourceId: source.dataSourceId };
  const { job } = useLastJob(of.knowledgeBaseId, of.dataSourceId);
  const syncing = job !== undefined && !ended(job);
  const [selected, setSelected] = useState<KnowledgeBaseDocumentDetail[]>([]);
  const [deleting, setDeleting] = useState(false);
  const documents = useAll(ListKnowledgeBaseDocuments, of, (page) => page.documentDetails, {
    refetchInterval: syncing ? 2500 : 15_000,
  });
  const sync = useAction((_: void, client) => client.call(StartIngestionJob, of), {
    stale: [ListIngestionJobs, ListKnowledgeBaseDocuments],
  });
  const bucket = source.dataSourceConfiguration.type === "S3";
  const folder = isFolder(source);
  const columns = useMemo(() => columnsOf(source), [source]);
  const known = new Set(documents.data?.map(addressOf));
  const chosen = selected.filter((d) => known.has(addressOf(d)));
  const options = sources.map((s) => ({ value: s.dataSourceId, label: s.name, description: visible(whence(s)) }));
  return (
    <SpaceBetween size="m">
      {syncing && (
        <Alert type="info" header="A sync is under way">
          <JobState job={job} />
        </Alert>
      )}
      <ResourceTable
        id="kb-documents"
        wrapLines
        title="Documents"
        items={documents.data}
        loading={documents.isPending}
        error={documents.error}
        retry={() => void documents.refetch()}
        what="list documents"
        columns={columns}
        trackBy={addressOf}
        {...(folder ? {} : { selection: "multi" as const, selected: chosen, onSelect: setSelected })}
        filters={
          options.length > 1 ? (
            <Select
              ariaLabel="Data source"
              selectedOption={options.find((o) => o.value === source.dataSourceId) ?? null}
              options={options}
              onChange={({ detail }) => onSource(detail.selectedOption.value ?? "")}
            />
          ) : undefined
        }
        description={visible(whence(source))}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button iconName="refresh" ariaLabel="Refresh" onClick={() => void documents.refetch()} />
            {!folder && (
              <Button disabled={chosen.length === 0} onClick={() => setDeleting(true)}>
                Delete
              </Button>
            )}
            {(bucket || folder) && (
              <Button loading={sync.isPending} disabled={syncing} onClick={() => sync.mutate()}>
                Sync
              </Button>
            )}
            {bucket && (
              <Button iconName="upload" onClick={() => onUploading(true)}>
                Upload files
              </Button>
            )}
          </SpaceBetween>
        }
        empty={
          <Empty
            title="No documents yet"
            action={bucket ? <Button onClick={() => onUploading(true)}>Upload files</Button> : undefined}
          >
            {bucket || folder
              ? `Sync the data source once there are files in ${visible(whence(source))}.`
              : "Documents are put into this data source by IngestKnowledgeBaseDocuments."}
          </Empty>
        }
      />
      {deleting && (
        <DeleteDocuments
          of={of}
          documents={chosen}
          bucket={bucket}
          onClose={(done) => {
            setDeleting(false);
            if (done) setSelected([]);
          }}
        />
      )}
      {uploading && (
        <UploadDialog base={base} sources={sources} preferred={source} onClose={() => onUploading(false)} />
      )}
    </SpaceBetween>
  );
}

/** Opens a document of a bucket, or saves it where browsers do not show it. */
function OpenLink({ uri, children }: { uri: string; children: string }) {
  const region = useRegion();
  const open = useAction((_: void, client) => openDocument(client, region, uri));
  return (
    <Button variant="inline-link" loading={open.isPending} onClick={() => open.mutate()} ariaLabel={`Open ${children}`}>
      {children}
    </Button>
  );
}

/** A document's name below what its data source reads. */
function shortName(d: KnowledgeBaseDocumentDetail, source: DataSource): string {
  const address = addressOf(d);
  const from = whence(source);
  if (address.startsWith("s3://")) {
    return visible(address.startsWith(from) ? address.slice(from.length) : (parseUri(address)?.key ?? address));
  }
  if (address.startsWith("file://")) {
    const below = address.startsWith(from) ? address.slice(from.length).replace(/^\/+/, "") : fileName(address);
    try {
      return visible(decodeURIComponent(below));
    } catch {
      return visible(below);
    }
  }
  return visible(address);
}

/** How many documents one call may name. */
const atOnce = 10;

function DeleteDocuments({
  of,
  documents,
  bucket,
  onClose,
}: {
  of: { knowledgeBaseId: string; dataSourceId: string };
  documents: readonly KnowledgeBaseDocumentDetail[];
  bucket: boolean;
  onClose: (done: boolean) => void;
}) {
  const [files, setFiles] = useState(true);
  const what = documents.length === 1 ? fileName(addressOf(documents[0] as KnowledgeBaseDocumentDetail)) : "";
  const remove = useAction(
    async (_: void, client) => {
      if (bucket && files) {
        for (const document of documents) {
          const place = parseUri(addressOf(document));
          if (!place) continue;
          await s3.deleteObject(client, place.bucket, place.key);
          await s3.deleteObject(client, place.bucket, `${place.key}.metadata.json`);
        }
      }
      for (let i = 0; i < documents.length; i += atOnce) {
        const documentIdentifiers = documents.slice(i, i + atOnce).map((d) => d.identifier);
        await client.call(DeleteKnowledgeBaseDocuments, { ...of, documentIdentifiers });
      }
    },
    {
      quiet: true,
      done: documents.length === 1 ? `${what} was deleted.` : `${count(documents.length)} documents were deleted.`,
      stale: [ListKnowledgeBaseDocuments],
      onDone: () => onClose(true),
    },
  );
  return (
    <ConfirmDelete
      visible
      what={documents.length === 1 ? what : `${count(documents.length)} documents`}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onCancel={() => onClose(false)}
    >
      <SpaceBetween size="s">
        {bucket && (
          <Checkbox checked={files} onChange={({ detail }) => setFiles(detail.checked)}>
            Delete the files from the bucket, too
          </Checkbox>
        )}
        <Alert type="warning">
          {bucket && !files
            ? "The index forgets them. As the files stay in the bucket, the next sync takes them in again."
            : "This cannot be undone."}
        </Alert>
      </SpaceBetween>
    </ConfirmDelete>
  );
}

function UploadDialog({
  base,
  sources,
  preferred,
  onClose,
}: {
  base: KnowledgeBase;
  sources: readonly DataSource[];
  preferred: DataSource;
  onClose: () => void;
}) {
  const client = useClient();
  const queries = useQueryClient();
  const notify = useNotify();
  const region = useRegion();
  const navigate = useNavigate();
  const { runs } = useRuns();
  const able = sources.filter((s) => s.dataSourceConfiguration.type === "S3");
  const [source, setSource] = useState(able.find((s) => s === preferred) ?? able[0]);
  const [files, setFiles] = useState<Candidate[]>([]);
  const [below, setBelow] = useState("");
  const good = files.filter((f) => f.problem === undefined);
  const place = source ? parseUri(whence(source)) : undefined;
  const options = able.map((s) => ({ value: s.dataSourceId, label: s.name, description: visible(whence(s)) }));
  const submit = () => {
    if (!source || !place || good.length === 0) return;
    const id = runs.start(
      {
        region,
        base: { id: base.knowledgeBaseId, name: base.name },
        source: { id: source.dataSourceId },
        makeBucket: false,
        bucket: place.bucket,
        prefix: place.key + asPrefix(below),
        files: good,
      },
      { client, queries, notify },
    );
    void navigate(`/knowledge-bases/runs/${id}`);
  };
  return (
    <Modal
      visible
      size="large"
      header={`Upload to ${base.name}`}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            {source ? (
              <Button variant="primary" disabled={good.length === 0} onClick={submit}>
                Upload and sync
              </Button>
            ) : (
              <Button variant="primary" onClick={() => void navigate(`/knowledge-bases/${base.knowledgeBaseId}/add`)}>
                Add a data source
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      {source ? (
        <SpaceBetween size="m">
          {options.length > 1 && (
            <FormField label="Data source">
              <Select
                selectedOption={options.find((o) => o.value === source.dataSourceId) ?? null}
                options={options}
                onChange={({ detail }) => setSource(able.find((s) => s.dataSourceId === detail.selectedOption.value))}
              />
            </FormField>
          )}
          <Dropzone
            compact={files.length > 0}
            onChoose={(chosen) => void candidates(chosen, files).then((list) => setFiles(list))}
          />
          <FileList files={files} onChange={setFiles} />
          <FormField label="Folder in the bucket" description={`Optional, below ${visible(whence(source))}.`}>
            <Input value={below} onChange={({ detail }) => setBelow(detail.value)} />
          </FormField>
          <Box color="text-body-secondary" variant="small">
            A file of the same name is replaced.
          </Box>
        </SpaceBetween>
      ) : (
        <Box>This knowledge base has no bucket that files could be uploaded to.</Box>
      )}
    </Modal>
  );
}

function columnsOf(source: DataSource): Column<KnowledgeBaseDocumentDetail>[] {
  return [
    {
      id: "name",
      header: "Document",
      cell: (d) => (
        <span className="kb-file-name" title={visible(addressOf(d))}>
          {parseUri(addressOf(d)) ? (
            <OpenLink uri={addressOf(d)}>{shortName(d, source)}</OpenLink>
          ) : (
            shortName(d, source)
          )}
        </span>
      ),
      value: (d) => shortName(d, source),
      main: true,
      minWidth: 160,
    },
    {
      id: "status",
      header: "Status",
      cell: (d) => <DocumentState of={d} />,
      value: (d) => `${d.status} ${d.statusReason ?? ""}`,
      minWidth: 200,
    },
    { id: "updated", header: "Updated", cell: (d) => <Time at={d.updatedAt} />, value: (d) => d.updatedAt },
    {
      id: "address",
      header: "Address",
      cell: (d) => <span className="kb-file-name">{visible(addressOf(d))}</span>,
      value: addressOf,
      hidden: true,
    },
  ];
}
