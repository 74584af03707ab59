import {
  createHashHistory,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouterHistory,
} from "@tanstack/react-router";
import { HomePage } from "../features/home/HomePage";
import { Layout } from "./Layout";
import { NotFound } from "./NotFound";

/** A search value as text, or nothing. */
const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

const root = createRootRoute({ component: Layout, notFoundComponent: NotFound });

const home = createRoute({ getParentRoute: () => root, path: "/", component: HomePage });

const alerts = createRoute({
  getParentRoute: () => root,
  path: "/alerts",
  validateSearch: (s): { open?: string; level?: string; scope?: string; show?: string; q?: string } => ({
    open: text(s.open),
    level: text(s.level),
    scope: text(s.scope),
    show: text(s.show),
    q: text(s.q),
  }),
  component: lazyRouteComponent(() => import("../features/alerts/AlertsPage"), "AlertsPage"),
});

const monitoring = createRoute({
  getParentRoute: () => root,
  path: "/monitoring",
  validateSearch: (s): { filter?: string; q?: string; open?: string; sort?: string } => ({
    filter: text(s.filter),
    q: text(s.q),
    open: text(s.open),
    sort: text(s.sort),
  }),
  component: lazyRouteComponent(() => import("../features/monitoring/MonitoringPage"), "MonitoringPage"),
});

const profiles = createRoute({
  getParentRoute: () => root,
  path: "/profiles",
  validateSearch: (s): { open?: string } => ({ open: text(s.open) }),
  component: lazyRouteComponent(() => import("../features/profiles/ProfilesPage"), "ProfilesPage"),
});

const profileWizard = createRoute({
  getParentRoute: () => root,
  path: "/profiles/new",
  component: lazyRouteComponent(() => import("../features/profiles/wizard/WizardPage"), "WizardPage"),
});

const mailboxes = createRoute({
  getParentRoute: () => root,
  path: "/mailboxes",
  validateSearch: (s): { open?: string; status?: string; q?: string; edit?: string } => ({
    open: text(s.open),
    status: text(s.status),
    q: text(s.q),
    edit: text(s.edit),
  }),
  component: lazyRouteComponent(() => import("../features/mailboxes/MailboxesPage"), "MailboxesPage"),
});

const tests = createRoute({
  getParentRoute: () => root,
  path: "/mailboxes/tests",
  validateSearch: (s): { job?: string; state?: string; q?: string; open?: string; from?: string } => ({
    job: text(s.job),
    from: text(s.from),
    state: text(s.state),
    q: text(s.q),
    open: text(s.open),
  }),
  component: lazyRouteComponent(() => import("../features/tests/TestsPage"), "TestsPage"),
});

const records = createRoute({
  getParentRoute: () => root,
  path: "/records",
  validateSearch: (s): { open?: string; status?: string; q?: string; mailbox?: string } => ({
    open: text(s.open),
    status: text(s.status),
    q: text(s.q),
    mailbox: text(s.mailbox),
  }),
  component: lazyRouteComponent(() => import("../features/records/RecordsPage"), "RecordsPage"),
});

const compose = createRoute({
  getParentRoute: () => root,
  path: "/records/new",
  validateSearch: (s): { reply?: string; from?: string } => ({ reply: text(s.reply), from: text(s.from) }),
  component: lazyRouteComponent(() => import("../features/records/ComposePage"), "ComposePage"),
});

const ledger = createRoute({
  getParentRoute: () => root,
  path: "/ledger",
  validateSearch: (s): { mailbox?: string; decision?: string; tab?: string; open?: string } => ({
    mailbox: text(s.mailbox),
    decision: text(s.decision),
    tab: text(s.tab),
    open: text(s.open),
  }),
  component: lazyRouteComponent(() => import("../features/ledger/LedgerPage"), "LedgerPage"),
});

const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(() => import("../features/settings/SettingsPage"), "SettingsPage"),
});

const migration = createRoute({
  getParentRoute: () => root,
  path: "/migration",
  component: lazyRouteComponent(() => import("../features/migration/MigrationPage"), "MigrationPage"),
});

const tree = root.addChildren([
  home,
  alerts,
  monitoring,
  profiles,
  profileWizard,
  mailboxes,
  tests,
  records,
  compose,
  ledger,
  migration,
  settings,
]);

/** The window's pages. Addresses live behind `#`, since the page is served from inside the application. */
export function createRoutes(history: RouterHistory = createHashHistory()) {
  return createRouter({ routeTree: tree, history, defaultPreload: "intent" });
}

export type Routes = ReturnType<typeof createRoutes>;

declare module "@tanstack/react-router" {
  interface Register {
    router: Routes;
  }
}
