import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import { useEffect, useMemo, useRef } from "react";
import { useNavigate, useParams } from "react-router";
import {
  ListIngestionJobs,
  ListKnowledgeBaseDocuments,
  StopIngestionJob,
  type IngestionJob,
  type KnowledgeBaseDocumentDetail,
} from "@/api/bedrock-agent.gen";
import { useAction, useAll } from "@/client";
import { Bytes, bytes, count, Empty, Failed, Page, ResourceTable, words, type Column } from "@/components";
import { visible } from "./files";
import { ended, progress, summary } from "./jobs";
import { Reasons } from "./sync";
import { useRuns, type FileState, type Run, type Step } from "./runs";
import { signedOut, useSessionMark } from "./session-mark";

/** An upload and the sync behind it, as they go on; then the way to the first question. */
export function RunPage() {
  const { run: id = "" } = useParams();
  const { runs, list } = useRuns();
  const navigate = useNavigate();
  const run = list.find((r) => r.id === id);
  const smooth = run !== undefined && flawless(run);
  const to = run?.baseId;
  useEffect(() => runs.look(id), [id, runs]);
  // Who signs in again finds it going on.
  const session = useSessionMark();
  const out = run !== undefined && signedOut(run);
  const tried = useRef(session);
  useEffect(() => {
    if (session === "" || !out || tried.current === session) return;
    tried.current = session;
    runs.resume(id);
  }, [id, out, runs, session]);
  useEffect(() => {
    if (!smooth || to === undefined) return;
    runs.forget(id);
    void navigate(`/knowledge-bases/${to}/test`, { replace: true });
  }, [id, navigate, runs, smooth, to]);
  if (!run) {
    return (
      <Page title="Upload" crumbs={[{ text: "Upload", path: `knowledge-bases/runs/${id}` }]}>
        <Empty
          title="This upload is not going on here any more"
          action={<Button onClick={() => void navigate("/knowledge-bases")}>Show the knowledge bases</Button>}
        >
          Uploads end when the page is left or loaded again. What has been sent is in its bucket.
        </Empty>
      </Page>
    );
  }
  return <View run={run} />;
}

/** Whether a run has ended with everything in the index, so that there is nothing to be read about it. */
export function flawless(run: Run): boolean {
  const s = run.job?.statistics;
  return (
    run.state === "ended" &&
    run.job?.status === "COMPLETE" &&
    (s?.numberOfDocumentsFailed ?? 0) === 0 &&
    (s?.numberOfDocumentsSkipped ?? 0) === 0
  );
}

const steps: readonly { step: Step; doing: string; done: string }[] = [
  { step: "bucket", doing: "Making a bucket", done: "The bucket is there" },
  { step: "base", doing: "Making the knowledge base", done: "The knowledge base is there" },
  { step: "source", doing: "Making the data source", done: "The data source is there" },
];

