import Link from "@cloudscape-design/components/link";
import type { ReactNode } from "react";
import { useHref, useNavigate, useSearchParams } from "react-router";

/** A link within the console, by the path that the router knows. */
export function To({ path, children }: { path: string; children: ReactNode }) {
  const href = useHref(path);
  const navigate = useNavigate();
  return (
    <Link
      href={href}
      onFollow={(event) => {
        event.preventDefault();
        void navigate(path);
      }}
    >
      {children}
    </Link>
  );
}

/** A tab that stands in the address, beside what else is there. */
export function useTab(first: string): [string, (tab: string) => void] {
  const [params, setParams] = useSearchParams();
  return [
    params.get("tab") ?? first,
    (tab) =>
      setParams((was) => {
        const next = new URLSearchParams(was);
        next.set("tab", tab);
        return next;
      }),
  ];
}

export const pathOf = {
  user: (name: string) => `/access/users/${encodeURIComponent(name)}`,
  group: (name: string) => `/access/groups/${encodeURIComponent(name)}`,
  role: (name: string) => `/access/roles/${encodeURIComponent(name)}`,
  policy: (arn: string) => `/access/policies/${arn.split("/").map(encodeURIComponent).join("/")}`,
};

/** What comes before the name in an ARN of a policy of AWS's own, which nobody changes. */
export function isManagedByAWS(arn: string | undefined): boolean {
  return /^arn:[^:]+:iam::aws:policy\//.test(arn ?? "");
}

/** The name at the end of an ARN. */
export function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

/** Whether there are so many options that only those that can be seen are put into the document. */
export function manyOptions(options: readonly unknown[] | undefined): boolean {
  return (options?.length ?? 0) > 200;
}
