import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { count } from "@/components";
import { fileName, visible } from "./files";
import { parseReason } from "./jobs";

/** What a sync says of files that it could not read: each reason with the files below it. */
export function Reasons({ reasons }: { reasons: readonly string[] }) {
  return (
    <SpaceBetween size="s">
      {reasons.map((reason) => (
        <OneReason key={reason} text={reason} />
      ))}
    </SpaceBetween>
  );
}

const few = 5;

function OneReason({ text: given }: { text: string }) {
  const [all, setAll] = useState(false);
  const { text, files } = parseReason(given);
  const shown = all ? files : files.slice(0, few);
  return (
    <div>
      <Box variant="span" fontWeight={files.length > 0 ? "bold" : "normal"}>
        {visible(text)}
      </Box>
      {shown.length > 0 && (
        <ul>
          {shown.map((file) => (
            <li key={file} className="kb-file-name" title={visible(file)}>
              {fileName(file)}
            </li>
          ))}
        </ul>
      )}
      {files.length > shown.length && (
        <Link
          href="#"
          onFollow={(event) => {
            event.preventDefault();
            setAll(true);
          }}
        >
          Show all {count(files.length)}
        </Link>
      )}
    </div>
  );
}
