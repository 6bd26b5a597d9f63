import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useDeferredValue, useId, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { checkPolicy, longest, mostText, sizeOf, type KnownActions, type PolicyKind, type Problem } from "./check";
import { memberOf, placeOf, readJson, statementsOf } from "./json";
import type { RefusedPolicy } from "./refused";
import type { ServiceError } from "@/client";
import { RefusedPolicy as Refused } from "./refused";
import "./policy.css";

/** More problems than anybody reads at once. */
const mostShown = 8;
/** Texts that are longer are not underlined: they are no policies, and the browser has enough to do with them. */
const mostMarked = 60_000;

/** What an error says of a text that is still as it was when it was refused. */
export function refusalOf(error: ServiceError | null, text: string): Problem | undefined {
  if (!(error instanceof Refused) || error.policy !== text || !error.place) return undefined;
  return { severity: "error", ...error.place, text: `${error.message} (${error.code}, request ${error.requestId})` };
}

/** The actions that begin as the one that somebody is typing. */
function completions(text: string, at: number, known: KnownActions | undefined) {
  if (!known || text.length > mostMarked) return undefined;
  const open = text.lastIndexOf('"', at - 1);
  const typed = text.slice(open + 1, at);
  if (open < 0 || !/^[A-Za-z0-9-]+:?[A-Za-z0-9]*$/.test(typed)) return undefined;
  // In a list of actions, and not in a name or in another string.
  const before = text.slice(0, open);
  if (!/"(?:Not)?Action"\s*:\s*(?:\[\s*(?:"[^"]*"\s*,\s*)*)?$/.test(before.slice(-4000))) return undefined;
  const end = /^[A-Za-z0-9:*?-]*/.exec(text.slice(at))?.[0].length ?? 0;
  const lower = typed.toLowerCase();
  const found = known.all.filter(
    (one) => one.toLowerCase().startsWith(lower) && one !== typed + text.slice(at, at + end),
  );
  if (found.length === 0) return undefined;
  return { found: found.slice(0, 6), more: found.length > 6, start: open + 1, end: at + end };
}

/** A field for a policy that says while one types what is wrong with it, and where. */
export function PolicyEditor({
  label,
  description,
  value,
  onChange,
  kind,
  known,
  error = null,
  rows = 20,
}: {
  label: ReactNode;
  description?: ReactNode;
  value: string;
  onChange: (value: string) => void;
  kind: PolicyKind;
  known?: KnownActions | undefined;
  /** What the server said of it. */
  error?: ServiceError | RefusedPolicy | null;
  rows?: number;
}) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const marks = useRef<HTMLPreElement>(null);
  const lines = useRef<HTMLDivElement>(null);
  const [caret, setCaret] = useState(-1);
  const later = useDeferredValue(value);
  const problems = useMemo(() => {
    const refused = refusalOf(error, later);
    const own = checkPolicy(later, kind, known);
    return refused ? [refused, ...own.filter((p) => p.start !== refused.start)] : own;
  }, [later, kind, known, error]);
  const count = useMemo(() => value.split("\n").length, [value]);
  const complete = caret < 0 ? undefined : completions(value, caret, known);
  const errors = problems.filter((p) => p.severity === "error").length;
  const broken = useMemo(() => later.length > mostMarked || readJson(later).fault !== undefined, [later]);

  const select = (start: number, end: number) => {
    area.current?.focus();
    area.current?.setSelectionRange(start, end);
    const line = value.slice(0, start).split("\n").length;
    if (area.current) area.current.scrollTop = Math.max(0, (line - 4) * 20);
  };
  const put = (start: number, end: number, text: string) => {
    const field = area.current;
    if (!field) return;
    field.focus();
    field.setRangeText(text, start, end, "end");
    onChange(field.value);
    setCaret(-1);
  };
  // What is underlined stands behind the text and moves with it.
  const follow = () => {
    const { scrollTop = 0, scrollLeft = 0 } = area.current ?? {};
    if (marks.current) marks.current.style.transform = `translate(${-scrollLeft}px, ${-scrollTop}px)`;
    if (lines.current) lines.current.scrollTop = scrollTop;
  };
  useLayoutEffect(follow);

  return (
    <SpaceBetween size="xs">
      <FormField
        label={label}
        description={description}
        controlId={id}
        stretch
        constraintText={`${sizeOf(value).toLocaleString()} of ${longest[kind].toLocaleString()} characters, white space aside. Escape and then Tab leaves the field.`}
      >
        <div className="policy-editor" data-invalid={errors > 0 ? "yes" : "no"}>
          <div className="policy-lines" aria-hidden ref={lines} style={{ blockSize: 0, minBlockSize: "100%" }}>
            {Array.from({ length: Math.min(count, 5000) }, (_, i) => i + 1).join("\n")}
          </div>
          <div className="policy-text">
            <div className="policy-marks" aria-hidden>
              <pre ref={marks}>
                {later === value && value.length <= mostMarked && <Marked text={value} problems={problems} />}
              </pre>
            </div>
            <textarea
              ref={area}
              id={id}
              value={value}
              rows={rows}
              maxLength={mostText}
              spellCheck={false}
              autoComplete="off"
              autoCapitalize="off"
              aria-invalid={errors > 0}
              aria-describedby={`${id}-problems`}
              onScroll={follow}
              onChange={(event) => {
                setCaret(event.target.selectionStart);
                onChange(event.target.value);
              }}
              onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
              onKeyDown={(event) => {
                // Tab indents; Escape and then Tab leaves, as anywhere.
                if (event.key !== "Tab" || event.shiftKey || event.currentTarget.dataset.leave === "yes") return;
                event.preventDefault();
                put(event.currentTarget.selectionStart, event.currentTarget.selectionEnd, "  ");
              }}
              onKeyUp={(event) => {
                event.currentTarget.dataset.leave = event.key === "Escape" ? "yes" : "";
              }}
            />
          </div>
        </div>
      </FormField>
      {complete && (
        <Box fontSize="body-s">
          <SpaceBetween direction="horizontal" size="s">
            <span>Actions that begin so:</span>
            {complete.found.map((action) => (
              <Button
                key={action}
                variant="inline-link"
                ariaLabel={`Put ${action}`}
                onClick={() => put(complete.start, complete.end, action)}
              >
                {action}
              </Button>
            ))}
            {complete.more && <span>and more</span>}
          </SpaceBetween>
        </Box>
      )}
      <div id={`${id}-problems`}>
        <Problems text={later} problems={problems} onSelect={select} onFix={put} />
      </div>
      <Button
        variant="inline-link"
        disabled={broken}
        onClick={() => onChange(JSON.stringify(JSON.parse(value), null, 2))}
      >
        Format
      </Button>
    </SpaceBetween>
  );
}

/** The text with what is wrong in it underlined. */
function Marked({ text, problems }: { text: string; problems: readonly Problem[] }) {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const { start, end, severity } of problems) {
    if (start < at) continue;
    // Of a whole statement the first line is enough.
    const line = text.indexOf("\n", start);
    const to = Math.max(line < 0 ? end : Math.min(end, line), start + 1);
    parts.push(
      text.slice(at, start),
      <mark key={start} data-severity={severity}>
        {text.slice(start, to)}
      </mark>,
    );
    at = to;
  }
  // A pre swallows a last line that is empty.
  return (
    <>
      {parts}
      {`${text.slice(at)}\n`}
    </>
  );
}

function Problems({
  text,
  problems,
  onSelect,
  onFix,
}: {
  text: string;
  problems: readonly Problem[];
  onSelect: (start: number, end: number) => void;
  onFix: (start: number, end: number, text: string) => void;
}) {
  if (problems.length === 0) return <StatusIndicator type="success">Nothing is wrong with it</StatusIndicator>;
  return (
    <ul className="policy-problems" aria-label="Problems of the policy">
      {problems.slice(0, mostShown).map((problem) => {
        const { line, column } = placeOf(text, problem.start);
        return (
          <li key={`${problem.start} ${problem.text}`}>
            <StatusIndicator type={problem.severity}>
              <Button variant="inline-link" onClick={() => onSelect(problem.start, problem.end)}>
                {`Line ${line}, column ${column}`}
              </Button>
              : {problem.text}
              {problem.fixes && (
                <>
                  {" "}
                  Did you mean{" "}
                  {problem.fixes.map((fix, i) => (
                    <span key={fix}>
                      {i > 0 && ", "}
                      <Button variant="inline-link" onClick={() => onFix(problem.start, problem.end, fix)}>
                        {fix.replace(/^"(.*)"$/, "$1")}
                      </Button>
                    </span>
                  ))}
                  ?
                </>
              )}
            </StatusIndicator>
          </li>
        );
      })}
      {problems.length > mostShown && <li>and {problems.length - mostShown} more</li>}
    </ul>
  );
}

/** A policy to read, with one of its statements highlighted. statement counts from 1. */
export function PolicyView({
  text,
  statement,
  label = "Policy",
}: {
  text: string;
  statement?: number;
  label?: string;
}) {
  const shown = useMemo(() => pretty(text), [text]);
  const { root } = useMemo(() => readJson(shown), [shown]);
  const one = statement === undefined ? undefined : statementsOf(root)[statement - 1];
  const effect = memberOf(one, "Effect")?.value;
  return (
    <pre className="policy-view" tabIndex={0} aria-label={label} role="region">
      {one ? (
        <>
          {shown.slice(0, lineStart(shown, one.start))}
          <mark data-effect={String(effect)} aria-label="The statement that decided">
            {shown.slice(lineStart(shown, one.start), one.end)}
          </mark>
          {shown.slice(one.end)}
        </>
      ) : (
        shown
      )}
    </pre>
  );
}

function lineStart(text: string, at: number): number {
  const line = text.lastIndexOf("\n", at - 1) + 1;
  return text.slice(line, at).trim() === "" ? line : at;
}

/** A policy in lines, where it is all in one. */
export function pretty(text: string): string {
  if (text.trim().includes("\n")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The text of a policy as IAM's answers have it. */
export function decodePolicy(document: string | undefined): string {
  if (document === undefined) return "";
  try {
    return decodeURIComponent(document);
  } catch {
    return document;
  }
}
