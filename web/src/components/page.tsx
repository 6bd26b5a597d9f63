import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import { useEffect, type ReactNode } from "react";
import { useAddCrumbs, type Crumb } from "@/shell/breadcrumbs";

const noCrumbs: readonly Crumb[] = [];

/** What every page is in: its title, what can be done, and the steps below the page in the breadcrumbs. */
export function Page({
  title,
  description,
  actions,
  crumbs = noCrumbs,
  children,
}: {
  title: string;
  description?: ReactNode;
  actions?: ReactNode;
  crumbs?: readonly Crumb[];
  children: ReactNode;
}) {
  useAddCrumbs(crumbs);
  useEffect(() => {
    document.title = `${title} - Outcrop`;
  }, [title]);
  return (
    <ContentLayout
      defaultPadding={false}
      header={
        <Header variant="h1" description={description} actions={actions}>
          {title}
        </Header>
      }
    >
      {children}
    </ContentLayout>
  );
}
