import { describe, expect, test } from "vitest";
import { buildPolicy, type Permission } from "./build";
import { checkPolicy, knownActions, placeOfRefusal, similarActions, sizeOf, statementPolicies } from "./check";
import { placeOf, readJson, statementsOf } from "./json";

const known = knownActions([
  "bedrock:InvokeModel",
  "bedrock:InvokeModelWithResponseStream",
  "bedrock:ListFoundationModels",
  "iam:ListUsers",
  "s3:GetObject",
  "sts:AssumeRole",
]);

describe("readJson", () => {
  test.each([
    ["", 0, "It is empty."],
    ["  ", 0, "It is empty."],
    ['{"a": 1,}', 7, "There is a comma behind the last member."],
    ["[1, ]", 2, "There is a comma behind the last item."],
    ['{"a" 1}', 5, 'There is "1" where a colon is expected.'],
    ["{'a': 1}", 1, 'There is "\'" where the name of a member in quotes is expected.'],
    ['{"a": "b}', 6, "This string has no closing quote."],
    ['{"a": "b\n"}', 6, "This string has no closing quote."],
    ['{"a": tru}', 6, 'There is "t" where a value is expected.'],
    ['{"a": 01}', 6, 'There is "0" where a value is expected.'],
    ['{"a": 1} x', 9, "There is something behind the end of the JSON."],
    ['{"a": "\\x"}', 6, "This string has an escape or a character that JSON does not allow."],
    ['{"a": 1', 7, "The text ends too early where a comma or } is expected."],
    ["[".repeat(100_000), 65, "This is nested too deep."],
  ])("finds the fault of %.20j", (text, at, says) => {
    expect(readJson(text)).toEqual({ fault: { at, text: says } });
  });

  test.each([["[true, false, null, -1.5e3, 0]"], ['{"é\\u00e9": "\\"\\\\"}'], ['  {"a": {"b": [[]]}}\n']])(
    "takes %s as JSON.parse does",
    (text) => {
      expect(readJson(text).fault).toBeUndefined();
      expect(() => JSON.parse(text) as unknown).not.toThrow();
    },
  );

  test("knows where statements stand", () => {
    const text = '{"Statement": [{"Sid": "A"}, {"Sid": "B"}]}';
    const places = statementsOf(readJson(text).root).map(({ start, end }) => text.slice(start, end));
    expect(places).toEqual(['{"Sid": "A"}', '{"Sid": "B"}']);
    expect(statementPolicies(text).map((s) => s.policy)[1]).toBe('{"Version":"2012-10-17","Statement":[{"Sid": "B"}]}');
  });

  test("counts lines and columns from 1", () => {
    expect(placeOf("ab\ncd", 4)).toEqual({ line: 2, column: 2 });
    expect(placeOf("ab", 0)).toEqual({ line: 1, column: 1 });
  });
});

const policy = (statement: string) => `{"Version": "2012-10-17", "Statement": [${statement}]}`;
const good = '{"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}';
const trust = '{"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}';