function View({ run }: { run: Run }) {
  const { runs } = useRuns();
  const navigate = useNavigate();
  const { plan } = run;
  const order: Step[] = ["bucket", "base", "source", "files", "sync", "done"];
  const at = order.indexOf(run.step);
  const needed = steps.filter(
    ({ step }) =>
      (step === "bucket" && plan.makeBucket) ||
      (step === "base" && "make" in plan.base) ||
      (step === "source" && "make" in plan.source),
  );
  const total = run.files.reduce((sum, f) => sum + f.size, 0);
  const sent = run.files.reduce((sum, f) => sum + f.size * f.part, 0);
  const done = run.files.filter((f) => f.stage === "sent").length;
  const running = run.state === "running";
  const stopped = run.state === "stopped";
  const sending = running && run.step === "files";
  const left = run.files.length - done;
  const base = run.baseId ? `/knowledge-bases/${run.baseId}` : "/knowledge-bases";
  const indexed =
    (run.job?.statistics?.numberOfNewDocumentsIndexed ?? 0) +
    (run.job?.statistics?.numberOfModifiedDocumentsIndexed ?? 0);
  return (
    <Page
      title={running ? `${"make" in plan.base ? "Setting up" : "Uploading to"} ${run.baseName}` : run.baseName}
      crumbs={[{ text: run.baseName, path: `knowledge-bases/runs/${run.id}` }]}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          {sending && <Button onClick={() => runs.cancel(run.id)}>Cancel the upload</Button>}
          {running && run.job && !ended(run.job) && <StopSync job={run.job} region={plan.region} />}
          {run.state === "ended" && (run.job?.status === "STOPPED" || run.job?.status === "FAILED") && (
            <Button onClick={() => runs.resume(run.id)}>Sync again</Button>
          )}
          {run.state === "ended" && (
            <Button onClick={() => void navigate(`${base}/documents`)}>Show the documents</Button>
          )}
          {run.state === "ended" && (
            <Button variant="primary" onClick={() => void navigate(`${base}/test`)}>
              Ask a question
            </Button>
          )}
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        {stopped && (
          <SpaceBetween size="s">
            {signedOut(run) ? (
              <Alert type="warning" header="Your session ended meanwhile">
                Nothing is lost: {count(done)} of {count(run.files.length)} files are on the server.
              </Alert>
            ) : run.error ? (
              <Failed what={`set up ${run.baseName}`} error={run.error} />
            ) : (
              <Alert type="warning" header="The upload was cancelled">
                {count(done)} of {count(run.files.length)} files are on the server.
              </Alert>
            )}
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="primary" onClick={() => runs.resume(run.id)}>
                {left > 0 && run.step === "files" ? `Upload the other ${count(left)}` : "Try again"}
              </Button>
              {run.step === "files" && done > 0 && (
                <Button onClick={() => runs.syncOnly(run.id)}>Sync what is there</Button>
              )}
              {run.baseId && (
                <Button
                  variant="link"
                  onClick={() => {
                    runs.forget(run.id);
                    void navigate(`${base}/documents`);
                  }}
                >
                  Leave it so
                </Button>
              )}
            </SpaceBetween>
          </SpaceBetween>
        )}
        <Container header={<Header variant="h2">Progress</Header>}>
          <SpaceBetween size="m">
            {needed.map(({ step, doing, done: was }) => (
              <StepLine key={step} state={stateOf(order.indexOf(step), at, stopped)}>
                {order.indexOf(step) < at ? was : doing}
              </StepLine>
            ))}
            {run.files.length > 0 && (
              <ProgressBar
                label="Upload"
                value={total === 0 ? 0 : (sent / total) * 100}
                status={at > 3 ? "success" : stopped && run.step === "files" ? "error" : "in-progress"}
                description={`to s3://${plan.bucket}`}
                additionalInfo={sending ? `${bytes(sent)} of ${bytes(total)}` : undefined}
                resultText={
                  at > 3
                    ? `${count(done)} ${done === 1 ? "file" : "files"}, ${bytes(total)}`
                    : `${count(done)} of ${count(run.files.length)} files are there`
                }
              />
            )}
            <SyncProgress run={run} started={at >= 4} />
          </SpaceBetween>
        </Container>
        {run.job?.failureReasons && run.job.failureReasons.length > 0 && (
          <Alert
            type={indexed > 0 ? "warning" : "error"}
            header={run.job.status === "FAILED" ? "The sync has failed" : "Some files could not be read"}
          >
            <Reasons reasons={run.job.failureReasons} />
          </Alert>
        )}
        {run.files.length > 0 && <Files run={run} />}
      </SpaceBetween>
    </Page>
  );
}

function StopSync({ job, region }: { job: IngestionJob; region: string }) {
  const { knowledgeBaseId, dataSourceId, ingestionJobId } = job;
  const stop = useAction(
    (_: void, client) => client.call(StopIngestionJob, { knowledgeBaseId, dataSourceId, ingestionJobId }, { region }),
    { stale: [ListIngestionJobs], done: "The sync is stopping. What it has done stays." },
  );
  return (
    <Button loading={stop.isPending} disabled={job.status === "STOPPING"} onClick={() => stop.mutate()}>
      Stop the sync
    </Button>
  );
}

type LineState = "done" | "now" | "later" | "stopped";

function stateOf(step: number, at: number, stopped: boolean): LineState {
  if (step < at) return "done";
  if (step > at) return "later";
  return stopped ? "stopped" : "now";
}

function StepLine({ state, children }: { state: LineState; children: string }) {
  const types = { done: "success", now: "in-progress", later: "pending", stopped: "error" } as const;
  return <StatusIndicator type={types[state]}>{children}</StatusIndicator>;
}

