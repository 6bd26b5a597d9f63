import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useRef, useState, type DragEvent } from "react";
import { useNotify } from "@/shell/notifications";
import { check, hidden, keyOf, pathOf, readable, readableInWords, type Chosen } from "./files";
import "./knowledge-bases.css";

/** A file that was chosen, with what speaks against it. */
export interface Candidate extends Chosen {
  problem?: string | undefined;
}

/** Reads what files are and adds them to those that are there. A file that is chosen again takes the other one's place. */
export async function candidates(chosen: readonly Chosen[], before: readonly Candidate[] = []): Promise<Candidate[]> {
  const all = new Map(before.map((c) => [keyOf(c.path), c]));
  for (const one of chosen) {
    // Whoever chooses a folder does not mean its .DS_Store; whoever chooses such a file does.
    if (one.path.includes("/") && hidden(one.path)) continue;
    all.set(keyOf(one.path), { ...one, problem: await check(one) });
  }
  return [...all.values()];
}

/** A place to drop files and folders, with buttons for who has no mouse. */
export function Dropzone({ onChoose, compact = false }: { onChoose: (chosen: Chosen[]) => void; compact?: boolean }) {
  const [over, setOver] = useState(false);
  const [reading, setReading] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const notify = useNotify();

  const drop = async (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    setReading(true);
    try {
      const { chosen, unread } = await dropped(event.dataTransfer);
      if (unread > 0) notify.warning(`${unread} of the files could not be read by the browser.`, "kb-unread");
      if (chosen.length > 0) onChoose(chosen);
    } finally {
      setReading(false);
    }
  };
  const input = (name: string, ref: typeof files) => (
    <input
      ref={ref}
      type="file"
      multiple
      hidden
      aria-label={name}
      accept={ref === files ? [...readable, ".metadata.json"].join(",") : undefined}
      {...(ref === folder ? { webkitdirectory: "" } : {})}
      onChange={(event) => {
        const list = Array.from(event.target.files ?? [], (file) => ({ file, path: pathOf(file) }));
        event.target.value = "";
        if (list.length > 0) onChoose(list);
      }}
    />
  );
  return (
    // What is dropped can be chosen with the buttons, too.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      className={`kb-drop${over ? " kb-drop-over" : ""}`}
      role="group"
      aria-label="Drop files here"
      onDragOver={(event) => {
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => void drop(event)}
    >
      <SpaceBetween size="xs" alignItems="center">
        <Box variant={compact ? "p" : "h3"} textAlign="center" padding="n">
          Drop files or folders here
        </Box>
        <SpaceBetween size="xs" direction="horizontal">
          <Button iconName="upload" loading={reading} formAction="none" onClick={() => files.current?.click()}>
            Choose files
          </Button>
          <Button formAction="none" iconName="folder" disabled={reading} onClick={() => folder.current?.click()}>
            Choose a folder
          </Button>
        </SpaceBetween>
        <Box variant="small" color="text-body-secondary" textAlign="center">
          {readableInWords}
        </Box>
      </SpaceBetween>
      {input("Choose files", files)}
      {input("Choose a folder", folder)}
    </div>
  );
}

/** The files of a drop. Folders are walked through. */
export async function dropped(data: DataTransfer): Promise<{ chosen: Chosen[]; unread: number }> {
  // The list is empty once the event is over: everything is taken from it before anything is awaited.
  const taken = Array.from(data.items)
    .filter((item) => item.kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
  if (taken.length === 0) return { chosen: Array.from(data.files, (file) => ({ file, path: file.name })), unread: 0 };
  const chosen: Chosen[] = [];
  let unread = 0;
  const walk = async (entry: FileSystemEntry) => {
    try {
      if (entry.isDirectory) {
        const reader = (entry as FileSystemDirectoryEntry).createReader();
        // The entries come in parts, and an empty one is the last.
        for (;;) {
          const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
          if (part.length === 0) break;
          for (const child of part) await walk(child);
        }
      } else {
        const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
        chosen.push({ file, path: entry.fullPath.replace(/^\/+/, "") || file.name });
      }
    } catch {
      unread++;
    }
  };
  for (const { entry, file } of taken) {
    if (entry?.isDirectory) await walk(entry);
    else if (file) chosen.push({ file, path: file.name });
  }
  return { chosen, unread };
}
