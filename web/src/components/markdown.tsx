import Link from "@cloudscape-design/components/link";
import { Lexer, type Token, type Tokens } from "marked";
import { createContext, memo, useContext, useMemo, type ReactNode } from "react";
import { Code } from "./code";
import { atMarks, withoutMarks } from "./marks";
import "./markdown.css";

/**
 * Markdown as elements, made from the parser's tokens and never from HTML: markup in the text is shown as the text that
 * it is, links go to the web or nowhere, and images are links, as a picture would tell a stranger who reads.
 */
export const SafeMarkdown = memo(function SafeMarkdown({
  text,
  mark = nothing,
}: {
  text: string;
  /** What stands at the marks that the page itself has set, see marks.ts. */
  mark?: (n: number) => ReactNode;
}) {
  const tokens = useMemo(() => new Lexer({ gfm: true, breaks: false }).lex(text), [text]);
  return (
    <MarkContext.Provider value={mark}>
      <div className="markdown">{blocks(tokens)}</div>
    </MarkContext.Provider>
  );
});

const nothing = (): ReactNode => null;
const MarkContext = createContext<(n: number) => ReactNode>(nothing);

/** Text with what stands at its marks. */
function Words({ text }: { text: string }) {
  const mark = useContext(MarkContext);
  const parts = atMarks(text);
  if (parts.length === 1) return text;
  // oxlint-disable-next-line react/no-array-index-key -- the parts of a text have no identity but their place
  return parts.map((part, i) => <span key={i}>{typeof part === "number" ? mark(part) : part}</span>);
}

function safeHref(href: string): string | undefined {
  try {
    const url = new URL(withoutMarks(href));
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** The parser escapes text for HTML, which React does again. */
function unescaped(text: string): string {
  const names: { [name: string]: string } = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => names[name] ?? "");
}

// The tokens of a text have no identity but their place.
/* oxlint-disable react/no-array-index-key */

function blocks(tokens: readonly Token[]): ReactNode[] {
  return tokens.map((token, i) => block(token, i));
}

function block(token: Token, key: number): ReactNode {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading": {
      const { depth, tokens } = token as Tokens.Heading;
      // The page has its own first two levels.
      const Tag = `h${Math.min(depth + 2, 6)}` as "h3";
      return <Tag key={key}>{inlines(tokens)}</Tag>;
    }
    case "paragraph":
      return <p key={key}>{inlines((token as Tokens.Paragraph).tokens)}</p>;
    case "text": {
      const { tokens, text } = token as Tokens.Text;
      return <span key={key}>{tokens ? inlines(tokens) : <Words text={unescaped(text)} />}</span>;
    }
    case "code":
      return <Code key={key} code={withoutMarks((token as Tokens.Code).text)} />;
    case "blockquote":
      return <blockquote key={key}>{blocks((token as Tokens.Blockquote).tokens)}</blockquote>;
    case "list":
      return list(token as Tokens.List, key);
    case "table":
      return table(token as Tokens.Table, key);
    case "hr":
      return <hr key={key} />;
    default:
      return (
        <p key={key}>
          <Words text={token.raw} />
        </p>
      );
  }
}

function list({ ordered, start, items }: Tokens.List, key: number): ReactNode {
  const children = items.map((item, i) => (
    <li key={i}>
      {item.task && <input type="checkbox" checked={item.checked ?? false} readOnly disabled aria-label="Task" />}
      {blocks(item.tokens.filter((t) => t.type !== "checkbox"))}
    </li>
  ));
  return ordered ? (
    <ol key={key} start={start === "" ? 1 : start}>
      {children}
    </ol>
  ) : (
    <ul key={key}>{children}</ul>
  );
}

function table({ header, rows }: Tokens.Table, key: number): ReactNode {
  return (
    <div key={key} className="markdown-table">
      <table>
        <thead>
          <tr>
            {header.map((cell, i) => (
              <th key={i} scope="col">
                {inlines(cell.tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => (
                <td key={j}>{inlines(cell.tokens)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inlines(tokens: readonly Token[]): ReactNode[] {
  return tokens.map((token, i) => inline(token, i));
}

function inline(token: Token, key: number): ReactNode {
  switch (token.type) {
    case "text":
    case "escape": {
      const { tokens, text } = token as Tokens.Text;
      return <span key={key}>{tokens ? inlines(tokens) : <Words text={unescaped(text)} />}</span>;
    }
    case "strong":
      return <strong key={key}>{inlines((token as Tokens.Strong).tokens)}</strong>;
    case "em":
      return <em key={key}>{inlines((token as Tokens.Em).tokens)}</em>;
    case "del":
      return <del key={key}>{inlines((token as Tokens.Del).tokens)}</del>;
    case "codespan":
      return <code key={key}>{withoutMarks(unescaped((token as Tokens.Codespan).text))}</code>;
    case "br":
      return <br key={key} />;
    case "link": {
      const { href, tokens } = token as Tokens.Link;
      return anchor(safeHref(href), inlines(tokens), key);
    }
    case "image": {
      const { href, text } = token as Tokens.Image;
      return anchor(safeHref(href), [text || href], key);
    }
    default:
      return (
        <span key={key}>
          <Words text={token.raw} />
        </span>
      );
  }
}

function anchor(href: string | undefined, children: ReactNode[], key: number): ReactNode {
  if (!href) return <span key={key}>{children}</span>;
  return (
    <Link key={key} href={href} external rel="noopener noreferrer" target="_blank">
      {children}
    </Link>
  );
}
