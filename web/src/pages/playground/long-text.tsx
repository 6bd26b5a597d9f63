import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMemo, useState } from "react";
import { bytes, count } from "@/components";
import { canBeEdited } from "./attachments";

/** What of a text is shown at once; a huge one only when somebody wants it. */
const longest = 20_000;

const size = 4000;

/**
 * A text in pieces that a browser can lay out one by one, and leaves out where nobody looks: a megabyte in one line would
 * take it a minute. They end where lines do, or else words, so that a piece is a line of its own at worst.
 */
export function pieces(text: string): string[] {
  const all: string[] = [];
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + size, text.length);
    let next = end;
    if (end < text.length) {
      const line = text.lastIndexOf("\n", end);
      const word = text.lastIndexOf(" ", end - 1) + 1;
      if (line > at) [end, next] = [line, line + 1];
      else if (word > at + size / 2) end = next = word;
      // Half of an emoji is none.
      else if (/[\uDC00-\uDFFF]/.test(text.charAt(end))) end = next = end - 1;
    }
    all.push(text.slice(at, end));
    at = next;
  }
  return all;
}

/** All of a text, however long it is. */
function Pieces({ text }: { text: string }) {
  const all = useMemo(() => pieces(text), [text]);
  return all.map((piece, i) => (
    // oxlint-disable-next-line react/no-array-index-key -- a piece has no identity but its place
    <div key={i} className="playground-plain playground-piece">
      {piece === "" ? "\n" : piece}
    </div>
  ));
}

/** Text as it is; a long one as its beginning. */
export function PlainText({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  if (text.length <= longest) return <div className="playground-plain">{text}</div>;
  return (
    <div>
      <Pieces text={all ? text : `${text.slice(0, longest).toWellFormed()}…`} />
      <Button variant="inline-link" onClick={() => setAll(!all)}>
        {all ? "Show less" : `Show all ${count(text.length)} characters`}
      </Button>
    </div>
  );
}

/** A document that is text, to be read. */
export function TextModal({
  name,
  text,
  byteCount,
  onClose,
  onPutBack,
  onRemove,
}: {
  name: string;
  text: string;
  byteCount: number;
  onClose: () => void;
  /** The text becomes part of the message. */
  onPutBack?: () => void;
  onRemove?: () => void;
}) {
  const small = canBeEdited(text);
  return (
    <Modal
      visible
      size="large"
      header={name}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            {onRemove && <Button onClick={onRemove}>Remove</Button>}
            {onPutBack && (
              <Button
                onClick={onPutBack}
                disabled={!small}
                {...(small ? {} : { disabledReason: "It is too long to be written with." })}
              >
                Put back as text
              </Button>
            )}
            <Button variant="primary" onClick={onClose}>
              Close
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="xs">
        <Box color="text-body-secondary" variant="small">
          {count(text.length)} characters, {bytes(byteCount)}
        </Box>
        <Pieces text={text} />
      </SpaceBetween>
    </Modal>
  );
}
