import Link, { type LinkProps } from "@cloudscape-design/components/link";
import type { ReactNode } from "react";
import { useHref, useNavigate } from "react-router";

/** A link to another place of the console, by its path without /console. */
export function To({ path, variant, children }: { path: string; variant?: LinkProps.Variant; children: ReactNode }) {
  const href = useHref(path);
  const navigate = useNavigate();
  return (
    <Link
      href={href}
      {...(variant ? { variant } : {})}
      onFollow={(event) => {
        event.preventDefault();
        void navigate(path);
      }}
    >
      {children}
    </Link>
  );
}

/** The page of a model. */
export const pathOfModel = (id: string) => `/catalog/${encodeURIComponent(id)}`;

/** The playground with a model. */
export const pathOfPlayground = (id: string) => `/playground?model=${encodeURIComponent(id)}`;
