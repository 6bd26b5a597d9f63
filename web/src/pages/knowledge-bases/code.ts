import type { Sample } from "@/components";

/** A value as Python writes it. */
export function python(value: unknown, indent = ""): string {
  const inner = `${indent}    `;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => `${inner}${python(item, inner)},\n`).join("")}${indent}]`;
  }
  if (typeof value === "object") {
    const members = Object.entries(value).filter(([, of]) => of !== undefined);
    if (members.length === 0) return "{}";
    return `{\n${members.map(([key, of]) => `${inner}${JSON.stringify(key)}: ${python(of, inner)},\n`).join("")}${indent}}`;
  }
  return JSON.stringify(value);
}

/** The same question by programs. */
export function samples(generate: boolean, input: object): Sample[] {
  const call = Object.entries(input)
    .filter(([, of]) => of !== undefined)
    .map(([key, of]) => `    ${key}=${python(of, "    ")},\n`)
    .join("");
  const boto = generate
    ? `answer = client.retrieve_and_generate_stream(\n${call})\nfor event in answer["stream"]:\n    if "output" in event:\n        print(event["output"]["text"], end="", flush=True)\n`
    : `found = client.retrieve(\n${call})\nfor result in found["retrievalResults"]:\n    print(result["score"], result["location"], result["content"]["text"])\n`;
  const json = JSON.stringify(input, null, 2).replaceAll("'", "'\\''");
  return [
    { label: "boto3", code: `import boto3\n\nclient = boto3.client("bedrock-agent-runtime")\n${boto}` },
    {
      label: "AWS CLI",
      code: `aws bedrock-agent-runtime ${generate ? "retrieve-and-generate" : "retrieve"} --cli-input-json '${json}'`,
    },
  ];
}
