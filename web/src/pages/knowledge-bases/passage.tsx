import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, type ReactNode } from "react";
import { s3, useAction, useClient, useRegion, type ServiceError } from "@/client";
import { Copyable, Loading } from "@/components";
import { locate, pieces, type Passage } from "./answer";
import { fileName, parseUri, visible } from "./files";
import { isPDF, openDocument } from "./open-document";
import { pdfFragment } from "./pdf-link";

/** What of a document is shown around a passage, in characters. */
const around = 20_000;
/** Beyond this a document is not fetched to show a passage in it. */
const mostShown = 5_000_000;

const isText = (uri: string) => /\.(md|markdown|mdown|mkd|txt|text|log|csv|tsv|tab)$/i.test(uri);

/** Passages one after the other, each with what was said about it highlighted, and the file that it is from. */
export function PassageDialog({
  passages,
  at,
  said,
  onGo,
  onClose,
}: {
  passages: readonly Passage[];
  at: number;
  /** What the passage is to support: the part of the answer, or the question. */
  said: string;
  onGo: (at: number) => void;
  onClose: () => void;
}) {
  const passage = passages[at];
  if (!passage) return null;
  const place = parseUri(passage.uri);
  return (
    <Modal
      visible
      size="large"
      onDismiss={onClose}
      header={
        <span className="kb-file-name">
          {fileName(passage.uri) || "Passage"}
          {passage.page !== undefined && `, from page ${passage.page}`}
        </span>
      }
      footer={
        <div className="kb-foot">
          <SpaceBetween direction="horizontal" size="xs" alignItems="center">
            <Button
              iconName="angle-left"
              variant="icon"
              ariaLabel="Previous passage"
              disabled={at === 0}
              onClick={() => onGo(at - 1)}
            />
            <Box variant="span" color="text-body-secondary">
              {at + 1} of {passages.length}
            </Box>
            <Button
              iconName="angle-right"
              variant="icon"
              ariaLabel="Next passage"
              disabled={at === passages.length - 1}
              onClick={() => onGo(at + 1)}
            />
          </SpaceBetween>
          <SpaceBetween direction="horizontal" size="xs" alignItems="center">
            {place && <OpenDocument key={passage.id} passage={passage} said={said} />}
            <Button variant="primary" onClick={onClose}>
              Close
            </Button>
          </SpaceBetween>
        </div>
      }
    >
      <SpaceBetween size="m">
        <KeyValuePairs
          columns={passage.page === undefined ? 1 : 2}
          items={[
            {
              label: "Document",
              value: (
                <span className="kb-file-name">
                  <Copyable text={visible(passage.uri)} />
                </span>
              ),
            },
            ...(passage.page === undefined ? [] : [{ label: "Begins on page", value: String(passage.page) }]),
            ...Object.entries(passage.attributes).map(([label, value]) => ({
              label,
              value: typeof value === "string" ? visible(value) : JSON.stringify(value),
            })),
          ]}
        />
        {place && isText(passage.uri) ? (
          <InDocument key={passage.id} passage={passage} said={said} />
        ) : (
          <Excerpt key={passage.id} passage={passage} said={said} />
        )}
      </SpaceBetween>
    </Modal>
  );
}

/** A passage alone. What supports the answer is highlighted. */
function Excerpt({ passage, said }: { passage: Passage; said: string }) {
  const parts = useMemo(() => pieces(passage.text.trim(), said), [passage.text, said]);
  const none = parts.every((part) => !part.strong);
  return (
    <Scrolled label="Passage">
      {none ? (
        <mark>{passage.text.trim()}</mark>
      ) : (
        // oxlint-disable-next-line react/no-array-index-key -- sentences of a text have no identity but their place
        parts.map((part, i) => (part.strong ? <mark key={i}>{part.text}</mark> : <span key={i}>{part.text}</span>))
      )}
    </Scrolled>
  );
}

/** A passage in the text of its document, as it is in the bucket now. */
function InDocument({ passage, said }: { passage: Passage; said: string }) {
  const client = useClient();
  const region = useRegion();
  const { bucket = "", key: objectKey = "" } = parseUri(passage.uri) ?? {};
  const document = useQuery<string | null, ServiceError>({
    queryKey: ["s3", "text", region, bucket, objectKey],
    queryFn: async ({ signal }) => {
      const blob = await s3.getObject(client, bucket, objectKey, { signal });
      return blob.size > mostShown ? null : blob.text();
    },
    retry: false,
  });
  const place = useMemo(
    () => (document.data ? locate(document.data, passage.text) : undefined),
    [document.data, passage.text],
  );
  if (document.isPending) return <Loading />;
  if (!document.data || !place) return <Excerpt passage={passage} said={said} />;
  const from = Math.max(0, place.start - around);
  const to = Math.min(document.data.length, place.end + around);
  return (
    <Scrolled label="Document">
      {from > 0 && "…"}
      {document.data.slice(from, place.start)}
      <mark>
        {pieces(document.data.slice(place.start, place.end), said).map((part, i) => (
          // oxlint-disable-next-line react/no-array-index-key -- sentences of a text have no identity but their place
          <span key={i} className={part.strong ? "kb-strong" : undefined}>
            {part.text}
          </span>
        ))}
      </mark>
      {document.data.slice(place.end, to)}
      {to < document.data.length && "…"}
    </Scrolled>
  );
}

/** A text that is as long as it is, moved to its first mark. */
function Scrolled({ label, children }: { label: string; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const mark = box.current?.querySelector("mark");
    if (box.current && mark) box.current.scrollTop = mark.offsetTop - box.current.offsetTop - 60;
  }, []);
  return (
    <div ref={box} className="kb-passage" tabIndex={0} role="region" aria-label={label}>
      {children}
    </div>
  );
}

/** Opens the document of a passage: a PDF where the passage is, highlighted. */
function OpenDocument({ passage, said }: { passage: Passage; said: string }) {
  const region = useRegion();
  const open = useAction(
    (_: void, client) => {
      const strong = pieces(passage.text.trim(), said).filter((part) => part.strong);
      const sentences = strong.length > 0 ? strong.map((part) => part.text) : [passage.text];
      return openDocument(client, region, passage.uri, pdfFragment(passage.page, sentences));
    },
    { quiet: true },
  );
  const pdf = isPDF(passage.uri);
  return (
    <>
      <Button iconName={pdf ? "external" : "download"} loading={open.isPending} onClick={() => open.mutate()}>
        {pdf ? "Show in the PDF" : "Download"}
      </Button>
      {open.error && (
        <Alert type="error" header={open.error.code}>
          {open.error.message}
          {open.error.requestId && ` (request ${open.error.requestId})`}
        </Alert>
      )}
    </>
  );
}
