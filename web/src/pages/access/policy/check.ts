import { statementsOf, memberOf, readJson, type JsonMember, type JsonNode } from "./json";

/** Whose policy a text is: that decides what may stand in it. */
export type PolicyKind = "managed" | "inline" | "trust";

export interface Problem {
  /** A policy with an error is refused. A warning is a policy that may not do what is meant. */
  severity: "error" | "warning";
  start: number;
  end: number;
  text: string;
  /** What may be put in place of what stands there. */
  fixes?: string[];
}

/** The actions that the server knows, and what it takes to look them up fast. */
export interface KnownActions {
  all: readonly string[];
  lower: ReadonlyMap<string, string>;
  /** By the part in front of the colon. */
  services: ReadonlyMap<string, readonly string[]>;
}

export function knownActions(all: readonly string[]): KnownActions {
  const services = new Map<string, string[]>();
  for (const action of all) {
    const service = action.slice(0, action.indexOf(":"));
    services.set(service, [...(services.get(service) ?? []), action]);
  }
  return { all, lower: new Map(all.map((action) => [action.toLowerCase(), action])), services };
}

const elements = ["Version", "Id", "Statement"];
const statementElements = [
  "Sid",
  "Effect",
  "Principal",
  "NotPrincipal",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Condition",
];
const operators = [
  "StringEquals",
  "StringNotEquals",
  "StringEqualsIgnoreCase",
  "StringNotEqualsIgnoreCase",
  "StringLike",
  "StringNotLike",
  "NumericEquals",
  "NumericNotEquals",
  "NumericLessThan",
  "NumericLessThanEquals",
  "NumericGreaterThan",
  "NumericGreaterThanEquals",
  "DateEquals",
  "DateNotEquals",
  "DateLessThan",
  "DateLessThanEquals",
  "DateGreaterThan",
  "DateGreaterThanEquals",
  "Bool",
  "BinaryEquals",
  "IpAddress",
  "NotIpAddress",
  "ArnEquals",
  "ArnNotEquals",
  "ArnLike",
  "ArnNotLike",
  "Null",
];

/** How many characters a policy may have, white space aside; the limit of inline policies is for all of them together. */
export const longest: { [kind in PolicyKind]: number } = { managed: 6144, inline: 10_240, trust: 2048 };

/** As much as IAM takes at all. What is longer is not looked at. */
export const mostText = 131_072;

/** It takes a while to find what may be meant, and nobody reads more than these. */
const mostSuggested = 20;

/** How many characters of a text count. */
export function sizeOf(text: string): number {
  return text.replace(/\s/g, "").length;
}

/** How many changes of letters make a of b, and no more than is worth knowing. */
export function distance(a: string, b: string, most = 4): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (before[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    before = row;
  }
  return before[b.length] ?? most + 1;
}

/** Those of a list that look most like a word. */
export function similar(word: string, list: readonly string[], most = 3): string[] {
  const lower = word.toLowerCase();
  return list
    .map((one) => ({ one, far: one.toLowerCase() === lower ? 0 : distance(lower, one.toLowerCase()) }))
    .filter(({ far }) => far <= 4 && far < Math.max(2, word.length / 2))
    .toSorted((a, b) => a.far - b.far)
    .slice(0, most)
    .map(({ one }) => one);
}

/** Actions that may be meant by one that nobody knows. */
export function similarActions(action: string, known: KnownActions, most = 3): string[] {
  const [service = "", name = ""] = action.split(":", 2);
  const within = known.services.get(service.toLowerCase());
  const found = similar(action, within ?? known.all, most);
  if (found.length > 0 || name === "") return found;
  // The right name at the wrong service, or a piece of a name.
  const lower = name.toLowerCase();
  const same = known.all.filter((one) => one.toLowerCase().endsWith(`:${lower}`));
  const part = (within ?? []).filter((one) => lower.length > 3 && one.toLowerCase().includes(lower));
  return [...same, ...part].slice(0, most);
}