describe("checkPolicy", () => {
  test.each([
    ["a managed policy", policy(good), "managed"],
    ["one statement without a list", `{"Version": "2012-10-17", "Statement": ${good}}`, "managed"],
    ["an inline policy without a version", `{"Statement": [${good}]}`, "inline"],
    ["a trust policy", policy(trust), "trust"],
    ["actions with wildcards", policy(good.replace("InvokeModel", "Invoke*")), "managed"],
    ["actions in another case", policy(good.replace("InvokeModel", "invokemodel")), "managed"],
    ["a resource with wildcards", policy(good.replace('"*"', '"arn:aws:bedrock:*::foundation-model/*"')), "managed"],
    [
      "a condition",
      policy(good.replace("}", ', "Condition": {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a", "b"]}}}')),
      "managed",
    ],
  ] as const)("finds nothing in %s", (_, text, kind) => {
    expect(checkPolicy(text, kind, known)).toEqual([]);
  });

  test.each([
    ["an element that is misspelled", policy(good.replace("Effect", "effect")), "managed", '"effect"', ['"Effect"']],
    ["an effect that is none", policy(good.replace("Allow", "allow")), "managed", '"allow"', ['"Allow"', '"Deny"']],
    [
      "an action without a service",
      policy(good.replace("bedrock:", "")),
      "managed",
      '"InvokeModel"',
      ['"bedrock:InvokeModel"'],
    ],
    [
      "an action that nobody knows",
      policy(good.replace("InvokeModel", "InvokModel")),
      "managed",
      '"bedrock:InvokModel"',
      ['"bedrock:InvokeModel"'],
    ],
    [
      "the right action at the wrong service",
      policy(good.replace("bedrock:InvokeModel", "bedrock:GetObject")),
      "managed",
      '"bedrock:GetObject"',
      ['"s3:GetObject"'],
    ],
    [
      "a pattern that covers nothing",
      policy(good.replace("InvokeModel", "Foo*")),
      "managed",
      '"bedrock:Foo*"',
      undefined,
    ],
    ["a resource that is no ARN", policy(good.replace('"*"', '"foo"')), "managed", '"foo"', undefined],
    [
      "an account in the ARN of a model",
      policy(good.replace('"*"', '"arn:aws:bedrock:us-east-1:123456789012:foundation-model/m"')),
      "managed",
      '"arn:aws:bedrock:us-east-1:123456789012:foundation-model/m"',
      ['"arn:aws:bedrock:us-east-1::foundation-model/m"'],
    ],
    [
      "a version that is none",
      policy(good).replace("2012-10-17", "2024-01-01"),
      "inline",
      '"2024-01-01"',
      ['"2012-10-17"'],
    ],
    [
      "the old version in a managed policy",
      policy(good).replace("2012-10-17", "2008-10-17"),
      "managed",
      '"2008-10-17"',
      ['"2012-10-17"'],
    ],
    [
      "a principal where none belongs",
      policy(trust.replace("sts:AssumeRole", "bedrock:InvokeModel").replace("}", '}, "Resource": "*"')),
      "managed",
      '"Principal"',
      undefined,
    ],
    [
      "an action that a trust policy cannot have",
      policy(trust.replace("sts:AssumeRole", "s3:GetObject")),
      "trust",
      '"s3:GetObject"',
      ['"sts:AssumeRole"'],
    ],
    [
      "a resource in a trust policy",
      policy(trust.replace(/}$/, ', "Resource": "*"}')),
      "trust",
      '"Resource"',
      undefined,
    ],
    [
      "an operator that is misspelled",
      policy(good.replace("}", ', "Condition": {"StringEqual": {"a:b": "c"}}}')),
      "managed",
      '"StringEqual"',
      ['"StringEquals"'],
    ],
    ["a name twice", policy(good.replace("}", ', "Effect": "Deny"}')), "managed", '"Effect"', undefined],
    [
      "two statements of one name",
      policy(`${good.replace("{", '{"Sid": "A", ')}, ${good.replace("{", '{"Sid": "A", ')}`),
      "managed",
      '"A"',
      undefined,
    ],
    ["a Sid with a space", policy(good.replace("{", '{"Sid": "a b", ')), "managed", '"a b"', undefined],
    ["an empty list of actions", policy(good.replace('"bedrock:InvokeModel"', "[]")), "managed", "[]", undefined],
  ] as const)("shows the place of %s", (_, text, kind, at, fixes) => {
    const problems = checkPolicy(text, kind, known);
    const places = problems.map((p) => text.slice(p.start, p.end));
    expect(places).toContain(at);
    const problem = problems.find((p) => text.slice(p.start, p.end) === at);
    if (fixes) expect(problem?.fixes).toEqual(expect.arrayContaining([...fixes].slice(0, 1)));
  });

  test("says what is missing", () => {
    const says = (text: string, kind: "managed" | "trust" = "managed") => checkPolicy(text, kind).map((p) => p.text);
    expect(says('{"Version": "2012-10-17"}')).toEqual(['"Statement" is missing.']);
    expect(says(`{"Statement": [${good}]}`)).toEqual(['"Version": "2012-10-17" is missing.']);
    expect(says(policy("{}"))).toEqual([
      'The statement has no "Effect".',
      'The statement has no "Action".',
      'The statement has no "Resource".',
    ]);
    expect(says(policy('{"Effect": "Allow", "Action": "sts:AssumeRole"}'), "trust")).toEqual([
      'A trust policy says who by "Principal".',
    ]);
    expect(says("[]")).toEqual(["A policy is an object: { … }."]);
  });

  test("counts characters without white space", () => {
    expect(sizeOf(" a\n\tb ")).toBe(2);
    const many = Array.from({ length: 300 }, (_, i) => `"arn:aws:s3:::bucket-number-${i}"`).join(", ");
    const problems = checkPolicy(policy(good.replace('"*"', `[${many}]`)), "managed", known);
    expect(problems.map((p) => p.text).join()).toContain("6,144 are allowed");
  });

  test("does not look at what is longer than any policy", () => {
    const problems = checkPolicy("[".repeat(131_073), "managed", known);
    expect(problems.map((p) => p.text)).toEqual(["131,073 characters are more than any policy has."]);
  });

  test("suggests something for the first of very many actions alone", () => {
    const many = Array.from({ length: 5000 }, (_, i) => `"bedrock:InvokModel${i}"`).join(",");
    const unknown = checkPolicy(policy(good.replace('"bedrock:InvokeModel"', `[${many}]`)), "managed", known).filter(
      (p) => p.severity === "warning",
    );
    expect(unknown).toHaveLength(5000);
    expect(unknown.filter((p) => p.fixes)).toHaveLength(20);
  });

  test("does not know actions that it was not told", () => {
    expect(checkPolicy(policy(good.replace("InvokeModel", "Anything")), "managed")).toEqual([]);
  });
});

