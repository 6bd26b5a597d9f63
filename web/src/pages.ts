import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { Session } from "@/session/session";

/** A page: what stands in the side navigation, and the module that is loaded when somebody goes there. */
export interface Page {
  /** Below /console/. The page gets everything below it: it may have Routes of its own. */
  path: string;
  title: string;
  group: string;
  Component: LazyExoticComponent<ComponentType>;
  /** Whether it is of any use to who has signed in; always, where it is absent. */
  when?: (session: Session) => boolean;
}

/** Bedrock API keys open Bedrock alone, no other service. */
const notByAPIKey = (session: Session) => session.signIn !== "apiKey";

const page = (
  path: string,
  title: string,
  group: string,
  load: () => Promise<{ default: ComponentType }>,
  when?: (session: Session) => boolean,
): Page => ({ path, title, group, Component: lazy(load), ...(when ? { when } : {}) });

/** The groups in the order of the side navigation. */
export const groups = ["", "Models", "Build", "Manage", "Observe"] as const;

/** All pages, in the order of the side navigation. Each is a folder below pages. */
export const pages: readonly Page[] = [
  page("", "Overview", "", () => import("./pages/overview")),
  page("catalog", "Model catalog", "Models", () => import("./pages/catalog")),
  page("local-models", "Local models", "Models", () => import("./pages/local-models")),
  page("model-access", "Model access", "Models", () => import("./pages/model-access")),
  page("playground", "Playground", "Build", () => import("./pages/playground")),
  page("knowledge-bases", "Knowledge bases", "Build", () => import("./pages/knowledge-bases")),
  page("access", "Access", "Manage", () => import("./pages/access"), notByAPIKey),
  page("quotas", "Quotas", "Manage", () => import("./pages/quotas"), notByAPIKey),
  page("usage", "Usage and cost", "Observe", () => import("./pages/usage")),
  page("logs", "Logs", "Observe", () => import("./pages/logs")),
];

export { notByAPIKey };
