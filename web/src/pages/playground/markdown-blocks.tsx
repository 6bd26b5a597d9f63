import { memo } from "react";
import { SafeMarkdown } from "@/components";

/** Blocks of Markdown. Those that have not changed since the last picture are not drawn again. */
export const MarkdownBlocks = memo(function MarkdownBlocks({ blocks }: { blocks: readonly string[] }) {
  return (
    <div className="playground-text">
      {blocks.map((block, i) => (
        // oxlint-disable-next-line react/no-array-index-key -- a block has no identity but its place
        <SafeMarkdown key={i} text={block} />
      ))}
    </div>
  );
});
