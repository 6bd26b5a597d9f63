import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonGroup from "@cloudscape-design/components/button-group";
import FileDropzone, { useFilesDragging } from "@cloudscape-design/components/file-dropzone";
import FileTokenGroup from "@cloudscape-design/components/file-token-group";
import PromptInput from "@cloudscape-design/components/prompt-input";
import { useState, type ClipboardEvent } from "react";
import type { ContentBlock } from "@/api/bedrock-runtime.gen";
import { asServiceError, uniqueToken } from "@/client";
import { useNotify } from "@/shell/notifications";
import { accept, fault, faultOfAll, partsOf, type Attachment } from "./attachments";
import type { Mode } from "./conversation";

/** Where one writes. */
export function Composer({
  mode,
  text,
  onText,
  files: withFiles,
  busy,
  ready,
  onSend,
  onStop,
}: {
  mode: Mode;
  text: string;
  onText: (text: string) => void;
  /** Whether files can go with a message. */
  files: boolean;
  busy: boolean;
  /** There is a model to send to. */
  ready: boolean;
  onSend: (content: ContentBlock[]) => void;
  onStop: () => void;
}) {
  const [attached, setAttached] = useState<readonly Attachment[]>([]);
  const { areFilesDragging } = useFilesDragging();
  const notify = useNotify();

  const together = faultOfAll(attached.map(({ file }) => file));
  const wrong = withFiles && (together !== undefined || attached.some(({ error }) => error !== undefined));
  const sendable = ready && !busy && !wrong && (text.trim() !== "" || (withFiles && attached.length > 0));

  const add = async (files: readonly File[]) => {
    const checked = await Promise.all(
      files.map(async (file): Promise<Attachment> => {
        const error = await fault(file);
        return { id: uniqueToken(), file, ...(error === undefined ? {} : { error }) };
      }),
    );
    setAttached((was) => [...was, ...checked]);
  };

  const send = async () => {
    if (!sendable) return;
    try {
      const parts = withFiles ? await partsOf(attached.map(({ file }) => file)) : [];
      // What stays the same to be run again in a single prompt is over in a chat.
      if (mode === "chat") {
        setAttached([]);
        onText("");
      }
      onSend([...parts, ...(text.trim() === "" ? [] : [{ text }])]);
    } catch (thrown) {
      // A file may be gone since it was chosen.
      notify.failed(asServiceError(thrown), "A file cannot be read");
    }
  };

  const paste = (event: ClipboardEvent) => {
    const files = [...event.clipboardData.files];
    if (!withFiles || files.length === 0) return;
    event.preventDefault();
    void add(files);
  };

  return (
    <div className="playground-composer" onPaste={paste}>
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
                <FileTokenGroup
                  items={attached.map(({ file, error }) => ({ file, errorText: error ?? null }))}
                  onDismiss={({ detail }) => setAttached((was) => was.filter((_, i) => i !== detail.fileIndex))}
                  alignment="horizontal"
                  showFileSize
                  showFileThumbnail
                  i18nStrings={{
                    removeFileAriaLabel: (_, name) => `Remove ${name}`,
                    limitShowFewer: "Show fewer files",
                    limitShowMore: "Show more files",
                    errorIconAriaLabel: "Error",
                  }}
                />
              ),
            }
          : {})}
        invalid={wrong}
      />
      {wrong && (
        <Box color="text-status-error" variant="small">
          <span role="alert">{together ?? "Remove the files that cannot be sent."}</span>
        </Box>
      )}
    </div>
  );
}
