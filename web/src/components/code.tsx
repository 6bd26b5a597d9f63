import Tabs from "@cloudscape-design/components/tabs";
import { CopyButton } from "./copy";
import "./code.css";

/** Code with a button that copies it. */
export function Code({ code, label = "Copy the code" }: { code: string; label?: string }) {
  return (
    <div className="code">
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
      <div className="code-copy">
        <CopyButton text={code} label={label} />
      </div>
    </div>
  );
}

/** One program in several languages. */
export interface Sample {
  /** "boto3", "AWS CLI", "curl", "Go", "JavaScript". */
  label: string;
  code: string;
}

/** Samples in tabs. */
export function CodeSample({ samples, label = "Code samples" }: { samples: readonly Sample[]; label?: string }) {
  return (
    <Tabs
      ariaLabel={label}
      tabs={samples.map((sample) => ({
        // A panel names its tab by an ID, which must not have a space.
        id: sample.label.replace(/\W+/g, "-"),
        label: sample.label,
        content: <Code code={sample.code} label={`Copy the code for ${sample.label}`} />,
      }))}
    />
  );
}
