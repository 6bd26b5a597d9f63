import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";

/** A button that copies text. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  return (
    <CopyToClipboard
      variant="icon"
      textToCopy={text}
      copyButtonAriaLabel={label}
      copySuccessText="Copied"
      copyErrorText="It could not be copied"
    />
  );
}

/** An identifier or ARN, with a button in front that copies it. */
export function Copyable({ text }: { text: string | null | undefined }) {
  if (!text) return <>-</>;
  return (
    <CopyToClipboard
      variant="inline"
      textToCopy={text}
      copyButtonAriaLabel={`Copy ${text}`}
      copySuccessText="Copied"
      copyErrorText="It could not be copied"
    />
  );
}