/** Whether an action with wildcards covers one that the server knows. */
function covers(pattern: string, known: KnownActions): boolean {
  const expression = new RegExp(
    `^${pattern
      .toLowerCase()
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replace(/\*+/g, ".*")
      .replaceAll("?", ".")}$`,
  );
  return known.all.some((action) => expression.test(action.toLowerCase()));
}

/** What is wrong with a policy, the first things first. Actions are compared with those that are known, if any are. */
export function checkPolicy(text: string, kind: PolicyKind, known?: KnownActions): Problem[] {
  if (text.length > mostText) {
    const says = `${text.length.toLocaleString()} characters are more than any policy has.`;
    return [{ severity: "error", start: 0, end: 1, text: says }];
  }
  const { root, fault } = readJson(text);
  if (fault)
    return [{ severity: "error", start: fault.at, end: Math.min(fault.at + 1, text.length), text: fault.text }];
  if (!root) return [];
  const checker = new Checker(kind, known);
  checker.document(root, text);
  return checker.problems.toSorted((a, b) => a.start - b.start);
}

class Checker {
  readonly problems: Problem[] = [];
  readonly #kind: PolicyKind;
  readonly #known: KnownActions | undefined;
  readonly #sids = new Map<string, number>();
  #suggested = 0;

  constructor(kind: PolicyKind, known: KnownActions | undefined) {
    this.#kind = kind;
    this.#known = known;
  }

