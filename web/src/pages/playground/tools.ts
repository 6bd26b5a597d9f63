import type { Tool } from "./conversation";

/** Bedrock's rule for names of tools. */
const toolName = /^[a-zA-Z0-9_-]{1,64}$/;

type Fault = string | undefined;

/** What is wrong with a tool's name among the others. */
export function nameFault(name: string, others: readonly Tool[]): Fault {
  if (!toolName.test(name)) return "A name has 1 to 64 letters, digits, hyphens and underscores.";
  return others.some((other) => other.name === name) ? "There is a tool of this name." : undefined;
}

const types = new Set<unknown>(["object", "array", "string", "number", "integer", "boolean", "null"]);

/** What is wrong with a schema for the input of a tool. */
export function schemaFault(schema: unknown): Fault {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return "A schema is an object.";
  const { type, properties, required } = schema as { [key: string]: unknown };
  if (type !== "object") return 'The input of a tool is an object: "type": "object".';
  if (properties !== undefined) {
    if (typeof properties !== "object" || properties === null || Array.isArray(properties)) {
      return '"properties" is an object.';
    }
    for (const [name, property] of Object.entries(properties)) {
      if (typeof property === "boolean") continue;
      if (typeof property !== "object" || property === null) return `The property "${name}" is no schema.`;
      const { type: of } = property as { type?: unknown };
      const named = Array.isArray(of) ? of : of === undefined ? [] : [of];
      const unknown = named.find((t) => !types.has(t));
      if (unknown !== undefined) return `The property "${name}" has an unknown type.`;
    }
  }
  if (required !== undefined) {
    if (!Array.isArray(required)) return '"required" is a list of names.';
    const known = new Set(Object.keys(properties ?? {}));
    const missing = required.find((name) => !known.has(String(name)));
    if (missing !== undefined) return `"required" names "${String(missing)}", which is no property.`;
  }
  return undefined;
}

/** A tool to begin with. */
export function exampleTool(others: readonly Tool[]): Tool {
  let name = "get_weather";
  for (let n = 2; others.some((other) => other.name === name); n++) name = `get_weather_${n}`;
  return {
    name,
    description: "Tells the weather of a city.",
    schema: JSON.stringify(
      {
        type: "object",
        properties: { city: { type: "string", description: "The city's name" } },
        required: ["city"],
      },
      null,
      2,
    ),
    mock: JSON.stringify({ temperature: 21, unit: "celsius", sky: "clear" }, null, 2),
    automatic: true,
  };
}
