import Link from "@cloudscape-design/components/link";
import type { ReactNode } from "react";
import { useHref, useNavigate } from "react-router";

/** A link to a quota. */
export function QuotaLink({ code, children }: { code: string; children: ReactNode }) {
  const path = `/quotas/quota/${encodeURIComponent(code)}`;
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
