import {
  Button,
  makeStyles,
  mergeClasses,
  SearchBox,
  Text,
  ToggleButton,
  tokens,
} from "@fluentui/react-components";
import { AlertRegular } from "@fluentui/react-icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { AlertView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading, Page } from "../../components/Page";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { type Column, type Sort, sorted, VirtualTable } from "../../components/VirtualTable";
import { useCompact } from "../../lib/appearance";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count, word } from "../../lib/words";
import { AlertDetails } from "./AlertDetails";
import { type AlertSearch, LEVELS, many, passes, rank, SCOPES } from "./select";

const useStyles = makeStyles({
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  search: { flex: "1 1 220px", maxWidth: "360px" },
  columns: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingHorizontalL,
    flex: 1,
    minHeight: 0,
  },
  two: { gridTemplateColumns: "minmax(0, 1fr) minmax(380px, 42%)" },
  list: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS, minHeight: 0, minWidth: 0 },
  quiet: { color: tokens.colorNeutralForeground3 },
});

const COLUMNS: Column<AlertView>[] = [
  {
    id: "level",
    title: "Level",
    width: "minmax(min(7.5rem, 26%), 0.6fr)",
    cell: (a) => <StatusLabel status={a.level} kind="level" />,
    sortBy: (a) => rank(a.level),
  },
  {
    id: "object",
    title: "About",
    width: "minmax(120px, 1.1fr)",
    cell: (a) => a.object,
    sortBy: (a) => a.object,
  },
  {
    id: "message",
    title: "What happened",
    width: "minmax(120px, 2fr)",
    cell: (a) => (
      <span title={a.message}>
        {a.workload && `${word("workload", a.workload)}: `}
        {a.message}
      </span>
    ),
    sortBy: (a) => a.message,
  },
  {
    id: "who",
    title: "Who",
    width: "minmax(110px, 0.8fr)",
    cell: (a) => word("who", a.who),
    sortBy: (a) => a.who,
    extra: true,
  },
  {
    id: "count",
    title: "Times",
    width: "minmax(60px, 0.3fr)",
    cell: (a) => a.count.toLocaleString(),
    sortBy: (a) => a.count,
    extra: true,
  },
  {
    id: "last",
    title: "Last seen",
    width: "minmax(90px, 0.7fr)",
    cell: (a) => <TimeText at={a.last_seen} />,
    sortBy: (a) => -Date.parse(a.last_seen),
  },
];

/** What a person should know or do: found, read, and done. */
export function AlertsPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const search = useSearch({ from: "/alerts" });
  const alerts = useAction("alerts", { include_cleared: true });
  const dismiss = useDo("dismiss_alerts");
  const [sort, setSort] = useState<Sort | null>({ column: "level", direction: "ascending" });
  const compact = useCompact(1280);
  const stacked = useCompact(1100);

  const rows = useMemo(() => {
    const found = (alerts.data ?? []).filter((a) => passes(a, search));
    return sorted(found, COLUMNS, sort);
  }, [alerts.data, search, sort]);
  const set = (change: Partial<AlertSearch>) =>
    void navigate({ to: "/alerts", search: { ...search, ...change }, replace: change.open === undefined });
  const shown = (alerts.data ?? []).filter((a) => passes(a, { show: search.show }));
  const open = alerts.data?.find((a) => a.id === search.open);
  const news = rows.filter((a) => a.level === "information" && !a.cleared_at);
  const filtered = Boolean(search.level || search.scope || search.q);
  const chip = (key: "level" | "scope", value: string, title: string) => (
    <ToggleButton
      key={value}
      size="small"
      shape="circular"
      checked={search[key] === value}
      onClick={() => set({ [key]: search[key] === value ? undefined : value })}
      data-testid={testIds.alertFilter(value)}
    >
      {title} {many(shown, key, value)}
    </ToggleButton>
  );

  return (
    <Page title="Alerts" description="What you should know or do, once per cause." layout="fill">
      {alerts.error && <ErrorPanel error={alerts.error} onRetry={() => void alerts.refetch()} />}
      {alerts.isPending && <Loading what="alerts" />}
      {dismiss.error && <ErrorPanel error={dismiss.error} />}
      {alerts.data && (
        <div className={mergeClasses(styles.columns, open && !stacked && styles.two)}>
          {(!open || !stacked) && (
            <div className={styles.list}>
              <div className={styles.bar} role="toolbar" aria-label="Filter">
                <SearchBox
                  className={styles.search}
                  placeholder="Search name, text, code"
                  aria-label="Search alerts"
                  value={search.q ?? ""}
                  onChange={(_, d) => set({ q: d.value || undefined })}
                  data-testid={testIds.alertSearch}
                />
                <ToggleButton
                  size="small"
                  shape="circular"
                  checked={search.show === "cleared"}
                  onClick={() =>
                    set({ show: search.show === "cleared" ? undefined : "cleared", open: undefined })
                  }
                  data-testid={testIds.alertFilter("cleared")}
                >
                  Over
                </ToggleButton>
                {LEVELS.map(([value, title]) => chip("level", value, title))}
                {SCOPES.map(([value, title]) => chip("scope", value, title))}
                <Text className={styles.quiet} aria-live="polite">
                  {count(rows.length, "alert")}
                </Text>
                {news.length > 0 && (
                  <Button
                    size="small"
                    appearance="subtle"
                    disabled={dismiss.isPending}
                    onClick={() => dismiss.mutate({ ids: news.map((a) => a.id) })}
                    data-testid={testIds.alertDismissNews}
                  >
                    Dismiss information ({news.length})
                  </Button>
                )}
              </div>
              {rows.length === 0 ? (
                <EmptyState
                  icon={<AlertRegular />}
                  title={filtered ? "No alert passes the filter" : nothing(search.show)}
                  actions={
                    filtered && (
                      <Button onClick={() => set({ q: undefined, level: undefined, scope: undefined })}>
                        Show all
                      </Button>
                    )
                  }
                >
                  {!filtered &&
                    "Alerts come by themselves, say what to do, and go when their cause is gone. Which levels are raised is a setting."}
                </EmptyState>
              ) : (
                <VirtualTable
                  label="Alerts"
                  rows={rows}
                  columns={open ? COLUMNS.filter((one) => one.id !== "last") : COLUMNS}
                  rowKey={(a) => a.id}
                  rowName={(a) => `${word("level", a.level)}: ${a.object}`}
                  rowTestId={(a) => testIds.alertRow(a.id)}
                  open={search.open ?? null}
                  onOpen={(a) => set({ open: a.id })}
                  sort={{ value: sort, onChange: setSort }}
                  compact={Boolean(open) || compact}
                />
              )}
            </div>
          )}
          {open && <AlertDetails key={open.id} alert={open} onClose={() => set({ open: undefined })} />}
        </div>
      )}
    </Page>
  );
}

const nothing = (show: string | undefined) =>
  show === "cleared" ? "Nothing is over yet" : "Nothing needs you";