function SyncProgress({ run, started }: { run: Run; started: boolean }) {
  const { job } = run;
  if (!started) return <StepLine state="later">Sync</StepLine>;
  if (!job) {
    return (
      <StepLine state={run.state === "stopped" ? "stopped" : "now"}>
        {run.state === "stopped" ? "Sync" : "Starting the sync"}
      </StepLine>
    );
  }
  const { done, of } = progress(job);
  const over = job.status === "COMPLETE";
  const failed = job.status === "FAILED" || job.status === "STOPPED";
  return (
    <ProgressBar
      label="Sync"
      value={of === 0 ? 0 : (done / of) * 100}
      status={over ? "success" : failed ? "error" : "in-progress"}
      description="Reading, cutting and embedding the documents"
      additionalInfo={over || failed ? undefined : of === 0 ? "Listing" : `${count(done)} of ${count(of)} documents`}
      resultText={over || failed ? `${words(job.status)}: ${summary(job.statistics)}` : undefined}
    />
  );
}

const stages: { [stage in FileState["stage"]]: [StatusIndicatorProps.Type, string] } = {
  waiting: ["pending", "Waiting"],
  sending: ["in-progress", "Uploading"],
  sent: ["success", "Uploaded"],
  failed: ["error", "Not uploaded"],
  cancelled: ["stopped", "Cancelled"],
};

/** What became of a document in the index, in a word. */
export function DocumentState({ of }: { of: KnowledgeBaseDocumentDetail }) {
  const types: { [status: string]: StatusIndicatorProps.Type } = {
    INDEXED: "success",
    FAILED: "error",
    IGNORED: "warning",
    METADATA_PARTIALLY_INDEXED: "warning",
    METADATA_UPDATE_FAILED: "warning",
    PARTIALLY_INDEXED: "warning",
    NOT_FOUND: "stopped",
  };
  return (
    <span className="kb-words">
      <StatusIndicator type={types[of.status] ?? "in-progress"} wrapText>
        {of.statusReason ? `${words(of.status)}: ${visible(of.statusReason)}` : words(of.status)}
      </StatusIndicator>
    </span>
  );
}

function Files({ run }: { run: Run }) {
  const syncing = run.step === "sync" || run.step === "done";
  const documents = useAll(
    ListKnowledgeBaseDocuments,
    { knowledgeBaseId: run.baseId ?? "", dataSourceId: run.sourceId ?? "" },
    (page) => page.documentDetails,
    {
      enabled: syncing && run.baseId !== undefined && run.sourceId !== undefined,
      region: run.plan.region,
      // Each look is a listing of everything.
      refetchInterval: run.state === "running" ? (run.files.length > 500 ? 10_000 : 2000) : false,
    },
  );
  const byUri = useMemo(
    () => new Map((documents.data ?? []).map((d) => [d.identifier.s3?.uri ?? "", d])),
    [documents.data],
  );
  const columns = useMemo(() => columnsOf(byUri, syncing, run.plan.bucket), [byUri, run.plan.bucket, syncing]);
  return (
    <ResourceTable
      id="kb-run-files"
      wrapLines
      title="Files"
      items={run.files}
      columns={columns}
      trackBy={(f) => f.key}
      pageSize={10}
      empty={<Box>No files</Box>}
    />
  );
}

function columnsOf(
  byUri: ReadonlyMap<string, KnowledgeBaseDocumentDetail>,
  syncing: boolean,
  bucket: string,
): Column<FileState>[] {
  const document = (f: FileState) => (syncing ? byUri.get(`s3://${bucket}/${f.key}`) : undefined);
  return [
    {
      id: "name",
      header: "File",
      cell: (f) => <span className="kb-file-name">{visible(f.path)}</span>,
      value: (f) => f.path,
      main: true,
      minWidth: 160,
    },
    {
      id: "state",
      header: "State",
      cell: (f) => {
        const known = document(f);
        if (known) return <DocumentState of={known} />;
        if (f.stage === "sending") {
          return <ProgressBar variant="standalone" value={f.part * 100} ariaLabel={`Upload of ${visible(f.path)}`} />;
        }
        const [type, text] = stages[f.stage];
        return (
          <span className="kb-words">
            <StatusIndicator type={type} wrapText>
              {f.error
                ? `${text}: ${f.error.message}${f.error.requestId ? ` (request ${f.error.requestId})` : ""}`
                : text}
            </StatusIndicator>
          </span>
        );
      },
      value: (f) => document(f)?.status ?? f.stage,
      minWidth: 200,
    },
    { id: "size", header: "Size", cell: (f) => <Bytes count={f.size} />, value: (f) => f.size, width: 110 },
  ];
}
