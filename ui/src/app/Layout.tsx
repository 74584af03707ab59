import {
  Badge,
  Link,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  mergeClasses,
  tokens,
} from "@fluentui/react-components";
import {
  AlertFilled,
  AlertRegular,
  ArrowImportFilled,
  ArrowImportRegular,
  bundleIcon,
  ClipboardTextLtrFilled,
  ClipboardTextLtrRegular,
  DataTrendingFilled,
  DataTrendingRegular,
  HomeFilled,
  HomeRegular,
  MailInboxFilled,
  MailInboxRegular,
  MailReadFilled,
  MailReadRegular,
  ServerFilled,
  ServerRegular,
  SettingsFilled,
  SettingsRegular,
} from "@fluentui/react-icons";
import { Outlet, Link as RouterLink, useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { AppLink } from "../components/AppLink";
import { useCompact } from "../lib/appearance";
import { useAction } from "../lib/queries";
import { testIds } from "../lib/testids";
import { Mark } from "./Mark";

const PAGES = [
  ["home", "/", "Home", bundleIcon(HomeFilled, HomeRegular)],
  ["alerts", "/alerts", "Alerts", bundleIcon(AlertFilled, AlertRegular)],
  ["monitoring", "/monitoring", "Monitoring", bundleIcon(DataTrendingFilled, DataTrendingRegular)],
  ["profiles", "/profiles", "Profiles", bundleIcon(ServerFilled, ServerRegular)],
  ["mailboxes", "/mailboxes", "Mailboxes", bundleIcon(MailInboxFilled, MailInboxRegular)],
  ["records", "/records", "Records", bundleIcon(MailReadFilled, MailReadRegular)],
  ["ledger", "/ledger", "Ledger", bundleIcon(ClipboardTextLtrFilled, ClipboardTextLtrRegular)],
  ["migration", "/migration", "Migration", bundleIcon(ArrowImportFilled, ArrowImportRegular)],
  ["settings", "/settings", "Settings", bundleIcon(SettingsFilled, SettingsRegular)],
] as const;

const useStyles = makeStyles({
  frame: { display: "grid", gridTemplateRows: "auto minmax(0, 1fr)", height: "100%" },
  columns: { display: "grid", gridTemplateColumns: "auto minmax(0, 1fr)", minHeight: 0 },
  skip: {
    position: "absolute",
    top: tokens.spacingVerticalS,
    left: tokens.spacingHorizontalS,
    zIndex: 10,
    padding: tokens.spacingHorizontalM,
    backgroundColor: tokens.colorNeutralBackground1,
    boxShadow: tokens.shadow8,
    ":not(:focus)": { transform: "translateY(-300%)" },
  },
  nav: {
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalXXS,
    padding: `${tokens.spacingVerticalL} ${tokens.spacingHorizontalS}`,
    minWidth: "200px",
    backgroundColor: tokens.colorNeutralBackground3,
    borderRight: `1px solid ${tokens.colorNeutralStroke2}`,
    overflow: "auto",
    boxSizing: "border-box",
  },
  rail: { minWidth: 0 },
  brand: {
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalS,
    padding: `0 ${tokens.spacingHorizontalS} ${tokens.spacingVerticalL}`,
    fontSize: tokens.fontSizeBase400,
    fontWeight: tokens.fontWeightSemibold,
  },
  item: {
    position: "relative",
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalM,
    minHeight: "36px",
    paddingInline: tokens.spacingHorizontalM,
    borderRadius: tokens.borderRadiusMedium,
    color: tokens.colorNeutralForeground2,
    textDecorationLine: "none",
    ":hover": {
      backgroundColor: tokens.colorNeutralBackground3Hover,
      color: tokens.colorNeutralForeground2Hover,
    },
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: "-2px" },
  },
  here: {
    backgroundColor: tokens.colorNeutralBackground1,
    color: tokens.colorNeutralForeground1,
    fontWeight: tokens.fontWeightSemibold,
    "::before": {
      content: '""',
      position: "absolute",
      insetBlock: "8px",
      left: 0,
      width: "3px",
      borderRadius: "2px",
      backgroundColor: tokens.colorCompoundBrandForeground1,
    },
  },
  icon: { fontSize: "20px", display: "inline-flex", flexShrink: 0 },
  iconHere: { color: tokens.colorCompoundBrandForeground1 },
  label: { flex: 1 },
  hidden: {
    position: "absolute",
    width: "1px",
    height: "1px",
    overflow: "hidden",
    clipPath: "inset(50%)",
    whiteSpace: "nowrap",
  },
  badge: { flexShrink: 0 },
  badgeRail: { position: "absolute", top: "2px", right: "2px" },
  main: { overflow: "auto", minWidth: 0, minHeight: 0, outlineStyle: "none", position: "relative" },
  banner: { borderRadius: 0 },
});

/** The frame of every page: where one is, where one can go, and whether this is practice. */
export function Layout() {
  const styles = useStyles();
  const home = useAction("home", {}, { refetchEvery: 30_000 });
  const compact = useCompact();
  const path = useLocation({ select: (location) => location.pathname });
  const first = useRef(true);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the title takes the focus whenever the page changes
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    // A frame can be late; whoever types by then in the new page is not interrupted.
    const frame = requestAnimationFrame(() => {
      const main = document.getElementById("main");
      const here = document.activeElement;
      if (here === main || !main?.contains(here)) document.getElementById("page-title")?.focus();
    });
    return () => cancelAnimationFrame(frame);
  }, [path]);

  const attention = home.data?.needs_attention.length ?? 0;
  return (
    <div className={styles.frame}>
      <div>
        <Link
          className={styles.skip}
          href="#main"
          onClick={(event) => {
            event.preventDefault();
            document.getElementById("main")?.focus();
          }}
        >
          Skip to content
        </Link>
        {home.data?.practice && (
          <MessageBar intent="warning" className={styles.banner} data-testid={testIds.practiceBanner}>
            <MessageBarBody>
              <MessageBarTitle>Practice organization</MessageBarTitle>
              People, mailboxes and mail are made up; nothing leaves this computer.
            </MessageBarBody>
            <MessageBarActions>
              <AppLink to="/settings">End practice in Settings</AppLink>
            </MessageBarActions>
          </MessageBar>
        )}
      </div>
      <div className={styles.columns}>
        <nav className={mergeClasses(styles.nav, compact && styles.rail)} aria-label="Pages">
          <div className={styles.brand}>
            <Mark />
            {!compact && "Tandem"}
          </div>
          {PAGES.map(([id, to, title, Icon]) => {
            const here = to === "/" ? path === "/" : path.startsWith(to);
            const badge = id === "home" && attention > 0;
            return (
              <RouterLink
                key={id}
                to={to}
                className={mergeClasses(styles.item, here && styles.here)}
                aria-current={here ? "page" : undefined}
                title={compact ? title : undefined}
                data-testid={testIds.nav(id)}
              >
                <span className={mergeClasses(styles.icon, here && styles.iconHere)} aria-hidden="true">
                  <Icon filled={here} />
                </span>
                <span className={compact ? styles.hidden : styles.label}>{title}</span>
                {badge && (
                  <Badge
                    color="danger"
                    size={compact ? "small" : "medium"}
                    className={compact ? styles.badgeRail : styles.badge}
                    aria-label={`${attention} need attention`}
                  >
                    {attention}
                  </Badge>
                )}
              </RouterLink>
            );
          })}
        </nav>
        <main id="main" className={styles.main} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </div>
  );
}
