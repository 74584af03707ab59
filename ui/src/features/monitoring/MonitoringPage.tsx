import {
  Button,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  makeStyles,
  mergeClasses,
  SearchBox,
  Text,
  ToggleButton,
  tokens,
} from "@fluentui/react-components";
import { ArrowDownloadRegular, DataTrendingRegular, TimerRegular } from "@fluentui/react-icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import type { MonitoringRow } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading, Page } from "../../components/Page";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { type Column, VirtualTable } from "../../components/VirtualTable";
import { useCompact } from "../../lib/appearance";
import { backend } from "../../lib/backend";
import { useAction, useDo, useSettled } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { duration } from "../../lib/time";
import { count, word } from "../../lib/words";
import { Forecast } from "./Forecast";
import { HoursChart } from "./HoursChart";
import { MonitoringDetails } from "./MonitoringDetails";
import { FILTERS, type MonitoringSearch, requestOf, sortOf, sortText } from "./select";
import { Totals } from "./Totals";

const useStyles = makeStyles({
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  search: { flex: "1 1 220px", maxWidth: "360px" },
  columns: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingHorizontalL,
    flex: 1,
    minHeight: "260px",
  },
  two: { gridTemplateColumns: "minmax(0, 1fr) minmax(380px, 42%)" },
  // With large text in a low window the parts above the table need its room: then all of it scrolls.
  list: {
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalM,
    minHeight: 0,
    minWidth: 0,
    overflowY: "auto",
    "& > *": { flexShrink: 0 },
  },
  quiet: { color: tokens.colorNeutralForeground3 },
});

/** So many rows are asked for at once; more when one scrolls to their end. */
const PAGE = 200;
/** Stands in the address for the forecast. */
const FORECAST = "forecast";

const keyOf = (row: MonitoringRow) => `${row.mailbox} ${row.workload}`;
/** The engine sorts; the table only has to know that it can be asked to. */
const byEngine = () => 0;

const COLUMNS: Column<MonitoringRow>[] = [
  {
    id: "name",
    title: "Mailbox",
    width: "minmax(170px, 1.4fr)",
    cell: (r) => <span title={r.mailbox}>{r.mailbox}</span>,
    sortBy: byEngine,
  },
  {
    id: "workload",
    title: "Workload",
    width: "minmax(84px, 0.6fr)",
    cell: (r) => word("workload", r.workload),
    sortBy: byEngine,
  },
  {
    id: "late",
    title: "State",
    width: "minmax(176px, 1.1fr)",
    cell: (r) => (
      <span title={r.why}>
        <StatusLabel status={r.state} since={r.since} />
      </span>
    ),
    sortBy: byEngine,
  },
  {
    id: "last",
    title: "Last cycle",
    width: "minmax(110px, 0.8fr)",
    cell: (r) =>
      r.running ? <StatusLabel status="running" text="Runs now" /> : <TimeText at={r.last_started} />,
    sortBy: byEngine,
  },
  {
    id: "next",
    title: "Next",
    width: "minmax(110px, 0.8fr)",
    cell: (r) => (r.next_due ? <TimeText at={r.next_due} /> : "–"),
    sortBy: byEngine,
  },
  {
    id: "why",
    title: "Why then",
    width: "minmax(180px, 1.8fr)",
    cell: (r) => <span title={r.next_why}>{r.next_why}</span>,
    extra: true,
  },
  {
    id: "duration",
    title: "Average",
    width: "minmax(78px, 0.5fr)",
    cell: (r) => (r.average_ms === null ? "–" : duration(r.average_ms)),
    sortBy: byEngine,
    extra: true,
  },
  {
    id: "rate",
    title: "An hour",
    width: "minmax(74px, 0.4fr)",
    cell: (r) => (r.messages_an_hour ?? 0).toLocaleString(),
    sortBy: byEngine,
    extra: true,
  },
  {
    id: "waiting",
    title: "Waiting",
    width: "minmax(74px, 0.4fr)",
    cell: (r) => r.waiting.toLocaleString(),
    sortBy: byEngine,
    extra: true,
  },
  {
    id: "alerts",
    title: "Alerts",
    width: "minmax(66px, 0.4fr)",
    cell: (r) => r.alerts.toLocaleString(),
    sortBy: byEngine,
    extra: true,
  },
];

