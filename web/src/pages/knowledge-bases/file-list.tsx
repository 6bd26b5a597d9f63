import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useMemo } from "react";
import { Bytes, bytes, count, ResourceTable, type Column } from "@/components";
import type { Candidate } from "./dropzone";
import { visible } from "./files";

/** The files that were chosen, before they are sent: what is refused says why. */
export function FileList({ files, onChange }: { files: readonly Candidate[]; onChange: (files: Candidate[]) => void }) {
  const refused = files.filter((f) => f.problem !== undefined).length;
  const size = files.reduce((sum, f) => sum + (f.problem === undefined ? f.file.size : 0), 0);
  const columns = useMemo(() => columnsOf(files, onChange), [files, onChange]);
  if (files.length === 0) return null;
  return (
    <ResourceTable
      id="kb-files"
      title="Files"
      items={files}
      columns={columns}
      trackBy={(f) => f.path}
      sort="problem"
      variant="embedded"
      wrapLines
      pageSize={10}
      description={
        refused === 0 ? (
          `${count(files.length)} to upload, ${bytes(size)}`
        ) : (
          <Box color="text-status-error" variant="span">
            {count(files.length - refused)} to upload, {bytes(size)}; {count(refused)} cannot be uploaded
          </Box>
        )
      }
      actions={
        <Button formAction="none" onClick={() => onChange([])}>
          Remove all
        </Button>
      }
    />
  );
}

function columnsOf(files: readonly Candidate[], onChange: (files: Candidate[]) => void): Column<Candidate>[] {
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
      id: "problem",
      header: "State",
      cell: (f) =>
        f.problem === undefined ? (
          <StatusIndicator type="pending">Will be uploaded</StatusIndicator>
        ) : (
          <span className="kb-words">
            <StatusIndicator type="error" wrapText>
              {f.problem}
            </StatusIndicator>
          </span>
        ),
      // What is refused comes first.
      value: (f) => (f.problem === undefined ? "1" : `0 ${f.problem}`),
      minWidth: 180,
    },
    { id: "size", header: "Size", cell: (f) => <Bytes count={f.file.size} />, value: (f) => f.file.size, width: 110 },
    {
      id: "remove",
      header: "Remove",
      cell: (f) => (
        <Button
          variant="inline-icon"
          formAction="none"
          iconName="close"
          ariaLabel={`Remove ${visible(f.path)}`}
          onClick={() => onChange(files.filter((other) => other !== f))}
        />
      ),
      width: 100,
    },
  ];
}