test("suggests actions", () => {
  expect(similarActions("bedrock:InvokeModle", known)[0]).toBe("bedrock:InvokeModel");
  expect(similarActions("Bedrock:ListFoundationModel", known)[0]).toBe("bedrock:ListFoundationModels");
  expect(similarActions("bedrock:Stream", known)).toEqual(["bedrock:InvokeModelWithResponseStream"]);
  expect(similarActions("ec2:RunInstances", known)).toEqual([]);
});

test("finds what a refusal quotes", () => {
  const text = policy(`${good}, ${good.replace('"*"', '"arn:aws:s3:nowhere"')}`);
  const place = placeOfRefusal("Resource arn:aws:s3:nowhere is wrong.", text, "managed");
  expect(text.slice(place?.start, place?.end)).toBe('"arn:aws:s3:nowhere"');
  expect(placeOfRefusal("The policy failed legacy parsing", policy(good), "managed")).toBeUndefined();
});

describe("buildPolicy", () => {
  const permission: Permission = {
    models: ["amazon.nova-lite-v1:0"],
    regions: ["us-east-1"],
    whole: true,
    streaming: false,
    profiles: false,
    lists: false,
  };
  const build = (part: Partial<Permission>) => {
    const text = buildPolicy({ ...permission, ...part }, "123456789012");
    expect(checkPolicy(text, "managed", undefined)).toEqual([]);
    return (JSON.parse(text) as { Statement: object[] }).Statement;
  };

  test("names one model in one region", () => {
    expect(build({})).toEqual([
      {
        Sid: "UseModels",
        Effect: "Allow",
        Action: ["bedrock:InvokeModel"],
        Resource: "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
      },
    ]);
  });

  test("names every model in every region", () => {
    expect(build({ models: [], regions: [], streaming: true })).toMatchObject([
      {
        Action: ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
        // GovCloud's models have ARNs of another partition.
        Resource: "arn:*:bedrock:*::foundation-model/*",
      },
    ]);
  });

  test("opens the models behind profiles through them alone", () => {
    expect(build({ profiles: true, regions: ["us-east-1", "us-gov-west-1"] }).slice(1)).toMatchObject([
      {
        Resource: [
          "arn:aws:bedrock:us-east-1:123456789012:inference-profile/*.amazon.nova-lite-v1:0",
          "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/*.amazon.nova-lite-v1:0",
        ],
      },
      {
        Resource: [
          "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0",
          "arn:aws-us-gov:bedrock:*::foundation-model/amazon.nova-lite-v1:0",
        ],
        Condition: {
          StringLike: {
            "bedrock:InferenceProfileArn": [
              "arn:aws:bedrock:us-east-1:123456789012:inference-profile/*.amazon.nova-lite-v1:0",
              "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/*.amazon.nova-lite-v1:0",
            ],
          },
        },
      },
    ]);
  });

  test("lets the lists be seen in these regions", () => {
    expect(build({ whole: false, lists: true })).toMatchObject([
      { Resource: "*", Condition: { StringEquals: { "aws:RequestedRegion": "us-east-1" } } },
    ]);
  });
});