/** What every workload does: its state, its last and its next cycle, and what waits. */
export function MonitoringPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const search = useSearch({ from: "/monitoring" });
  const [limit, setLimit] = useState(PAGE);
  const compact = useCompact(1480);
  const stacked = useCompact(1100);
  const settled = useSettled(search.q ?? "");
  const request = requestOf(search, settled, limit);
  const page = useAction("monitoring", request, { keep: "previous", refetchEvery: 15_000 });
  const saveTable = useDo("export_monitoring");
  const saveHistory = useDo("export_history");
  const set = (change: Partial<MonitoringSearch>) =>
    void navigate({
      to: "/monitoring",
      search: { ...search, ...change },
      replace: change.open === undefined,
    });
  const total = page.data?.matching ?? 0;
  const more = useCallback(() => setLimit((now) => (now < total ? now + PAGE : now)), [total]);
  const rows = page.data?.rows ?? [];
  const open = rows.find((row) => keyOf(row) === search.open);
  const panel = search.open === FORECAST || open;
  const narrowed = Boolean(request.filter || request.search);
  const totals = page.data?.totals;
  const many: Record<string, number> = {
    late: totals?.late ?? 0,
    stopped: totals?.stopped ?? 0,
    unproven: totals?.unproven ?? 0,
    failing: totals?.failing ?? 0,
  };
  const save = async (what: "table" | "history") => {
    const path = await backend().chooseTarget(
      what === "table" ? "Save this table" : "Save the history",
      what === "table" ? "monitoring.csv" : "history.csv",
    );
    if (!path) return;
    if (what === "table") saveTable.mutate({ ...request, path });
    else saveHistory.mutate({ path, mailbox: null, from: null, until: null });
  };
  const saved = saveTable.data ?? saveHistory.data;

  return (
    <Page
      title="Monitoring"
      description="What every workload does, when it runs next and why then."
      layout="fill"
      actions={
        <>
          <Button
            icon={<TimerRegular />}
            onClick={() => set({ open: FORECAST })}
            data-testid={testIds.monitoringForecast}
          >
            Forecast
          </Button>
          <Menu>
            <MenuTrigger disableButtonEnhancement>
              <Button icon={<ArrowDownloadRegular />} data-testid={testIds.monitoringExport}>
                Save as CSV
              </Button>
            </MenuTrigger>
            <MenuPopover>
              <MenuList>
                <MenuItem
                  onClick={() => void save("table")}
                  data-testid={testIds.monitoringExportOf("table")}
                >
                  This table
                </MenuItem>
                <MenuItem
                  onClick={() => void save("history")}
                  data-testid={testIds.monitoringExportOf("history")}
                >
                  The history, hour by hour
                </MenuItem>
              </MenuList>
            </MenuPopover>
          </Menu>
        </>
      }
    >
      {page.error && <ErrorPanel error={page.error} onRetry={() => void page.refetch()} />}
      {saveTable.error && <ErrorPanel error={saveTable.error} />}
      {saveHistory.error && <ErrorPanel error={saveHistory.error} />}
      {saved && <Text role="status">{count(saved.rows, "row")} saved.</Text>}
      {page.isPending && <Loading what="monitoring" />}
      {totals && totals.workloads === 0 && (
        <EmptyState
          icon={<DataTrendingRegular />}
          title="No workload is synchronized yet"
          actions={<AppLink to="/mailboxes">Go to Mailboxes</AppLink>}
        >
          Every mailbox whose delivery method is server-side synchronization is shown here with its cycles.
        </EmptyState>
      )}
      {page.data && totals && totals.workloads > 0 && (
        <div className={mergeClasses(styles.columns, panel && !stacked && styles.two)}>
          {(!panel || !stacked) && (
            <div className={styles.list}>
              <Totals page={page.data} />
              <HoursChart title="Messages an hour" hours={page.data.hours} />
              <div className={styles.bar} role="toolbar" aria-label="Filter">
                <SearchBox
                  className={styles.search}
                  placeholder="Search mailbox, owner, profile"
                  aria-label="Search workloads"
                  value={search.q ?? ""}
                  onChange={(_, d) => set({ q: d.value || undefined })}
                  data-testid={testIds.monitoringSearch}
                />
                <ToggleButton
                  size="small"
                  shape="circular"
                  checked={!request.filter}
                  onClick={() => set({ filter: undefined })}
                  data-testid={testIds.monitoringFilter("all")}
                >
                  All {totals.workloads.toLocaleString()}
                </ToggleButton>
                {FILTERS.map(([value, title]) => (
                  <ToggleButton
                    key={value}
                    size="small"
                    shape="circular"
                    checked={request.filter === value}
                    onClick={() => set({ filter: request.filter === value ? undefined : value })}
                    data-testid={testIds.monitoringFilter(value)}
                  >
                    {title} {many[value]?.toLocaleString()}
                  </ToggleButton>
                ))}
                <Text className={styles.quiet} aria-live="polite">
                  {count(total, "workload")}
                </Text>
              </div>
              {total === 0 ? (
                <EmptyState
                  icon={<DataTrendingRegular />}
                  title="No workload passes the filter"
                  actions={
                    narrowed && (
                      <Button onClick={() => set({ q: undefined, filter: undefined })}>Show all</Button>
                    )
                  }
                />
              ) : (
                <VirtualTable
                  label="Workloads"
                  rows={rows}
                  // Beside details there is room for what tells rows apart; the details say the rest.
                  columns={panel ? COLUMNS.filter((one) => !["last", "next"].includes(one.id)) : COLUMNS}
                  rowKey={keyOf}
                  rowName={(r) => `${r.mailbox}, ${word("workload", r.workload)}, ${word("status", r.state)}`}
                  rowTestId={(r) => testIds.monitoringRow(r.mailbox, r.workload)}
                  open={search.open ?? null}
                  onOpen={(r) => set({ open: keyOf(r) })}
                  sort={{ value: sortOf(search.sort), onChange: (sort) => set({ sort: sortText(sort) }) }}
                  total={total}
                  compact={Boolean(panel) || compact}
                  onEnd={more}
                />
              )}
            </div>
          )}
          {search.open === FORECAST && <Forecast onClose={() => set({ open: undefined })} />}
          {open && (
            <MonitoringDetails key={keyOf(open)} row={open} onClose={() => set({ open: undefined })} />
          )}
        </div>
      )}
    </Page>
  );
}
