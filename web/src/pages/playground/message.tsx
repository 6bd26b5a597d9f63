import Avatar from "@cloudscape-design/chat-components/avatar";
import ChatBubble from "@cloudscape-design/chat-components/chat-bubble";
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonGroup from "@cloudscape-design/components/button-group";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Toggle from "@cloudscape-design/components/toggle";
import { memo, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import type { ContentBlock, DocumentBlock, ToolResultBlock } from "@/api/bedrock-runtime.gen";
import { fromBase64 } from "@/client";
import { bytes, Code, Copyable, count, duration, money, words } from "@/components";
import { canBeEdited } from "./attachments";
import { blocksOf } from "./blocks";
import { siblings, textOf, type Column, type Message, type Reply } from "./conversation";
import { speedOf } from "./cost";
import { resultOf, type Engine, type Waiting } from "./engine";
import type { LiveReply, Shown, Snapshot } from "./live";
import { PlainText, TextModal } from "./long-text";
import { MarkdownBlocks } from "./markdown-blocks";
import { withSources } from "./sources";

interface MessageProps {
  engine: Engine;
  column: Column;
  message: Message;
  /** The reply while it comes. */
  live?: LiveReply | undefined;
  /** Something else of the column is being answered. */
  busy: boolean;
  /** Calls of tools of this message that somebody has to answer. */
  calls: readonly Waiting[];
  /** Text instead of Markdown. */
  plain: boolean;
}

/** One message of a conversation. */
export const MessageView = memo(function MessageView(props: MessageProps) {
  return (
    <div className="playground-message">
      {props.message.role === "user" ? <Said {...props} /> : <Replied {...props} />}
    </div>
  );
});

function Said({ engine, column, message, busy }: MessageProps) {
  const [editing, setEditing] = useState(false);
  const text = textOf(message.content);
  const results = message.content.flatMap(({ toolResult }) => (toolResult ? [toolResult] : []));
  const tool = results.length > 0 && text === "";
  return (
    <ChatBubble
      type="outgoing"
      ariaLabel={tool ? "Results of tools" : "Your message"}
      avatar={<Avatar ariaLabel={tool ? "Tools" : "You"} iconName={tool ? "settings" : "user-profile"} />}
      actions={
        !tool &&
        !editing && (
          <div className="playground-actions">
            <ButtonGroup
              variant="icon"
              ariaLabel="Your message"
              items={[
                {
                  type: "icon-button",
                  id: "edit",
                  text: canBeEdited(text) ? "Edit" : "Too long to be edited",
                  iconName: "edit",
                  disabled: busy || !canBeEdited(text),
                },
                copyItem(text),
              ]}
              onItemClick={({ detail }) => {
                if (detail.id === "edit") setEditing(true);
              }}
            />
            <Pager engine={engine} column={column} message={message} busy={busy} what="message" />
          </div>
        )
      }
    >
      {editing ? (
        <Edit
          text={text}
          onCancel={() => setEditing(false)}
          onSend={(edited) => {
            setEditing(false);
            const others = message.content.filter((part) => part.text === undefined);
            engine.edit(message, [...others, ...(edited.trim() === "" ? [] : [{ text: edited }])]);
          }}
        />
      ) : (
        <SpaceBetween size="xs">
          <Attached content={message.content} />
          {text !== "" && <PlainText text={text} />}
          {results.map((result) => (
            <ToolResult key={result.toolUseId} result={result} />
          ))}
        </SpaceBetween>
      )}
    </ChatBubble>
  );
}

function copyItem(text: string) {
  return {
    type: "icon-copy-to-clipboard" as const,
    id: "copy",
    text: "Copy",
    textToCopy: text,
    copySuccessText: "Copied",
    copyErrorText: "It could not be copied",
  };
}

function Edit({ text, onSend, onCancel }: { text: string; onSend: (text: string) => void; onCancel: () => void }) {
  const [value, setValue] = useState(text);
  return (
    <SpaceBetween size="xs">
      <Textarea
        value={value}
        onChange={({ detail }) => setValue(detail.value)}
        onKeyDown={({ detail }) => {
          if (detail.key === "Escape") onCancel();
        }}
        ariaLabel="Edit your message"
        rows={Math.min(12, value.split("\n").length + 1)}
        autoFocus
      />
      <SpaceBetween direction="horizontal" size="xs">
        <Button variant="primary" onClick={() => onSend(value)} disabled={value.trim() === ""}>
          Send
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

/** Goes through the messages that stand in one place. */
function Pager({
  engine,
  column,
  message,
  busy,
  what,
}: Pick<MessageProps, "engine" | "column" | "message" | "busy"> & { what: string }) {
  const all = siblings(column, message);
  if (all.length < 2) return null;
  const at = all.findIndex((m) => m.id === message.id);
  const go = (to: number) => {
    const other = all[to];
    if (other) engine.choose(column.id, other);
  };
  return (
    <span className="playground-pager">
      <Button
        variant="inline-icon"
        iconName="angle-left"
        ariaLabel={`Previous ${what}`}
        disabled={busy || at === 0}
        onClick={() => go(at - 1)}
      />
      <span>
        {at + 1}/{all.length}
      </span>
      <Button
        variant="inline-icon"
        iconName="angle-right"
        ariaLabel={`Next ${what}`}
        disabled={busy || at === all.length - 1}
        onClick={() => go(at + 1)}
      />
    </span>
  );
}

/** The size of bytes that are base64. */
const sizeOf = (base64: string) => Math.floor((base64.length * 3) / 4) - (/=*$/.exec(base64)?.[0].length ?? 0);

/** The formats of documents that are text. */
const textual = new Set(["txt", "md", "csv", "html"]);

function Attached({ content }: { content: readonly ContentBlock[] }) {
  const [read, setRead] = useState<DocumentBlock>();
  const files = content.filter((part) => part.image || part.document);
  if (files.length === 0) return null;
  return (
    <div className="playground-files">
      {files.map(({ image, document }, i) => {
        if (image) {
          return (
            <img
              // oxlint-disable-next-line react/no-array-index-key -- attachments have no identity but their place
              key={i}
              src={`data:image/${image.format};base64,${image.source.bytes ?? ""}`}
              alt={`Attachment ${i + 1}`}
            />
          );
        }
        const name = fileNameOf(document);
        return (
          // oxlint-disable-next-line react/no-array-index-key -- as above
          <span key={i} className="playground-file">
            {document && textual.has(document.format ?? "txt") ? (
              <Button
                variant="inline-link"
                iconName="file"
                ariaLabel={`Open ${name}`}
                onClick={() => setRead(document)}
              >
                {name}
              </Button>
            ) : (
              name
            )}{" "}
            ({bytes(sizeOf(document?.source.bytes ?? ""))})
          </span>
        );
      })}
      {read && (
        <TextModal
          name={fileNameOf(read)}
          text={new TextDecoder().decode(fromBase64(read.source.bytes ?? ""))}
          byteCount={sizeOf(read.source.bytes ?? "")}
          onClose={() => setRead(undefined)}
        />
      )}
    </div>
  );
}

const fileNameOf = (document: DocumentBlock | undefined) => `${document?.name ?? ""}.${document?.format ?? "txt"}`;

function ToolResult({ result }: { result: ToolResultBlock }) {
  const text = result.content
    .map((part) => (part.text === undefined ? JSON.stringify(part.json, null, 2) : part.text))
    .join("\n");
  return (
    <ExpandableSection
      variant="inline"
      headerText={result.status === "error" ? "Result of a tool (error)" : "Result of a tool"}
    >
      <Code code={text} label="Copy the result" />
    </ExpandableSection>
  );
}

/** What is shown of the content of a reply that is complete. */
function shown(content: readonly ContentBlock[], reply: Reply | undefined): { parts: Shown[]; text: string } {
  const text = textOf(content);
  const parts = content.flatMap((part): Shown[] => {
    if (part.text !== undefined) {
      const marked = reply?.citations ? withSources(part.text, reply.citations).text : part.text;
      return [{ kind: "text", text: part.text, blocks: blocksOf(marked) }];
    }
    if (part.reasoningContent) {
      const { reasoningText, redactedContent } = part.reasoningContent;
      return [{ kind: "reasoning", text: reasoningText?.text ?? "", redacted: redactedContent !== undefined }];
    }
    if (part.toolUse) {
      return [{ kind: "tool", name: part.toolUse.name, input: JSON.stringify(part.toolUse.input, null, 2) }];
    }
    return [];
  });
  return { parts, text };
}

/** Stands for a reply that does not come. */
const nothing: Snapshot = { parts: [] };
const still = { subscribe: () => () => undefined, snapshot: () => nothing };

/**
 * A reply, while it comes and after that. It is one component for both, so that its end does not make the browser build
 * everything anew that it shows already.
 */
function Replied({ engine, column, message, live, busy, calls, plain }: MessageProps) {
  const { content, reply } = message;
  const coming = useSyncExternalStore((live ?? still).subscribe, (live ?? still).snapshot);
  const came = useMemo(() => (live ? undefined : shown(content, reply)), [live, content, reply]);
  const parts = came?.parts ?? coming.parts;
  const text = came?.text ?? "";
  const again = () => engine.regenerate(column.id, message);
  return (
    <Bubble
      model={reply?.model ?? ""}
      loading={live !== undefined}
      actions={
        !live && (
          <div className="playground-actions">
            <ButtonGroup
              variant="icon"
              ariaLabel="Reply"
              items={[
                { type: "icon-button", id: "again", text: "Regenerate", iconName: "refresh", disabled: busy },
                ...(text === "" ? [] : [copyItem(text)]),
              ]}
              onItemClick={({ detail }) => {
                if (detail.id === "again") again();
              }}
            />
            <Pager engine={engine} column={column} message={message} busy={busy} what="reply" />
          </div>
        )
      }
    >
      <Parts parts={parts} plain={plain} open={live !== undefined} />
      {live && parts.length === 0 && <Box color="text-body-secondary">Waiting for the first token</Box>}
      {!live && reply?.citations && <Sources text={text} reply={reply} />}
      {!live && calls.length > 0 && <Answers engine={engine} column={column} calls={calls} busy={busy} />}
      {!live && <Ending reply={reply} silent={content.length === 0} again={busy ? undefined : again} />}
      {!live && reply && <Facts facts={factsOf(reply)} />}
      {coming.firstMs !== undefined && live && <Facts facts={[`First token ${duration(coming.firstMs)}`]} />}
    </Bubble>
  );
}

function Bubble({
  model,
  loading = false,
  actions,
  children,
}: {
  model: string;
  loading?: boolean;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <ChatBubble
      type="incoming"
      ariaLabel={`Reply of ${model}`}
      showLoadingBar={loading}
      avatar={<Avatar color="gen-ai" iconName="gen-ai" ariaLabel={model} tooltipText={model} loading={loading} />}
      actions={actions}
    >
      <div className="playground-bubble">{children}</div>
    </ChatBubble>
  );
}

function Parts({ parts, plain, open = false }: { parts: readonly Shown[]; plain: boolean; open?: boolean }) {
  return parts.map((part, i) => (
    // oxlint-disable-next-line react/no-array-index-key -- a part has no identity but its place
    <PartView key={i} part={part} plain={plain} comes={open && i === parts.length - 1} />
  ));
}

function PartView({ part, plain, comes }: { part: Shown; plain: boolean; comes: boolean }) {
  switch (part.kind) {
    case "text":
      return plain ? <PlainText text={part.text} /> : <MarkdownBlocks blocks={part.blocks} />;
    case "reasoning":
      return (
        <ExpandableSection variant="inline" headerText={comes ? "Thinking" : "Thoughts"}>
          <div className="playground-plain playground-thoughts">
            {part.redacted ? "The model's provider does not show these." : part.text}
          </div>
        </ExpandableSection>
      );
    case "tool":
      return (
        <div>
          <Box variant="strong">Calls the tool {part.name}</Box>
          <Code code={part.input} label={`Copy the input of ${part.name}`} />
        </div>
      );
  }
}

/** Fields for the results of tools that do not answer by themselves. */
function Answers({
  engine,
  column,
  calls,
  busy,
}: {
  engine: Engine;
  column: Column;
  calls: readonly Waiting[];
  busy: boolean;
}) {
  const [given, setGiven] = useState<{ [id: string]: { text: string; error: boolean } }>({});
  const valueOf = ({ toolUseId, tool }: Waiting) => given[toolUseId] ?? { text: tool?.mock ?? "", error: false };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        engine.answer(
          column.id,
          calls.map((call) => {
            const { text, error } = valueOf(call);
            return resultOf(call.toolUseId, text, error ? "error" : "success");
          }),
        );
      }}
    >
      <SpaceBetween size="s">
        {calls.map((call) => {
          const value = valueOf(call);
          const set = (change: Partial<typeof value>) =>
            setGiven((was) => ({ ...was, [call.toolUseId]: { ...value, ...change } }));
          return (
            <SpaceBetween key={call.toolUseId} size="xs">
              <FormField
                label={`Result of ${call.name}`}
                description="JSON or text. The model goes on with it."
                stretch
              >
                <Textarea
                  value={value.text}
                  onChange={({ detail }) => set({ text: detail.value })}
                  rows={4}
                  spellcheck={false}
                />
              </FormField>
              <Toggle checked={value.error} onChange={({ detail }) => set({ error: detail.checked })}>
                The tool has failed
              </Toggle>
            </SpaceBetween>
          );
        })}
        <Button formAction="submit" disabled={busy}>
          {calls.length === 1 ? "Send the result" : "Send the results"}
        </Button>
      </SpaceBetween>
    </form>
  );
}

