import { Badge, makeStyles, Subtitle2, Text, tokens } from "@fluentui/react-components";
import type { AlertView } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { RemedyButton } from "../../components/RemedyButton";
import { StatusIcon } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { testIds } from "../../lib/testids";
import { count } from "../../lib/words";

const useStyles = makeStyles({
  section: { display: "grid", gap: tokens.spacingVerticalM },
  title: { margin: 0, display: "flex", gap: tokens.spacingHorizontalS, alignItems: "center" },
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalS },
  alert: {
    display: "grid",
    gridTemplateColumns: "auto minmax(0, 1fr) auto",
    gap: `${tokens.spacingVerticalXXS} ${tokens.spacingHorizontalM}`,
    padding: tokens.spacingHorizontalL,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    "@media (max-width: 640px)": { gridTemplateColumns: "auto minmax(0, 1fr)" },
  },
  icon: { fontSize: "20px" },
  text: { display: "grid", gap: tokens.spacingVerticalXXS, overflowWrap: "anywhere" },
  quiet: { color: tokens.colorNeutralForeground3 },
  action: { alignSelf: "start", "@media (max-width: 640px)": { gridColumn: "2", justifySelf: "start" } },
});

/** What needs a person, worst first, each with its next step. */
export function AlertList({ alerts }: { alerts: AlertView[] }) {
  const styles = useStyles();
  return (
    <section className={styles.section} aria-label="Needs attention">
      <Subtitle2 as="h2" className={styles.title}>
        Needs attention
        {alerts.length > 0 && <Badge color="danger">{alerts.length}</Badge>}
      </Subtitle2>
      {alerts.length === 0 && <Text className={styles.quiet}>Nothing needs you.</Text>}
      <ul className={styles.list}>
        {alerts.map((alert) => (
          <li key={alert.id} className={styles.alert} data-testid={testIds.homeAlert(alert.id)}>
            <span className={styles.icon}>
              <StatusIcon status={alert.level} />
            </span>
            <div className={styles.text}>
              <AppLink to="/alerts" search={{ open: alert.id }}>
                <Text weight="semibold">{alert.object}</Text>
              </AppLink>
              <Text>{alert.message}</Text>
              <Text>{alert.remedy}</Text>
              <Text className={styles.quiet} size={200}>
                Since <TimeText at={alert.first_seen} />, seen {count(alert.count, "time")}
                {alert.retry_at && (
                  <>
                    , tried again <TimeText at={alert.retry_at} />
                  </>
                )}
              </Text>
            </div>
            <div className={styles.action}>
              <RemedyButton alert={alert} />
            </div>
          </li>
        ))}
      </ul>
      {alerts.length > 0 && <AppLink to="/alerts">All alerts</AppLink>}
    </section>
  );
}
