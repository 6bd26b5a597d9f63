import type { IngestionJob, IngestionJobStatistics, IngestionJobSummary } from "@/api/bedrock-agent.gen";
import { count } from "@/components";

/** Whether a sync is over. */
export function ended(job: Pick<IngestionJob, "status">): boolean {
  return job.status === "COMPLETE" || job.status === "FAILED" || job.status === "STOPPED";
}

/**
 * How many of the documents a sync has dealt with, of how many. Those that have not changed count when it has ended, and
 * not before.
 */
export function progress(job: Pick<IngestionJobSummary, "status" | "statistics">): { done: number; of: number } {
  const s = job.statistics ?? {};
  const of = s.numberOfDocumentsScanned ?? 0;
  if (job.status === "COMPLETE") return { done: of, of };
  const done =
    (s.numberOfNewDocumentsIndexed ?? 0) +
    (s.numberOfModifiedDocumentsIndexed ?? 0) +
    (s.numberOfMetadataDocumentsModified ?? 0) +
    (s.numberOfDocumentsFailed ?? 0) +
    (s.numberOfDocumentsSkipped ?? 0);
  return { done: Math.min(done, of), of };
}

/** Statistics for people: what there was, and what is not zero. */
export function summary(s: IngestionJobStatistics | undefined): string {
  if (!s) return "";
  const parts: [number | undefined, string][] = [
    [s.numberOfNewDocumentsIndexed, "new"],
    [s.numberOfModifiedDocumentsIndexed, "modified"],
    [s.numberOfMetadataDocumentsModified, "with new metadata"],
    [s.numberOfDocumentsDeleted, "deleted"],
    [s.numberOfDocumentsFailed, "failed"],
    [s.numberOfDocumentsSkipped, "skipped"],
  ];
  const told = parts.flatMap(([n, what]) => (n ? [`${count(n)} ${what}`] : []));
  return [`${count(s.numberOfDocumentsScanned ?? 0)} scanned`, ...told].join(", ");
}

/** A reason of a job, and the documents that it is about where it names them. */
export interface Reason {
  text: string;
  files: readonly string[];
}

/** Takes "Encountered error: Ignored 2 files. It is encrypted. [Files: s3://a, s3://b]." apart. */
export function parseReason(text: string): Reason {
  const found = /^(?:Encountered error: )?(?:Ignored \d+ files\. )?(.*?)\s*\[Files: (.*)\]\.?$/s.exec(text);
  if (!found) return { text: text.replace(/^Encountered error: /, ""), files: [] };
  return { text: found[1] ?? "", files: (found[2] ?? "").split(/, (?=s3:\/\/|file:\/\/)/) };
}
