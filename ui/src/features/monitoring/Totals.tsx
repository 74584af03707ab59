import { makeStyles, Text, tokens } from "@fluentui/react-components";
import type { MonitoringPage } from "../../bindings";
import { StatusLabel } from "../../components/StatusLabel";
import { testIds } from "../../lib/testids";
import { count } from "../../lib/words";

const useStyles = makeStyles({
  row: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(100%, 230px), 1fr))",
    gap: tokens.spacingHorizontalM,
  },
  tile: {
    display: "grid",
    alignContent: "start",
    gap: tokens.spacingVerticalXXS,
    padding: tokens.spacingHorizontalM,
    borderRadius: tokens.borderRadiusLarge,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground1,
    minWidth: 0,
    overflowWrap: "anywhere",
  },
  states: { display: "flex", flexWrap: "wrap", columnGap: tokens.spacingHorizontalM },
  title: { margin: 0, color: tokens.colorNeutralForeground3 },
});

const POOLS: Record<string, string> = {
  incoming: "incoming",
  outgoing: "outgoing",
  operations: "operations",
};

/** Workloads by state, what waits, and permits in use. */
export function Totals({ page }: { page: MonitoringPage }) {
  const styles = useStyles();
  const { totals, load } = page;
  const states: [string, number][] = [
    ["stopped", totals.stopped],
    ["late", totals.late],
    ["unproven", totals.unproven],
    ["ok", totals.ok],
  ];
  const n = (value: number) => value.toLocaleString();
  const busy = (load?.profiles ?? []).filter((one) => one.used > 0 || one.waiting > 0);
  return (
    <div className={styles.row} data-testid={testIds.monitoringTotals}>
      <section className={styles.tile} aria-label="Workloads by state">
        <Text as="h2" size={200} className={styles.title}>
          {count(totals.workloads, "workload")} of {count(totals.mailboxes, "mailbox", "mailboxes")}
        </Text>
        <div className={styles.states}>
          {states
            .filter(([state, many]) => many > 0 || state === "ok")
            .map(([state, many]) => (
              <span key={state}>
                <StatusLabel status={state} /> {n(many)}
              </span>
            ))}
        </div>
        {totals.failing > 0 && <Text>{count(totals.failing, "last cycle")} failed</Text>}
      </section>
      <section className={styles.tile} aria-label="Queues">
        <Text as="h2" size={200} className={styles.title}>
          Due and waiting
        </Text>
        <Text>
          {n(totals.incoming_waiting)} incoming, {n(totals.outgoing_waiting)} outgoing,{" "}
          {n(totals.operations_waiting)} tests
        </Text>
        <Text>
          {count(totals.emails_pending, "email")} to send
          {totals.emails_held > 0 && `, ${n(totals.emails_held)} held back by a limit`};{" "}
          {count(totals.messages_owed, "message")} owed
        </Text>
      </section>
      <section className={styles.tile} aria-label="Permits in use">
        <Text as="h2" size={200} className={styles.title}>
          Permits in use
        </Text>
        {load ? (
          <>
            <Text>
              {load.pools
                .map((one) => `${POOLS[one.pool] ?? one.pool} ${n(one.used)} of ${n(one.permits)}`)
                .join(", ")}
            </Text>
            {busy.slice(0, 3).map((one) => (
              <Text key={one.profile} size={200}>
                {one.profile}: {n(one.used)} of {n(one.permits)} connections, {n(one.listening)} listening
                {one.waiting > 0 && `, ${n(one.waiting)} waiting`}
              </Text>
            ))}
            {busy.length > 3 && <Text size={200}>and {n(busy.length - 3)} more profiles</Text>}
          </>
        ) : (
          <Text>No engine runs, so nothing is synchronized now.</Text>
        )}
      </section>
    </div>
  );
}
