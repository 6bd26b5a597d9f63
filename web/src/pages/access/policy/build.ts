/** What the small form asks for: who has the policy may use these models in these regions. */
export interface Permission {
  /** IDs of base models; empty: all of them. */
  models: readonly string[];
  /** Empty: all of them. */
  regions: readonly string[];
  /** By Converse and InvokeModel, and by those that stream. */
  whole: boolean;
  streaming: boolean;
  /** Also through inference profiles, which may answer in other regions. */
  profiles: boolean;
  /** Also to see which models and profiles there are. */
  lists: boolean;
}

interface Statement {
  Sid: string;
  Effect: "Allow";
  Action: string[];
  Resource: string | string[];
  Condition?: object;
}

export function partitionOf(region: string): string {
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  if (region.startsWith("cn-")) return "aws-cn";
  return "aws";
}

const one = (list: string[]): string | string[] => (list.length === 1 ? (list[0] ?? "*") : list);

/** The policy that a permission makes, as text. */
export function buildPolicy(permission: Permission, account: string): string {
  const { models, regions, whole, streaming, profiles, lists } = permission;
  const actions = [
    ...(whole ? ["bedrock:InvokeModel"] : []),
    ...(streaming ? ["bedrock:InvokeModelWithResponseStream"] : []),
  ];
  const at = regions.length === 0 ? ["*"] : regions;
  const ids = models.length === 0 ? ["*"] : models;
  // All regions are those of all partitions: GovCloud's models have ARNs of another one.
  const partition = (region: string) => (region === "*" ? "*" : partitionOf(region));
  const arn = (region: string, owner: string, resource: string) =>
    `arn:${partition(region)}:bedrock:${region}:${owner}:${resource}`;
  const statements: Statement[] = [];
  if (actions.length > 0) {
    statements.push({
      Sid: "UseModels",
      Effect: "Allow",
      Action: actions,
      Resource: one(at.flatMap((region) => ids.map((id) => arn(region, "", `foundation-model/${id}`)))),
    });
  }
  if (actions.length > 0 && profiles) {
    // The ID of a profile is that of its model behind a geography: us.amazon.nova-lite-v1:0.
    const through = at.flatMap((region) =>
      ids.map((id) => arn(region, account, id === "*" ? "inference-profile/*" : `inference-profile/*.${id}`)),
    );
    statements.push({ Sid: "UseInferenceProfiles", Effect: "Allow", Action: actions, Resource: one(through) });
    const partitions = [...new Set(at.map(partition))];
    // Where a profile answers is its own business: the models behind it are allowed anywhere, but through it alone.
    statements.push({
      Sid: "UseModelsBehindProfiles",
      Effect: "Allow",
      Action: actions,
      Resource: one(partitions.flatMap((p) => ids.map((id) => `arn:${p}:bedrock:*::foundation-model/${id}`))),
      Condition: { StringLike: { "bedrock:InferenceProfileArn": one(through) } },
    });
  }
  if (lists) {
    statements.push({
      Sid: "SeeModels",
      Effect: "Allow",
      Action: [
        "bedrock:ListFoundationModels",
        "bedrock:GetFoundationModel",
        "bedrock:ListInferenceProfiles",
        "bedrock:GetInferenceProfile",
      ],
      Resource: "*",
      ...(regions.length > 0 ? { Condition: { StringEquals: { "aws:RequestedRegion": one([...regions]) } } } : {}),
    });
  }
  return JSON.stringify({ Version: "2012-10-17", Statement: statements }, null, 2);
}
