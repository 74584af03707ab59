import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { useMemo } from "react";
import type { MonitoringRow } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Facts } from "../../components/Facts";
import { Loading } from "../../components/Page";
import { SidePanel } from "../../components/SidePanel";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { duration } from "../../lib/time";
import { count, word } from "../../lib/words";
import { Coverage } from "./Coverage";
import { HoursChart } from "./HoursChart";
import { together } from "./select";

const useStyles = makeStyles({
  list: { margin: 0, paddingInlineStart: tokens.spacingHorizontalXL, overflowWrap: "anywhere" },
  title: { margin: 0 },
  quiet: { color: tokens.colorNeutralForeground3 },
});

/** One workload: its numbers and why, its history, what was seen of its mailbox, and the alerts. */
export function MonitoringDetails({ row, onClose }: { row: MonitoringRow; onClose: () => void }) {
  const styles = useStyles();
  const history = useAction("history", { mailbox: row.mailbox, from: null, until: null });
  const alerts = useAction("alerts", { mailbox: row.mailbox });
  const hours = useMemo(() => {
    if (!history.data) return [];
    const own = history.data.hours.filter((hour) => hour.workload === row.workload);
    return together({ ...history.data, hours: own });
  }, [history.data, row.workload]);
  return (
    <SidePanel
      title={`${row.mailbox}, ${word("workload", row.workload).toLowerCase()}`}
      testId={testIds.monitoringDetails}
      onClose={onClose}
    >
      <Facts
        facts={[
          ["State", <StatusLabel key="s" status={row.state} since={row.since} />],
          ["Why", row.why],
          ["Last cycle", row.last_started ? <TimeText key="l" at={row.last_started} /> : "never"],
          ["It did", row.last_items === null ? null : did(row)],
          ["It failed", row.last_error],
          ["Next cycle", row.next_due && <TimeText key="n" at={row.next_due} />],
          ["Why then", row.next_why],
          [
            "Last 24 hours",
            `${count(row.messages_24h, "message")}, ${(row.messages_an_hour ?? 0).toLocaleString()} an hour; ${count(row.cycles_24h, "cycle")}, ${row.failures_24h.toLocaleString()} failed`,
          ],
          ["On average", row.average_ms === null ? null : `${duration(row.average_ms)} a cycle`],
          [
            row.workload === "incoming" ? "Owed" : "To be sent",
            row.waiting > 0 ? row.waiting.toLocaleString() : null,
          ],
          ["Owner", row.owner],
          [
            "Profile",
            row.profile && (
              <AppLink key="p" to="/profiles" search={{ open: row.profile }}>
                {row.profile}
              </AppLink>
            ),
          ],
          [
            "Mailbox",
            <AppLink key="m" to="/mailboxes" search={{ open: row.mailbox }}>
              Open {row.mailbox}
            </AppLink>,
          ],
        ]}
      />
      {history.error && <ErrorPanel error={history.error} onRetry={() => void history.refetch()} />}
      {history.isPending && <Loading what="history" />}
      {history.data && hours.length === 0 && (
        <Text className={styles.quiet}>No cycle ended in the last 24 hours.</Text>
      )}
      {hours.length > 0 && <HoursChart title="Its messages an hour" hours={hours} />}
      {row.workload === "incoming" && <Coverage key={row.mailbox} mailbox={row.mailbox} />}
      <Text as="h3" weight="semibold" className={styles.title}>
        Alerts
      </Text>
      {alerts.error && <ErrorPanel error={alerts.error} onRetry={() => void alerts.refetch()} />}
      {alerts.data?.length === 0 && <Text className={styles.quiet}>None: nothing needs you here.</Text>}
      {alerts.data && alerts.data.length > 0 && (
        <ul className={styles.list}>
          {alerts.data.map((alert) => (
            <li key={alert.id}>
              <StatusLabel status={alert.level} kind="level" /> {alert.message}{" "}
              <AppLink to="/alerts" search={{ open: alert.id }}>
                What to do
              </AppLink>
            </li>
          ))}
        </ul>
      )}
    </SidePanel>
  );
}

const did = (row: MonitoringRow): string =>
  `${count(row.last_items ?? 0, row.workload === "outgoing" ? "email" : "message")} in ${duration(row.last_took_ms ?? 0)}`;