function Sources({ text, reply }: { text: string; reply: Reply }) {
  const { sources } = useMemo(() => withSources(text, reply.citations ?? []), [text, reply]);
  if (sources.length === 0) return null;
  return (
    <ExpandableSection variant="inline" headerText={sources.length === 1 ? "1 source" : `${sources.length} sources`}>
      <ol className="playground-sources">
        {sources.map((source) => (
          <li key={source.number}>
            {source.place !== "" && <Copyable text={source.place} />}
            <PlainText text={source.text} />
          </li>
        ))}
      </ol>
    </ExpandableSection>
  );
}

const unusual: { [reason: string]: string } = {
  max_tokens: "The reply was cut at the maximum of tokens.",
  content_filtered: "The reply was filtered.",
  guardrail_intervened: "A guardrail has intervened.",
  malformed_model_output: "The model wrote something that cannot be read.",
  malformed_tool_use: "The model called a tool in a way that cannot be read.",
  model_context_window_exceeded: "The conversation is longer than what the model can hold.",
};

/** How a reply ended, where that is not as usual. */
function Ending({
  reply,
  silent,
  again,
}: {
  reply: Reply | undefined;
  /** It has said nothing. */
  silent: boolean;
  again: (() => void) | undefined;
}) {
  if (reply?.failure) {
    const { code, message, requestId } = reply.failure;
    return (
      <Alert
        type="error"
        header={code}
        action={
          again && (
            <Button onClick={again} iconName="refresh" wrapText={false}>
              Try again
            </Button>
          )
        }
      >
        {/[.!?]$/.test(message) ? message : `${message}.`}
        {!silent && " What has come before is above."}
        {requestId !== "" && (
          <Box variant="small" display="block">
            Request {requestId}
          </Box>
        )}
      </Alert>
    );
  }
  const said = reply?.stopped
    ? "You stopped the reply."
    : reply?.totalMs === undefined
      ? "The reply was interrupted."
      : (unusual[reply.stopReason ?? ""] ?? (silent ? "The model said nothing." : undefined));
  return said ? <Box color="text-status-inactive">{said}</Box> : null;
}

