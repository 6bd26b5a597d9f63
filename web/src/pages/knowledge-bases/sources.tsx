import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { useNavigate } from "react-router";
import {
  DeleteDataSource,
  GetDataSource,
  ListDataSources,
  ListIngestionJobs,
  ListKnowledgeBaseDocuments,
  StartIngestionJob,
  StopIngestionJob,
  type DataSource,
  type DataSourceSummary,
  type IngestionJobSummary,
  type KnowledgeBase,
} from "@/api/bedrock-agent.gen";
import { useAll, useCall, useOperation } from "@/client";
import {
  ConfirmDelete,
  count,
  Empty,
  InnerLink,
  none,
  ResourceTable,
  StatusBadge,
  Time,
  words,
  type Column,
} from "@/components";
import { describeChunking } from "./chunking";
import { visible } from "./files";
import { ended, progress, summary } from "./jobs";

/** Whether a data source is a folder: the API shows it as a custom one with the folder as its description. */
export function isFolder(source: Pick<DataSource, "description">): boolean {
  return source.description?.startsWith("file:///") ?? false;
}

/** Where a data source gets its documents. */
export function whence(source: DataSource): string {
  const s3 = source.dataSourceConfiguration.s3Configuration;
  if (s3) return `s3://${s3.bucketArn.replace(/^arn:[^:]*:s3:::/, "")}/${s3.inclusionPrefixes?.[0] ?? ""}`;
  return isFolder(source) ? (source.description ?? "") : "Documents that are put into it";
}

/** The last sync of a data source, looked at while it is going on. */
export function useLastJob(knowledgeBaseId: string, dataSourceId: string) {
  const [running, setRunning] = useState(false);
  const jobs = useCall(
    ListIngestionJobs,
    { knowledgeBaseId, dataSourceId, maxResults: 1, sortBy: { attribute: "STARTED_AT", order: "DESCENDING" } },
    { refetchInterval: running ? 1000 : 10_000 },
  );
  const job = jobs.data?.ingestionJobSummaries[0];
  const now = job !== undefined && !ended(job);
  if (now !== running) setRunning(now);
  return { jobs, job };
}

/** How a sync stands, in one line or with a bar while it goes on. */
export function JobState({ job }: { job: IngestionJobSummary }) {
  if (ended(job)) {
    const failed = job.statistics?.numberOfDocumentsFailed ?? 0;
    if (job.status !== "COMPLETE" || failed === 0) return <StatusBadge status={job.status} />;
    return (
      <span className="kb-words">
        <StatusBadge status={job.status} type="warning">
          {`${words(job.status)}, ${count(failed)} failed`}
        </StatusBadge>
      </span>
    );
  }
  const { done, of } = progress(job);
  return (
    <ProgressBar
      variant="standalone"
      ariaLabel="Sync"
      value={of === 0 ? 0 : (done / of) * 100}
      additionalInfo={of === 0 ? "Listing" : `${count(done)} of ${count(of)} documents`}
    />
  );
}

/** The data sources of a base. */
export function Sources({ base }: { base: KnowledgeBase }) {
  const id = base.knowledgeBaseId;
  const navigate = useNavigate();
  const sources = useAll(ListDataSources, { knowledgeBaseId: id }, (page) => page.dataSourceSummaries, {
    refetchInterval: 10_000,
  });
  const columns = useMemo(() => columnsOf(base), [base]);
  const add = (
    <Button onClick={() => void navigate(`/knowledge-bases/${id}/add`)} iconName="add-plus">
      Add
    </Button>
  );
  return (
    <ResourceTable
      id="kb-sources"
      title="Data sources"
      items={sources.data}
      loading={sources.isPending}
      error={sources.error}
      retry={() => void sources.refetch()}
      what="list data sources"
      columns={columns}
      trackBy={(s) => s.dataSourceId}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button iconName="refresh" ariaLabel="Refresh" onClick={() => void sources.refetch()} />
          {add}
        </SpaceBetween>
      }
      empty={
        <Empty title="No data sources" action={add}>
          A data source says where the documents are: files that you upload, a bucket or a folder of the server.
        </Empty>
      }
    />
  );
}

function useSource(s: { knowledgeBaseId: string; dataSourceId: string }) {
  return useCall(GetDataSource, { knowledgeBaseId: s.knowledgeBaseId, dataSourceId: s.dataSourceId });
}

function From({ summary: s }: { summary: DataSourceSummary }) {
  const source = useSource(s);
  return <span className="kb-file-name">{source.data ? visible(whence(source.data.dataSource)) : none}</span>;
}

