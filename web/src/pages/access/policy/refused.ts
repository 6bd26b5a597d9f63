import { GetContextKeysForCustomPolicy } from "@/api/iam.gen";
import { asServiceError, ServiceError, type Client } from "@/client";
import { placeOfRefusal, statementPolicies, type PolicyKind } from "./check";

/** A policy that the server does not take, with the place in it that is wrong, where it can be found. */
export class RefusedPolicy extends ServiceError {
  readonly policy: string;
  readonly place: { start: number; end: number } | undefined;

  constructor(error: ServiceError, policy: string, place: { start: number; end: number } | undefined) {
    super(error);
    this.policy = policy;
    this.place = place;
  }
}

/** Does what writes a policy. When the policy is refused it finds out where it is wrong: AWS's texts do not say. */
export async function writingPolicy<O>(
  client: Client,
  policy: string,
  kind: PolicyKind,
  write: () => Promise<O>,
): Promise<O> {
  try {
    return await write();
  } catch (thrown) {
    const error = asServiceError(thrown);
    if (error.code !== "MalformedPolicyDocument") throw error;
    const place = placeOfRefusal(error.message, policy, kind) ?? (await refusedStatement(client, policy, kind));
    throw new RefusedPolicy(error, policy, place);
  }
}

/** The first statement that the server does not take on its own either. */
async function refusedStatement(client: Client, policy: string, kind: PolicyKind) {
  const statements = statementPolicies(policy);
  if (statements.length === 1) return statements[0];
  if (kind === "trust") return undefined;
  for (const statement of statements) {
    try {
      await client.call(GetContextKeysForCustomPolicy, { PolicyInputList: [statement.policy] });
    } catch (thrown) {
      return asServiceError(thrown).code === "InvalidInput" ? statement : undefined;
    }
  }
  return undefined;
}
