import {
  AddUserToGroup,
  AttachGroupPolicy,
  AttachRolePolicy,
  AttachUserPolicy,
  DeleteAccessKey,
  DeleteGroup,
  DeleteGroupPolicy,
  DeletePolicy,
  DeletePolicyVersion,
  DeleteRole,
  DeleteRolePolicy,
  DeleteServiceSpecificCredential,
  DeleteUser,
  DeleteUserPolicy,
  DetachGroupPolicy,
  DetachRolePolicy,
  DetachUserPolicy,
  GetGroup,
  GetGroupPolicy,
  GetRolePolicy,
  GetUserPolicy,
  ListAccessKeys,
  ListAttachedGroupPolicies,
  ListAttachedRolePolicies,
  ListAttachedUserPolicies,
  ListEntitiesForPolicy,
  ListGroupPolicies,
  ListGroupsForUser,
  ListPolicyVersions,
  ListRolePolicies,
  ListServiceSpecificCredentials,
  ListUserPolicies,
  PutGroupPolicy,
  PutRolePolicy,
  PutUserPolicy,
  RemoveUserFromGroup,
  type AttachedPolicy,
} from "@/api/iam.gen";
import type { Client } from "@/client";

/** Who can have policies. */
export interface Holder {
  sort: "user" | "group" | "role";
  name: string;
}

/** What IAM calls for each sort of holder; the operations differ by their names alone. */
export const holding = {
  attach: (client: Client, { sort, name }: Holder, arn: string): Promise<unknown> => {
    switch (sort) {
      case "user":
        return client.call(AttachUserPolicy, { UserName: name, PolicyArn: arn });
      case "group":
        return client.call(AttachGroupPolicy, { GroupName: name, PolicyArn: arn });
      case "role":
        return client.call(AttachRolePolicy, { RoleName: name, PolicyArn: arn });
    }
  },
  detach: (client: Client, { sort, name }: Holder, arn: string): Promise<unknown> => {
    switch (sort) {
      case "user":
        return client.call(DetachUserPolicy, { UserName: name, PolicyArn: arn });
      case "group":
        return client.call(DetachGroupPolicy, { GroupName: name, PolicyArn: arn });
      case "role":
        return client.call(DetachRolePolicy, { RoleName: name, PolicyArn: arn });
    }
  },
  attached: (client: Client, { sort, name }: Holder): Promise<AttachedPolicy[]> => {
    switch (sort) {
      case "user":
        return client.all(ListAttachedUserPolicies, { UserName: name }, (page) => page.AttachedPolicies);
      case "group":
        return client.all(ListAttachedGroupPolicies, { GroupName: name }, (page) => page.AttachedPolicies);
      case "role":
        return client.all(ListAttachedRolePolicies, { RoleName: name }, (page) => page.AttachedPolicies);
    }
  },
  inline: (client: Client, { sort, name }: Holder): Promise<string[]> => {
    switch (sort) {
      case "user":
        return client.all(ListUserPolicies, { UserName: name }, (page) => page.PolicyNames);
      case "group":
        return client.all(ListGroupPolicies, { GroupName: name }, (page) => page.PolicyNames);
      case "role":
        return client.all(ListRolePolicies, { RoleName: name }, (page) => page.PolicyNames);
    }
  },
  getInline: (client: Client, { sort, name }: Holder, policy: string): Promise<{ PolicyDocument: string }> => {
    switch (sort) {
      case "user":
        return client.call(GetUserPolicy, { UserName: name, PolicyName: policy });
      case "group":
        return client.call(GetGroupPolicy, { GroupName: name, PolicyName: policy });
      case "role":
        return client.call(GetRolePolicy, { RoleName: name, PolicyName: policy });
    }
  },
  putInline: (client: Client, { sort, name }: Holder, policy: string, text: string): Promise<unknown> => {
    switch (sort) {
      case "user":
        return client.call(PutUserPolicy, { UserName: name, PolicyName: policy, PolicyDocument: text });
      case "group":
        return client.call(PutGroupPolicy, { GroupName: name, PolicyName: policy, PolicyDocument: text });
      case "role":
        return client.call(PutRolePolicy, { RoleName: name, PolicyName: policy, PolicyDocument: text });
    }
  },
  deleteInline: (client: Client, { sort, name }: Holder, policy: string): Promise<unknown> => {
    switch (sort) {
      case "user":
        return client.call(DeleteUserPolicy, { UserName: name, PolicyName: policy });
      case "group":
        return client.call(DeleteGroupPolicy, { GroupName: name, PolicyName: policy });
      case "role":
        return client.call(DeleteRolePolicy, { RoleName: name, PolicyName: policy });
    }
  },
};

