import type { ChunkingConfiguration, VectorIngestionConfiguration } from "@/api/bedrock-agent.gen";

/** The ways to cut documents, as Bedrock's console names them. */
export type Strategy = "DEFAULT" | "FIXED_SIZE" | "HIERARCHICAL" | "SEMANTIC" | "NONE";

/** A number of a strategy: what it is called, what is proposed, and what is possible. */
export interface Size {
  id: string;
  label: string;
  proposed: number;
  lowest: number;
  highest: number;
}

/** The largest chunk, in tokens. */
const most = 8192;

const size = (id: string, label: string, proposed: number, lowest: number, highest: number): Size => ({
  id,
  label,
  proposed,
  lowest,
  highest,
});

export const strategies: readonly { id: Strategy; label: string; description: string; sizes: readonly Size[] }[] = [
  {
    id: "DEFAULT",
    label: "Default chunking",
    description: "At most 300 tokens, sentences kept whole.",
    sizes: [],
  },
  {
    id: "FIXED_SIZE",
    label: "Fixed-size chunking",
    description: "At most so many tokens, with a part of each chunk in the next one again.",
    sizes: [
      size("tokens", "Max tokens", 300, 1, most),
      size("overlap", "Overlap between chunks, in percent", 20, 1, 99),
    ],
  },
  {
    id: "HIERARCHICAL",
    label: "Hierarchical chunking",
    description: "Small chunks are searched, and the large one around them is given to the model.",
    sizes: [
      size("parent", "Max parent tokens", 1500, 1, most),
      size("child", "Max child tokens", 300, 1, most),
      size("overlap", "Overlap tokens", 60, 1, most),
    ],
  },
  {
    id: "SEMANTIC",
    label: "Semantic chunking",
    description: "Cut where what is written about changes.",
    sizes: [
      size("tokens", "Max tokens", 300, 1, most),
      size("buffer", "Max buffer size", 0, 0, 1),
      size("percentile", "Breakpoint percentile threshold", 95, 50, 99),
    ],
  },
  {
    id: "NONE",
    label: "No chunking",
    description: "Each file is one chunk.",
    sizes: [],
  },
];

/** A strategy with its numbers as they stand in the fields. */
export interface Chunking {
  strategy: Strategy;
  numbers: { [id: string]: string };
}

export const defaultChunking: Chunking = { strategy: "DEFAULT", numbers: {} };

const sizesOf = (strategy: Strategy) => strategies.find((s) => s.id === strategy)?.sizes ?? [];

export function textOf({ numbers }: Chunking, { id, proposed }: Size): string {
  return numbers[id] ?? String(proposed);
}

/** What is wrong with the numbers, by their ids. */
export function chunkingProblems(chunking: Chunking): { [id: string]: string } {
  const problems: { [id: string]: string } = {};
  const value: { [id: string]: number } = {};
  for (const of of sizesOf(chunking.strategy)) {
    const text = textOf(chunking, of).trim();
    const n = Number(text);
    value[of.id] = n;
    if (!/^\d+$/.test(text) || n < of.lowest || n > of.highest) {
      problems[of.id] = `A whole number from ${of.lowest} to ${of.highest.toLocaleString()}.`;
    }
  }
  const { parent = 0, child = 0, overlap = 0 } = value;
  if (chunking.strategy === "HIERARCHICAL" && Object.keys(problems).length === 0) {
    if (child >= parent) problems["child"] = "A child is smaller than its parent.";
    else if (overlap >= child) problems["overlap"] = "The overlap is smaller than a child.";
  }
  return problems;
}

/** What CreateDataSource wants; undefined for the default. The numbers have no problems. */
export function ingestion(chunking: Chunking): VectorIngestionConfiguration | undefined {
  const n = Object.fromEntries(sizesOf(chunking.strategy).map((of) => [of.id, Number(textOf(chunking, of))]));
  const of = (id: string) => n[id] ?? 0;
  const given = (c: ChunkingConfiguration) => ({ chunkingConfiguration: c });
  switch (chunking.strategy) {
    case "DEFAULT":
      return undefined;
    case "NONE":
      return given({ chunkingStrategy: "NONE" });
    case "FIXED_SIZE":
      return given({
        chunkingStrategy: "FIXED_SIZE",
        fixedSizeChunkingConfiguration: { maxTokens: of("tokens"), overlapPercentage: of("overlap") },
      });
    case "HIERARCHICAL":
      return given({
        chunkingStrategy: "HIERARCHICAL",
        hierarchicalChunkingConfiguration: {
          levelConfigurations: [{ maxTokens: of("parent") }, { maxTokens: of("child") }],
          overlapTokens: of("overlap"),
        },
      });
    case "SEMANTIC":
      return given({
        chunkingStrategy: "SEMANTIC",
        semanticChunkingConfiguration: {
          maxTokens: of("tokens"),
          bufferSize: of("buffer"),
          breakpointPercentileThreshold: of("percentile"),
        },
      });
  }
}

/** The same as the command line writes it: "fixed:300,20"; undefined for the default. */
export function flag(chunking: Chunking): string | undefined {
  const words = { FIXED_SIZE: "fixed", HIERARCHICAL: "hierarchical", SEMANTIC: "semantic", NONE: "none" };
  if (chunking.strategy === "DEFAULT") return undefined;
  const numbers = sizesOf(chunking.strategy).map((of) => textOf(chunking, of).trim());
  const word = words[chunking.strategy];
  return numbers.length === 0 ? word : `${word}:${numbers.join(",")}`;
}

/** How a data source cuts its documents, in words. */
export function describeChunking(config: VectorIngestionConfiguration | undefined): string {
  const c = config?.chunkingConfiguration;
  if (!c) return "Default";
  const { fixedSizeChunkingConfiguration: f, hierarchicalChunkingConfiguration: h } = c;
  const s = c.semanticChunkingConfiguration;
  if (f) return `Fixed size, ${f.maxTokens} tokens, ${f.overlapPercentage} % overlap`;
  if (h) {
    const levels = h.levelConfigurations.map((l) => l.maxTokens).join(" and ");
    return `Hierarchical, ${levels} tokens, ${h.overlapTokens} overlap`;
  }
  if (s) {
    return `Semantic, ${s.maxTokens} tokens, buffer ${s.bufferSize}, percentile ${s.breakpointPercentileThreshold}`;
  }
  return c.chunkingStrategy === "NONE" ? "None" : "Default";
}
