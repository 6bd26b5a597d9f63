import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { useNavigate, useParams } from "react-router";
import {
  GetDataSource,
  GetIngestionJob,
  ListIngestionJobs,
  type IngestionJobSummary,
  type KnowledgeBase,
} from "@/api/bedrock-agent.gen";
import { useAll, useCall } from "@/client";
import {
  Answer,
  Copyable,
  duration,
  Empty,
  none,
  Page,
  ResourceTable,
  StatusBadge,
  Time,
  type Column,
} from "@/components";
import { describeChunking } from "./chunking";
import { visible } from "./files";
import { ended, summary } from "./jobs";
import { Actions, isFolder, JobState, useLastJob, whence } from "./sources";
import { Reasons } from "./sync";

/** One data source, with all of its syncs. */
export function SourceDetail({ base }: { base: KnowledgeBase }) {
  const { source: sourceId = "" } = useParams();
  const navigate = useNavigate();
  const id = base.knowledgeBaseId;
  const source = useCall(GetDataSource, { knowledgeBaseId: id, dataSourceId: sourceId });
  const { job } = useLastJob(id, sourceId);
  const running = job !== undefined && !ended(job);
  const jobs = useAll(
    ListIngestionJobs,
    { knowledgeBaseId: id, dataSourceId: sourceId },
    (page) => page.ingestionJobSummaries,
    { refetchInterval: running ? 1500 : 15_000 },
  );
  const [open, setOpen] = useState<IngestionJobSummary>();
  const columns = useMemo(() => columnsOf(setOpen), []);
  const name = source.data?.dataSource.name ?? sourceId;
  return (
    <Page
      title={name}
      crumbs={[
        { text: base.name, path: `knowledge-bases/${id}` },
        { text: name, path: `knowledge-bases/${id}/sources/${sourceId}` },
      ]}
      actions={
        source.data && (
          <Actions
            base={base}
            source={source.data.dataSource}
            onDeleted={() => void navigate(`/knowledge-bases/${id}/sources`, { replace: true })}
          />
        )
      }
    >
      <Answer of={source} what="see this data source">
        {({ dataSource: s }) => (
          <SpaceBetween size="l">
            <Container header={<Header variant="h2">Data source</Header>}>
              <KeyValuePairs
                columns={3}
                items={[
                  { label: "From", value: <span className="kb-file-name">{visible(whence(s))}</span> },
                  { label: "Chunking", value: describeChunking(s.vectorIngestionConfiguration) },
                  { label: "Status", value: <StatusBadge status={s.status} /> },
                  { label: "ID", value: <Copyable text={s.dataSourceId} /> },
                  { label: "Created", value: <Time at={s.createdAt} /> },
                  {
                    label: "When it is deleted",
                    value: s.dataDeletionPolicy === "RETAIN" ? "The index keeps its documents" : "The index forgets it",
                  },
                ]}
              />
            </Container>
            {s.failureReasons && s.failureReasons.length > 0 && (
              <Alert type="error">
                <Reasons reasons={s.failureReasons} />
              </Alert>
            )}
            {s.dataSourceConfiguration.type === "CUSTOM" && !isFolder(s) ? (
              <Alert type="info">
                Documents are put into this data source by IngestKnowledgeBaseDocuments, so there is nothing to sync.
              </Alert>
            ) : (
              <ResourceTable
                id="kb-jobs"
                wrapLines
                title="Sync history"
                items={jobs.data}
                loading={jobs.isPending}
                error={jobs.error}
                retry={() => void jobs.refetch()}
                what="list syncs"
                columns={columns}
                trackBy={(j) => j.ingestionJobId}
                sort="-started"
                empty={<Empty title="Never synced">Sync it to index what is in it.</Empty>}
              />
            )}
          </SpaceBetween>
        )}
      </Answer>
      {open && <Problems job={open} onClose={() => setOpen(undefined)} />}
    </Page>
  );
}

function Problems({ job, onClose }: { job: IngestionJobSummary; onClose: () => void }) {
  const { knowledgeBaseId, dataSourceId, ingestionJobId } = job;
  const full = useCall(GetIngestionJob, { knowledgeBaseId, dataSourceId, ingestionJobId });
  return (
    <Modal visible header="What could not be synced" size="large" onDismiss={onClose}>
      <Answer of={full} what="see this sync">
        {({ ingestionJob }) => <Reasons reasons={ingestionJob.failureReasons ?? []} />}
      </Answer>
    </Modal>
  );
}

function columnsOf(onShow: (job: IngestionJobSummary) => void): Column<IngestionJobSummary>[] {
  return [
    {
      id: "started",
      header: "Started",
      cell: (j) => <Time at={j.startedAt} />,
      value: (j) => j.startedAt,
      main: true,
    },
    { id: "status", header: "Status", cell: (j) => <JobState job={j} />, value: (j) => j.status, minWidth: 170 },
    {
      id: "statistics",
      header: "Documents",
      cell: (j) => summary(j.statistics),
      value: (j) => j.statistics?.numberOfDocumentsScanned,
      minWidth: 220,
    },
    {
      id: "took",
      header: "Took",
      cell: (j) => (ended(j) ? duration(Date.parse(j.updatedAt) - Date.parse(j.startedAt)) : none),
      value: (j) => Date.parse(j.updatedAt) - Date.parse(j.startedAt),
    },
    {
      id: "problems",
      header: "Problems",
      cell: (j) =>
        (j.statistics?.numberOfDocumentsFailed ?? 0) > 0 || j.status === "FAILED" ? (
          <Button variant="inline-link" onClick={() => onShow(j)}>
            Show
          </Button>
        ) : (
          none
        ),
    },
    { id: "id", header: "ID", cell: (j) => j.ingestionJobId, value: (j) => j.ingestionJobId, hidden: true },
  ];
}