/** What is known of a reply, in a few words each. */
export function factsOf(reply: Reply): string[] {
  const { firstMs, totalMs, usage, cost, stopReason } = reply;
  const speed = speedOf(reply);
  const cached = (usage?.cacheReadInputTokens ?? 0) + (usage?.cacheWriteInputTokens ?? 0);
  return [
    ...(firstMs === undefined ? [] : [`First token ${duration(firstMs)}`]),
    ...(speed === undefined ? [] : [`${speed < 10 ? speed.toFixed(1) : Math.round(speed)} tokens/s`]),
    ...(totalMs === undefined ? [] : [`${duration(totalMs)} in all`]),
    ...(usage ? [`${count(usage.inputTokens)} tokens in, ${count(usage.outputTokens)} out`] : []),
    ...(cached > 0
      ? [`cache: ${count(usage?.cacheReadInputTokens ?? 0)} read, ${count(usage?.cacheWriteInputTokens ?? 0)} written`]
      : []),
    ...(usage ? [cost === undefined ? "no price known" : money(cost)] : []),
    ...(stopReason && stopReason !== "end_turn" ? [words(stopReason)] : []),
  ];
}

function Facts({ facts }: { facts: readonly string[] }) {
  if (facts.length === 0) return null;
  return (
    <ul className="playground-facts" aria-label="About this reply">
      {facts.map((fact) => (
        <li key={fact}>{fact}</li>
      ))}
    </ul>
  );
}
