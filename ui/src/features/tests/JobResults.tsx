import { makeStyles, mergeClasses, SearchBox, Text, ToggleButton, tokens } from "@fluentui/react-components";
import { MailInboxRegular } from "@fluentui/react-icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import type { TestProgressView, TestResultView } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Facts } from "../../components/Facts";
import { EmptyState, Loading } from "../../components/Page";
import { SidePanel } from "../../components/SidePanel";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { type Column, VirtualTable } from "../../components/VirtualTable";
import { useCompact } from "../../lib/appearance";
import { useAction, useSettled } from "../../lib/queries";
import { resultFilters } from "../../lib/test-progress";
import { testIds } from "../../lib/testids";
import { count, word } from "../../lib/words";

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
  two: { gridTemplateColumns: "minmax(0, 1fr) minmax(320px, 38%)" },
  list: { display: "flex", flexDirection: "column", minHeight: 0, minWidth: 0 },
  quiet: { color: tokens.colorNeutralForeground3 },
});

/** So many results are asked for at once; more when one scrolls to their end. */
const PAGE = 200;

const keyOf = (r: TestResultView) => `${r.mailbox} ${r.workload}`;

/** Where it broke, or why nothing was tried. */
const why = (r: TestResultView): string =>
  r.error
    ? `${r.rung ? `${word("rung", r.rung)}: ` : "Nothing was tried: "}${r.error.message}`
    : (r.reason ?? (r.state === "waiting" && r.batch ? `Batch ${r.batch}` : ""));

const COLUMNS: Column<TestResultView>[] = [
  { id: "mailbox", title: "Mailbox", width: "minmax(180px, 1.2fr)", cell: (r) => r.mailbox },
  {
    id: "workload",
    title: "Workload",
    width: "minmax(90px, 0.5fr)",
    cell: (r) => word("workload", r.workload),
  },
  {
    id: "state",
    title: "Result",
    width: "minmax(120px, 0.6fr)",
    cell: (r) => <StatusLabel status={r.state} kind="test" />,
  },
  { id: "why", title: "Why", width: "minmax(200px, 2fr)", cell: why, extra: true },
  {
    id: "ended",
    title: "Ended",
    width: "minmax(110px, 0.6fr)",
    cell: (r) => <TimeText at={r.ended_at} />,
    extra: true,
  },
];

/** The results of a job, one row for each workload of each mailbox. */
export function JobResults({ id, progress }: { id: string; progress: TestProgressView }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const search = useSearch({ from: "/mailboxes/tests" });
  const [limit, setLimit] = useState(PAGE);
  const compact = useCompact(1280);
  const stacked = useCompact(1000);
  const settled = useSettled(search.q ?? "");
  const found = useAction(
    "test_results",
    { id, state: search.state ?? null, search: settled, offset: 0, limit },
    { keep: "previous" },
  );
  const set = (change: Partial<typeof search>) =>
    void navigate({ to: "/mailboxes/tests", search: { ...search, ...change }, replace: true });
  const rows = found.data?.results ?? [];
  const total = found.data?.total ?? 0;
  const open = rows.find((r) => keyOf(r) === search.open);
  const more = useCallback(() => setLimit((now) => (now < total ? now + PAGE : now)), [total]);

  return (
    <>
      <div className={styles.bar}>
        <SearchBox
          className={styles.search}
          placeholder="Search address"
          aria-label="Search results"
          value={search.q ?? ""}
          onChange={(_, d) => set({ q: d.value || undefined })}
          data-testid={testIds.testJobSearch}
        />
        <ToggleButton
          size="small"
          shape="circular"
          checked={!search.state}
          onClick={() => set({ state: undefined })}
          data-testid={testIds.testJobFilter("all")}
        >
          All
        </ToggleButton>
        {resultFilters(progress, search.state).map(([state, n]) => (
          <ToggleButton
            key={state}
            size="small"
            shape="circular"
            checked={search.state === state}
            onClick={() => set({ state })}
            data-testid={testIds.testJobFilter(state)}
          >
            {word("test", state)} {n.toLocaleString()}
          </ToggleButton>
        ))}
        <Text className={styles.quiet}>{found.data && count(total, "result")}</Text>
      </div>
      {found.error && <ErrorPanel error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Loading what="results" />}
      {found.data && total === 0 && (
        <EmptyState icon={<MailInboxRegular />} title="No result passes the filter" />
      )}
      {total > 0 && (
        <div className={mergeClasses(styles.columns, open && !stacked && styles.two)}>
          {(!open || !stacked) && (
            <div className={styles.list}>
              <VirtualTable
                label="Results"
                rows={rows}
                columns={COLUMNS}
                rowKey={keyOf}
                rowName={(r) => `${r.mailbox}, ${word("workload", r.workload)}, ${word("test", r.state)}`}
                rowTestId={(r) => testIds.testResultRow(r.mailbox, r.workload)}
                open={search.open ?? null}
                onOpen={(r) => set({ open: keyOf(r) })}
                total={total}
                compact={Boolean(open) || compact}
                onEnd={more}
              />
            </div>
          )}
          {open && <Result result={open} onClose={() => set({ open: undefined })} />}
        </div>
      )}
    </>
  );
}

function Result({ result, onClose }: { result: TestResultView; onClose: () => void }) {
  return (
    <SidePanel
      title={`${result.mailbox}, ${word("workload", result.workload).toLowerCase()}`}
      testId="test-result"
      onClose={onClose}
    >
      {result.error && <ErrorPanel error={result.error} />}
      <Facts
        facts={[
          ["Result", <StatusLabel key="s" status={result.state} kind="test" />],
          ["Broke at", result.rung && word("rung", result.rung)],
          ["Why", result.error && !result.rung ? "Nothing was tried" : result.reason],
          ["Batch", result.batch],
          ["Started", result.started_at && <TimeText key="b" at={result.started_at} />],
          ["Ended", result.ended_at && <TimeText key="e" at={result.ended_at} />],
          [
            "Mailbox",
            <AppLink key="m" to="/mailboxes" search={{ open: result.mailbox }}>
              Open {result.mailbox}
            </AppLink>,
          ],
        ]}
      />
    </SidePanel>
  );
}