/** What is stale when the policies of a holder have changed. */
export const policiesOf = {
  user: [ListAttachedUserPolicies, ListUserPolicies, GetUserPolicy],
  group: [ListAttachedGroupPolicies, ListGroupPolicies, GetGroupPolicy],
  role: [ListAttachedRolePolicies, ListRolePolicies, GetRolePolicy],
} as const;

/** IAM deletes only what has nothing any more, so all of it goes first, as in AWS's console. */
export async function deleteHolder(client: Client, holder: Holder): Promise<void> {
  const { sort, name } = holder;
  for (const { PolicyArn } of await holding.attached(client, holder)) {
    if (PolicyArn) await holding.detach(client, holder, PolicyArn);
  }
  for (const policy of await holding.inline(client, holder)) await holding.deleteInline(client, holder, policy);
  switch (sort) {
    case "user": {
      const keys = await client.all(ListAccessKeys, { UserName: name }, (page) => page.AccessKeyMetadata);
      for (const { AccessKeyId } of keys) {
        if (AccessKeyId) await client.call(DeleteAccessKey, { UserName: name, AccessKeyId });
      }
      const credentials = await client.all(
        ListServiceSpecificCredentials,
        { UserName: name },
        (page) => page.ServiceSpecificCredentials,
      );
      for (const { ServiceSpecificCredentialId } of credentials) {
        await client.call(DeleteServiceSpecificCredential, { UserName: name, ServiceSpecificCredentialId });
      }
      for (const { GroupName } of await client.all(ListGroupsForUser, { UserName: name }, (page) => page.Groups)) {
        await client.call(RemoveUserFromGroup, { GroupName, UserName: name });
      }
      await client.call(DeleteUser, { UserName: name });
      return;
    }
    case "group":
      for (const { UserName } of await client.all(GetGroup, { GroupName: name }, (page) => page.Users)) {
        await client.call(RemoveUserFromGroup, { GroupName: name, UserName });
      }
      await client.call(DeleteGroup, { GroupName: name });
      return;
    case "role":
      await client.call(DeleteRole, { RoleName: name });
  }
}

/** Deletes a policy with its versions, and takes it from who has it. */
export async function deletePolicy(client: Client, arn: string): Promise<void> {
  const pages = await client.all(
    ListEntitiesForPolicy,
    { PolicyArn: arn, PolicyUsageFilter: "PermissionsPolicy" as const },
    ({ PolicyUsers = [], PolicyGroups = [], PolicyRoles = [] }): Holder[] => [
      ...PolicyUsers.map(({ UserName = "" }) => ({ sort: "user" as const, name: UserName })),
      ...PolicyGroups.map(({ GroupName = "" }) => ({ sort: "group" as const, name: GroupName })),
      ...PolicyRoles.map(({ RoleName = "" }) => ({ sort: "role" as const, name: RoleName })),
    ],
  );
  for (const holder of pages) await holding.detach(client, holder, arn);
  for (const version of await client.all(ListPolicyVersions, { PolicyArn: arn }, (page) => page.Versions)) {
    if (!version.IsDefaultVersion && version.VersionId) {
      await client.call(DeletePolicyVersion, { PolicyArn: arn, VersionId: version.VersionId });
    }
  }
  await client.call(DeletePolicy, { PolicyArn: arn });
}

/** Puts a user who is new where they belong. What could not be done is told; the user is there all the same. */
export async function equip(client: Client, holder: Holder, arns: readonly string[], groups: readonly string[]) {
  const failures: unknown[] = [];
  const attempt = async (what: Promise<unknown>) => {
    try {
      await what;
    } catch (thrown) {
      failures.push(thrown);
    }
  };
  for (const arn of arns) await attempt(holding.attach(client, holder, arn));
  for (const GroupName of groups) await attempt(client.call(AddUserToGroup, { GroupName, UserName: holder.name }));
  return failures;
}