  #say(severity: Problem["severity"], at: { start: number; end: number }, text: string, fixes?: string[]) {
    const problem: Problem = { severity, start: at.start, end: at.end, text };
    if (fixes && fixes.length > 0) problem.fixes = fixes;
    this.problems.push(problem);
  }

  #error(at: { start: number; end: number }, text: string, fixes?: string[]) {
    this.#say("error", at, text, fixes);
  }

  /** Names that are not there or there twice. */
  #names(members: readonly JsonMember[], allowed: readonly string[] | undefined, of: string) {
    const seen = new Set<string>();
    for (const member of members) {
      if (seen.has(member.name)) this.#error(member, `${member.name} stands here twice.`);
      seen.add(member.name);
      if (allowed && !allowed.includes(member.name)) {
        const fixes = similar(member.name, allowed, 1).map((name) => JSON.stringify(name));
        this.#error(member, `A ${of} has no ${JSON.stringify(member.name)}.`, fixes);
      }
    }
  }

  document(root: JsonNode, text: string) {
    if (root.kind !== "object") return this.#error(root, "A policy is an object: { … }.");
    this.#names(root.members ?? [], elements, "policy");
    const version = memberOf(root, "Version");
    const now = JSON.stringify("2012-10-17");
    if (version && version.value !== "2012-10-17" && (version.value !== "2008-10-17" || this.#kind === "managed")) {
      this.#error(version, `The version of the policy language is ${now}.`, [now]);
    }
    if (!version && this.#kind === "managed") {
      this.#error({ start: root.start, end: root.start + 1 }, `"Version": ${now} is missing.`);
    }
    const statement = memberOf(root, "Statement");
    if (!statement) return this.#error({ start: root.start, end: root.start + 1 }, '"Statement" is missing.');
    if (statement.kind !== "object" && statement.kind !== "array") {
      return this.#error(statement, "Statement is a list of statements: [{ … }].");
    }
    const statements = statementsOf(root);
    if (statements.length === 0) this.#error(statement, "There is no statement.");
    for (const one of statements) this.#statement(one);
    const size = sizeOf(text);
    if (size > longest[this.#kind]) {
      const limit = longest[this.#kind].toLocaleString();
      this.#error(
        { start: root.start, end: root.start + 1 },
        `${size.toLocaleString()} characters, white space aside; ${limit} are allowed.`,
      );
    }
  }

  #statement(one: JsonNode) {
    if (one.kind !== "object") return this.#error(one, "A statement is an object: { … }.");
    this.#names(one.members ?? [], statementElements, "statement");
    const of = (name: string) => memberOf(one, name);
    const named = (name: string) => one.members?.find((m) => m.name === name);
    const top = { start: one.start, end: one.start + 1 };

    const effect = of("Effect");
    if (!effect) this.#error(top, 'The statement has no "Effect".');
    else if (effect.value !== "Allow" && effect.value !== "Deny") {
      this.#error(effect, "Effect is Allow or Deny.", ['"Allow"', '"Deny"']);
    }
    this.#sid(of("Sid"));
    for (const [a, b] of [
      ["Action", "NotAction"],
      ["Resource", "NotResource"],
      ["Principal", "NotPrincipal"],
    ] as const) {
      const both = named(b);
      if (both && of(a)) this.#error(both, `A statement has ${a} or ${b}, not both.`);
    }

    const actions = of("Action") ?? of("NotAction");
    if (!actions) this.#error(top, 'The statement has no "Action".');
    else for (const action of this.#strings(actions, "An action")) this.#action(action);
    if (actions?.items?.length === 0) this.#error(actions, "There is no action.");

    const principal = named("Principal") ?? named("NotPrincipal");
    const resources = named("Resource") ?? named("NotResource");
    if (this.#kind === "trust") {
      if (!principal) this.#error(top, 'A trust policy says who by "Principal".');
      else this.#principal(principal);
      if (resources) this.#error(resources, "A trust policy has no resources.");
    } else {
      if (principal) this.#error(principal, "What is attached to users, groups and roles has no principal.");
      if (!resources) this.#error(top, 'The statement has no "Resource".');
      else for (const resource of this.#strings(resources.value, "A resource")) this.#resource(resource);
      if (resources?.value.items?.length === 0) this.#error(resources.value, "There is no resource.");
    }
    const condition = of("Condition");
    if (condition) this.#condition(condition);
  }

  #sid(sid: JsonNode | undefined) {
    if (!sid) return;
    if (typeof sid.value !== "string") return this.#error(sid, "Sid is a string.");
    if (!/^[0-9A-Za-z]*$/.test(sid.value)) this.#error(sid, "Sid has letters and digits only.");
    if (sid.value !== "" && this.#sids.has(sid.value)) this.#error(sid, "Another statement has this Sid.");
    this.#sids.set(sid.value, sid.start);
  }

  /** The strings of a string or list of strings. */
  #strings(node: JsonNode, what: string): JsonNode[] {
    const all = node.items ?? [node];
    const strings = all.filter((one) => typeof one.value === "string");
    for (const one of all) if (!strings.includes(one)) this.#error(one, `${what} is a string.`);
    return strings;
  }

  #action(node: JsonNode) {
    const action = String(node.value);
    if (action === "*") {
      if (this.#kind === "trust") this.#error(node, "A trust policy is about actions of STS.", ['"sts:AssumeRole"']);
      return;
    }
    if (!/^[A-Za-z0-9-]+:\S+$/.test(action)) {
      const known = this.#known ? similarActions(`:${action}`, this.#known) : [];
      return this.#error(
        node,
        "An action is a service, a colon and a name, such as bedrock:InvokeModel.",
        known.map((one) => JSON.stringify(one)),
      );
    }
    if (this.#kind === "trust" && !/^sts:/i.test(action)) {
      return this.#error(node, "A trust policy is about actions of STS.", ['"sts:AssumeRole"']);
    }
    const known = this.#known;
    if (!known || known.lower.has(action.toLowerCase())) return;
    if (/[*?]/.test(action)) {
      if (covers(action, known)) return;
      return this.#say("warning", node, `${action} covers no action that this server knows.`);
    }
    const fixes =
      this.#suggested++ < mostSuggested ? similarActions(action, known).map((one) => JSON.stringify(one)) : [];
    this.#say("warning", node, `This server knows no action ${action}.`, fixes);
  }

  #resource(node: JsonNode) {
    const resource = String(node.value);
    if (resource === "*") return;
    if (!resource.includes(":")) {
      return this.#error(node, 'A resource is an ARN or "*".');
    }
    const [scheme, partition = "", service = ""] = resource.split(":");
    if (scheme !== "arn") this.#say("warning", node, 'An ARN begins with "arn:".');
    else if (!/^(aws|aws-cn|aws-us-gov|aws-iso|aws-iso-b|aws-iso-e|aws-iso-f|aws-eusc|\*)$/.test(partition)) {
      this.#error(node, `There is no partition ${JSON.stringify(partition)}: arn:aws:…`);
    } else if (service === "" || /[*?]/.test(service)) {
      this.#error(node, "The service of an ARN is named, without wildcards.");
    } else if (
      /^arn:aws[^:]*:bedrock:[^:]*:[^:]+:foundation-model\//.test(resource) &&
      !resource.includes(":*:foundation-model/")
    ) {
      const fixed = resource.replace(/^(arn:[^:]*:bedrock:[^:]*:)[^:]+(:foundation-model\/)/, "$1$2");
      this.#say("warning", node, "Foundation models belong to nobody: the account of their ARNs is empty.", [
        JSON.stringify(fixed),
      ]);
    }
  }

  #principal(member: JsonMember) {
    const { value } = member;
    if (member.name === "NotPrincipal") return this.#error(member, "A trust policy has no NotPrincipal.");
    if (value.value === "*") return this.#error(value, 'Everybody is {"AWS": "*"}.', ['{"AWS": "*"}']);
    if (value.kind !== "object")
      return this.#error(value, 'A principal is an object such as {"AWS": "arn:aws:iam::…"}.');
    this.#names(value.members ?? [], ["AWS", "Service", "Federated", "CanonicalUser"], "principal");
    if (value.members?.length === 0) this.#error(value, "There is no principal.");
    for (const one of value.members ?? []) this.#strings(one.value, "A principal");
  }

  #condition(condition: JsonNode) {
    if (condition.kind !== "object") return this.#error(condition, "Condition is an object.");
    for (const operator of condition.members ?? []) {
      const bare = operator.name.replace(/^(ForAnyValue|ForAllValues):/i, "").replace(/IfExists$/i, "");
      if (!operators.some((o) => o.toLowerCase() === bare.toLowerCase())) {
        const fixes = similar(bare, operators).map((o) => JSON.stringify(operator.name.replace(bare, o)));
        this.#error(operator, `There is no condition operator ${JSON.stringify(operator.name)}.`, fixes);
      }
      if (operator.value.kind !== "object") {
        this.#error(operator.value, 'An operator compares keys: {"aws:RequestedRegion": "us-east-1"}.');
        continue;
      }
      this.#names(operator.value.members ?? [], undefined, "condition");
      for (const key of operator.value.members ?? []) {
        for (const one of key.value.items ?? [key.value]) {
          if (one.kind === "object" || one.kind === "array" || one.value === null) {
            this.#error(one, "A condition compares with a string, number or boolean, or a list of them.");
          }
        }
      }
    }
  }
}