function HowCut({ summary: s }: { summary: DataSourceSummary }) {
  const source = useSource(s);
  return <>{source.data ? describeChunking(source.data.dataSource.vectorIngestionConfiguration) : none}</>;
}

function LastSync({ summary: s }: { summary: DataSourceSummary }) {
  const { job, jobs } = useLastJob(s.knowledgeBaseId, s.dataSourceId);
  if (jobs.error) return <>{jobs.error.code}</>;
  if (!job) return <>{jobs.isPending ? none : "Never"}</>;
  return (
    <div title={summary(job.statistics)}>
      <JobState job={job} />
      {ended(job) && (
        <div>
          <Time at={job.updatedAt} />
        </div>
      )}
    </div>
  );
}

/** What can be done with a data source. */
export function Actions({
  base,
  source,
  onDeleted,
}: {
  base: KnowledgeBase;
  source: { knowledgeBaseId: string; dataSourceId: string; name: string; description?: string };
  onDeleted?: () => void;
}) {
  const { job } = useLastJob(source.knowledgeBaseId, source.dataSourceId);
  const full = useSource(source);
  const [deleting, setDeleting] = useState(false);
  const of = { knowledgeBaseId: source.knowledgeBaseId, dataSourceId: source.dataSourceId };
  const stale = [ListIngestionJobs, ListKnowledgeBaseDocuments];
  const start = useOperation(StartIngestionJob, { stale });
  const stop = useOperation(StopIngestionJob, { stale, done: "The sync is stopping. What it has done stays." });
  const running = job !== undefined && !ended(job);
  // There is nothing to sync where documents are put in one by one.
  const syncs = !full.data || full.data.dataSource.dataSourceConfiguration.type !== "CUSTOM" || isFolder(source);
  return (
    <>
      <ButtonDropdown
        items={[{ id: "delete", text: "Delete" }]}
        ariaLabel={`More actions for ${source.name}`}
        onItemClick={() => setDeleting(true)}
        {...(syncs
          ? {
              mainAction: running
                ? {
                    text: "Stop",
                    loading: stop.isPending,
                    onClick: () => stop.mutate({ ...of, ingestionJobId: job.ingestionJobId }),
                  }
                : { text: "Sync", loading: start.isPending, onClick: () => start.mutate(of) },
            }
          : {})}
      >
        {syncs ? undefined : "Actions"}
      </ButtonDropdown>
      {deleting && (
        <DeleteSource
          base={base}
          source={source}
          onClose={() => setDeleting(false)}
          {...(onDeleted ? { onDeleted } : {})}
        />
      )}
    </>
  );
}

function DeleteSource({
  base,
  source,
  onClose,
  onDeleted,
}: {
  base: KnowledgeBase;
  source: { knowledgeBaseId: string; dataSourceId: string; name: string };
  onClose: () => void;
  onDeleted?: () => void;
}) {
  const remove = useOperation(DeleteDataSource, {
    quiet: true,
    done: `Data source ${source.name} is being deleted.`,
    stale: [ListDataSources, ListKnowledgeBaseDocuments],
    onDone: () => {
      onClose();
      onDeleted?.();
    },
  });
  return (
    <ConfirmDelete
      visible
      what={`data source ${source.name}`}
      word={source.name}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ knowledgeBaseId: base.knowledgeBaseId, dataSourceId: source.dataSourceId })}
      onCancel={onClose}
    >
      <Alert type="warning">What is indexed of it leaves {base.name}. The files themselves stay where they are.</Alert>
    </ConfirmDelete>
  );
}

function columnsOf(base: KnowledgeBase): Column<DataSourceSummary>[] {
  return [
    {
      id: "name",
      header: "Name",
      cell: (s) => (
        <InnerLink to={`/knowledge-bases/${base.knowledgeBaseId}/sources/${s.dataSourceId}`}>{s.name}</InnerLink>
      ),
      value: (s) => s.name,
      main: true,
      minWidth: 130,
    },
    { id: "from", header: "From", cell: (s) => <From summary={s} />, minWidth: 150 },
    { id: "sync", header: "Last sync", cell: (s) => <LastSync summary={s} />, minWidth: 200 },
    { id: "status", header: "Status", cell: (s) => <StatusBadge status={s.status} />, value: (s) => s.status },
    { id: "chunking", header: "Chunking", cell: (s) => <HowCut summary={s} />, hidden: true },
    { id: "id", header: "ID", cell: (s) => s.dataSourceId, value: (s) => s.dataSourceId, hidden: true },
    { id: "actions", header: "Actions", cell: (s) => <Actions base={base} source={s} />, minWidth: 160 },
  ];
}
