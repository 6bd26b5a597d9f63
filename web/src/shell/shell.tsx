import AppLayout from "@cloudscape-design/components/app-layout";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import SideNavigation, { type SideNavigationProps } from "@cloudscape-design/components/side-navigation";
import TopNavigation, { type TopNavigationProps } from "@cloudscape-design/components/top-navigation";
import { Suspense, useCallback, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { Route, Routes, useHref, useLocation, useNavigate } from "react-router";
import { placeOf, regions } from "@/api/regions";
import { Client } from "@/client/client";
import { CallingContext } from "@/client/hooks";
import { asServiceError } from "@/client/errors";
import { Loading } from "@/components/loading";
import mark from "@/mark.svg";
import { groups, pages, type Page } from "@/pages";
import { useSession, useSessionControl } from "@/session/provider";
import { Boundary } from "./boundary";
import { BreadcrumbsProvider, useCrumbs } from "./breadcrumbs";
import { ExpiryWarning } from "./expiry";
import { NotFound } from "./not-found";
import { Notifications, NotificationsProvider, useNotify } from "./notifications";
import { useAppearance, useStored, type ModeChoice } from "./preferences";
import { useRegionChoice } from "./region";

/** Everything around a page, for who has signed in. */
export function Shell() {
  const session = useSession();
  const [region, setRegion] = useRegionChoice(session.region);
  return (
    <NotificationsProvider>
      <Calls region={region}>
        <BreadcrumbsProvider>
          <Top region={region} setRegion={setRegion} />
          <Layout />
          <ExpiryWarning />
        </BreadcrumbsProvider>
      </Calls>
    </NotificationsProvider>
  );
}

function Calls({ region, children }: { region: string; children: ReactNode }) {
  const { ended, csrf } = useSessionControl();
  // One client for all regions, so that a stream that is running goes on when another one is chosen.
  const now = useRef(region);
  useLayoutEffect(() => {
    now.current = region;
  }, [region]);
  // oxlint-disable-next-line react/refs -- it is read when something is called, not while rendering
  const client = useMemo(() => new Client({ region: () => now.current, csrf, ended }), [csrf, ended]);
  const calling = useMemo(() => ({ client, region }), [client, region]);
  return <CallingContext.Provider value={calling}>{children}</CallingContext.Provider>;
}

function Top({ region, setRegion }: { region: string; setRegion: (region: string) => void }) {
  const session = useSession();
  const { signOut } = useSessionControl();
  const notify = useNotify();
  const navigate = useNavigate();
  const home = useHref("/");
  const { mode, setMode, compact, setCompact } = useAppearance();
  const base = import.meta.env.BASE_URL;

  const check = (on: boolean) => ({ itemType: "checkbox" as const, checked: on });
  const utilities: TopNavigationProps.Utility[] = [
    {
      type: "menu-dropdown",
      text: placeOf(region),
      title: region,
      ariaLabel: `Region: ${placeOf(region)}`,
      disableUtilityCollapse: true,
      expandableGroups: false,
      items: regions.map(({ group, regions: list }) => ({
        id: group,
        text: group,
        items: list.map(([code, place]) => ({
          id: code,
          text: place,
          secondaryText: code,
          ...check(code === region),
        })),
      })),
      onItemClick: ({ detail }) => setRegion(detail.id),
    },
    {
      type: "menu-dropdown",
      iconName: "settings",
      ariaLabel: "Settings",
      title: "Settings",
      items: [
        {
          text: "Colours",
          items: (["system", "light", "dark"] as const).map((id) => ({
            id,
            text: { system: "As the system", light: "Light", dark: "Dark" }[id],
            ...check(mode === id),
          })),
        },
        { text: "Density", items: [{ id: "compact", text: "Compact", ...check(compact) }] },
        { id: "licenses", text: "Licences", href: `${base}licenses.md`, external: true },
      ],
      onItemClick: ({ detail }) => {
        if (detail.id === "compact") setCompact(!compact);
        else if (detail.id !== "licenses") setMode(detail.id as ModeChoice);
      },
    },
    {
      type: "menu-dropdown",
      text: session.principal.name,
      description: session.principal.arn,
      iconName: "user-profile",
      items: session.signIn === "off" ? [] : [{ id: "sign-out", text: "Sign out" }],
      onItemClick: () => {
        signOut().catch((thrown: unknown) => notify.failed(asServiceError(thrown), "You are still signed in"));
      },
    },
  ];
  return (
    <div id="top">
      <TopNavigation
        identity={{
          href: home,
          title: "Outcrop",
          // At the narrowest the title is left out, and the picture is all that the link says.
          logo: { src: mark, alt: "Outcrop" },
          onFollow: (event) => {
            event.preventDefault();
            void navigate("/");
          },
        }}
        utilities={utilities}
      />
    </div>
  );
}

function pageAt(pathname: string): Page | undefined {
  const first = pathname.split("/")[1] ?? "";
  return pages.find((page) => page.path === first);
}

function Layout() {
  const session = useSession();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const base = useHref("/").replace(/\/$/, "");
  const [open, setOpen] = useStored("navigation", true);
  const [wide] = useState(() => matchMedia("(min-width: 689px)").matches);
  const crumbs = useCrumbs();
  const page = pageAt(pathname);

  const shown = useMemo(() => pages.filter((p) => p.when?.(session) !== false), [session]);
  const items = useMemo(
    () =>
      groups.flatMap((group): SideNavigationProps.Item[] => {
        const links = shown
          .filter((p) => p.group === group)
          .map((p) => ({ type: "link" as const, text: p.title, href: `${base}/${p.path}` }));
        if (links.length === 0) return [];
        return group === "" ? links : [{ type: "section", text: group, items: links }];
      }),
    [base, shown],
  );

  const follow = useCallback(
    (event: CustomEvent<{ href?: string; external?: boolean }>) => {
      const { href, external } = event.detail;
      if (external || !href?.startsWith(`${base}/`)) return;
      event.preventDefault();
      void navigate(href.slice(base.length));
    },
    [base, navigate],
  );

  return (
    <AppLayout
      headerSelector="#top"
      toolsHide
      navigationOpen={wide ? open : undefined}
      onNavigationChange={({ detail }) => setOpen(detail.open)}
      navigation={
        <SideNavigation
          header={{ text: `Account ${session.principal.account}`, href: `${base}/` }}
          activeHref={`${base}/${page?.path ?? "none"}`}
          items={items}
          onFollow={follow}
        />
      }
      breadcrumbs={
        page && page.path !== "" ? (
          <BreadcrumbGroup
            items={[
              { text: "Outcrop", href: `${base}/` },
              { text: page.title, href: `${base}/${page.path}` },
              ...crumbs.map(({ text, path }) => ({ text, href: `${base}/${path}` })),
            ]}
            onFollow={follow}
          />
        ) : undefined
      }
      notifications={<Notifications />}
      content={
        <Boundary key={page?.path ?? "none"}>
          <Suspense fallback={<Loading />}>
            <Routes>
              {shown.map(({ path, Component }) => (
                <Route key={path} path={path === "" ? "/" : `${path}/*`} element={<Component />} />
              ))}
              <Route path="*" element={<NotFound />} />
            </Routes>
          </Suspense>
        </Boundary>
      }
    />
  );
}