/**
 * The place in a policy that a refusal of the server is about. AWS's texts name none: it is that of the first error that
 * is found here too, or of the string that the text quotes, or undefined.
 */
export function placeOfRefusal(
  message: string,
  text: string,
  kind: PolicyKind,
): { start: number; end: number } | undefined {
  const first = checkPolicy(text, kind).find((problem) => problem.severity === "error");
  if (first) return { start: first.start, end: first.end };
  const { root } = readJson(text);
  if (!root) return undefined;
  let best: JsonNode | undefined;
  const walk = (node: JsonNode) => {
    if (typeof node.value === "string" && node.value.length > 2 && message.includes(node.value)) {
      if (!best || node.value.length > String(best.value).length) best = node;
    }
    for (const member of node.members ?? []) walk(member.value);
    for (const item of node.items ?? []) walk(item);
  };
  walk(root);
  return best && { start: best.start, end: best.end };
}

/** Each statement as a policy of its own, with its place: what is asked to find the one that is refused. */
export function statementPolicies(text: string): { start: number; end: number; policy: string }[] {
  const { root } = readJson(text);
  return statementsOf(root).map(({ start, end }) => ({
    start,
    end,
    policy: `{"Version":"2012-10-17","Statement":[${text.slice(start, end)}]}`,
  }));
}
