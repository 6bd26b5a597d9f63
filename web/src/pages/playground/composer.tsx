import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonGroup from "@cloudscape-design/components/button-group";
import FileDropzone, { useFilesDragging } from "@cloudscape-design/components/file-dropzone";
import FileTokenGroup from "@cloudscape-design/components/file-token-group";
import PromptInput from "@cloudscape-design/components/prompt-input";
import { useState, type ClipboardEvent, type DragEvent } from "react";
import type { ContentBlock } from "@/api/bedrock-runtime.gen";
import { asServiceError, uniqueToken } from "@/client";
import { bytes, count } from "@/components";
import { useNotify } from "@/shell/notifications";
import {
  accept,
  fault,
  faultOfAll,
  hasDocuments,
  limits,
  partsOf,
  pastedFile,
  tooLongToPaste,
  type Attachment,
  type Before,
} from "./attachments";
import type { Mode } from "./conversation";
import { TextModal } from "./long-text";

/** Where one writes. */
export function Composer({
  mode,
  text,
  onText,
  attached,
  onAttached,
  before,
  refusing,
  files: withFiles,
  busy,
  ready,
  onSend,
  onStop,
}: {
  mode: Mode;
  text: string;
  onText: (text: string) => void;
  attached: readonly Attachment[];
  onAttached: (change: (was: readonly Attachment[]) => readonly Attachment[]) => void;
  /** What the conversation has attached. */
  before: Before;
  /** The names of the models that read no documents. */
  refusing: readonly string[];
  /** Whether files can go with a message; otherwise it is a question to a knowledge base. */
  files: boolean;
  busy: boolean;
  /** There is a model to send to. */
  ready: boolean;
  onSend: (content: ContentBlock[]) => void;
  onStop: () => void;
}) {
  const [read, setRead] = useState<string>();
  const { areFilesDragging } = useFilesDragging();
  const notify = useNotify();

  const pasted = attached.filter((one) => one.pasted !== undefined);
  const chosen = attached.filter((one) => one.pasted === undefined);
  const open = pasted.find(({ id }) => id === read);
  // What was pasted is text, and goes as such to a model that reads no documents.
  const asText = refusing.length > 0 ? pasted : [];
  const sent = attached.filter((one) => !asText.includes(one)).map(({ file }) => file);
  const documents = hasDocuments(sent);
  const wordless = withFiles && text.trim() === "" && documents;
  const wrong = withFiles
    ? (faultOfAll(sent, before) ??
      (documents && refusing.length > 0 ? `${refusing.join(" and ")} cannot read documents.` : undefined) ??
      (attached.some(({ error }) => error !== undefined) ? "Remove the files that cannot be sent." : undefined))
    : Array.from(text).length > limits.question
      ? `A question to a knowledge base may have ${count(limits.question)} characters.`
      : undefined;
  const sendable = ready && !busy && !wrong && !wordless && (text.trim() !== "" || (withFiles && attached.length > 0));

  const remove = (id: string) => onAttached((was) => was.filter((one) => one.id !== id));
  const add = async (files: readonly File[]) => {
    const checked = await Promise.all(
      files.map(async (file): Promise<Attachment> => {
        const error = await fault(file);
        return { id: uniqueToken(), file, ...(error === undefined ? {} : { error }) };
      }),
    );
    onAttached((was) => [...was, ...checked]);
  };
  const addText = async (long: string) => {
    const file = pastedFile(long, attached);
    const error = await fault(file);
    onAttached((was) => [...was, { id: uniqueToken(), file, pasted: long, ...(error === undefined ? {} : { error }) }]);
  };

  const send = async () => {
    if (!sendable) return;
    try {
      const parts = withFiles ? await partsOf(sent, before.names) : [];
      const long = withFiles ? asText.map((one) => ({ text: one.pasted ?? "" })) : [];
      // What stays the same to be run again in a single prompt is over in a chat.
      if (mode === "chat") {
        onAttached(() => []);
        onText("");
      }
      onSend([...parts, ...long, ...(text.trim() === "" ? [] : [{ text }])]);
    } catch (thrown) {
      // A file may be gone since it was chosen.
      notify.failed(asServiceError(thrown), "A file cannot be read");
    }
  };

  /** Takes what is put into the field where that is more than it can hold. */
  const takeText = (event: ClipboardEvent | DragEvent, data: DataTransfer) => {
    const long = data.getData("text/plain");
    if (!tooLongToPaste(long, text)) return;
    event.preventDefault();
    if (withFiles) void addText(long);
    else notify.warning(`A question to a knowledge base may have ${count(limits.question)} characters.`, "pasted");
  };
  const paste = (event: ClipboardEvent) => {
    const { clipboardData: data } = event;
    const files = [...data.files];
    // Cells and paragraphs of office programs come with a picture of them, which nobody means.
    const office = data.types.includes("text/html") && data.getData("text/plain").trim() !== "";
    if (files.length === 0 || office || !withFiles) return takeText(event, data);
    event.preventDefault();
    void add(files);
  };
  const drop = (event: DragEvent) => {
    if (event.dataTransfer.files.length === 0) takeText(event, event.dataTransfer);
  };

  return (
    <div className="playground-composer" onPasteCapture={paste} onDropCapture={drop}>
      {areFilesDragging && withFiles && (
        <FileDropzone onChange={({ detail }) => void add(detail.value)}>Drop images and documents here</FileDropzone>
      )}
      <PromptInput
        value={text}
        onChange={({ detail }) => onText(detail.value)}
        onAction={() => void send()}
        ariaLabel={mode === "single" ? "Prompt" : "Message"}
        placeholder={mode === "single" ? "Write a prompt" : "Write a message. Shift and Enter begin a new line."}
        minRows={mode === "single" ? 5 : 1}
        maxRows={12}
        disableActionButton={!sendable}
        actionButtonIconName="send"
        actionButtonAriaLabel={mode === "single" ? "Run" : "Send"}
        {...(busy
          ? {
              customPrimaryAction: (
                <Box padding={{ right: "xxs" }}>
                  <Button variant="icon" iconName="status-stopped" ariaLabel="Stop" onClick={onStop} />
                </Box>
              ),
            }
          : {})}
        {...(withFiles
          ? {
              secondaryActions: (
                <Box padding={{ left: "xxs", top: "xs" }}>
                  <ButtonGroup
                    variant="icon"
                    ariaLabel="Attachments"
                    items={[
                      {
                        type: "icon-file-input",
                        id: "files",
                        text: "Attach images and documents",
                        multiple: true,
                        accept,
                      },
                    ]}
                    onFilesChange={({ detail }) => void add(detail.files)}
                  />
                </Box>
              ),
            }
          : {})}
        {...(withFiles && attached.length > 0
          ? {
              secondaryContent: (
                <div className="playground-attached">
                  {pasted.length > 0 && (
                    <div className="playground-files">
                      {pasted.map(({ id, file, error }) => (
                        <div key={id} className="playground-file">
                          <div className="playground-file-name">
                            <Button
                              variant="inline-link"
                              iconName="file"
                              onClick={() => setRead(id)}
                              ariaLabel={`Open ${file.name}`}
                            >
                              {file.name}
                            </Button>
                            <Button
                              variant="inline-icon"
                              iconName="close"
                              ariaLabel={`Remove ${file.name}`}
                              onClick={() => remove(id)}
                            />
                          </div>
                          <Box
                            variant="small"
                            color={error === undefined ? "text-body-secondary" : "text-status-error"}
                          >
                            {error ?? `${bytes(file.size)}${asText.length > 0 ? ", sent as text" : ""}`}
                          </Box>
                        </div>
                      ))}
                    </div>
                  )}
                  {chosen.length > 0 && (
                    <FileTokenGroup
                      items={chosen.map(({ file, error }) => ({ file, errorText: error ?? null }))}
                      onDismiss={({ detail }) => remove(chosen[detail.fileIndex]?.id ?? "")}
                      alignment="horizontal"
                      showFileSize
                      // Of what only calls itself an image there is none.
                      showFileThumbnail={chosen.every(({ error }) => error === undefined)}
                      i18nStrings={{
                        removeFileAriaLabel: (_, name) => `Remove ${name}`,
                        limitShowFewer: "Show fewer files",
                        limitShowMore: "Show more files",
                        errorIconAriaLabel: "Error",
                      }}
                    />
                  )}
                </div>
              ),
            }
          : {})}
        invalid={wrong !== undefined}
      />
      {wrong ? (
        <Box color="text-status-error" variant="small">
          <span role="alert">{wrong}</span>
        </Box>
      ) : (
        wordless && (
          <Box color="text-body-secondary" variant="small">
            <span role="status">Say what is to be done with the document: none goes without words.</span>
          </Box>
        )
      )}
      {open && (
        <TextModal
          name={open.file.name}
          text={open.pasted ?? ""}
          byteCount={open.file.size}
          onClose={() => setRead(undefined)}
          onPutBack={() => {
            onText(text === "" ? (open.pasted ?? "") : `${text}\n${open.pasted ?? ""}`);
            remove(open.id);
            setRead(undefined);
          }}
          onRemove={() => {
            remove(open.id);
            setRead(undefined);
          }}
        />
      )}
    </div>
  );
}
