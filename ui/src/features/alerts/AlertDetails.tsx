import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useState } from "react";
import type { AlertView } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Facts } from "../../components/Facts";
import { RemedyButton } from "../../components/RemedyButton";
import { SidePanel } from "../../components/SidePanel";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { alertAsText } from "../../lib/errors";
import { useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { word } from "../../lib/words";

const useStyles = makeStyles({
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  words: {
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    margin: 0,
  },
});

/** One alert: what happened, the next step with its button, and everything that is known about it. */
export function AlertDetails({ alert, onClose }: { alert: AlertView; onClose: () => void }) {
  const styles = useStyles();
  const dismiss = useDo("dismiss_alerts");
  const [copied, setCopied] = useState(false);
  return (
    <SidePanel title={alert.object} testId={testIds.alertDetails} onClose={onClose}>
      <StatusLabel status={alert.level} kind="level" />
      <Text>{alert.message}</Text>
      <Text weight="semibold">{alert.remedy}</Text>
      <div className={styles.actions}>
        <RemedyButton alert={alert} />
        {!alert.cleared_at && (
          <Button
            disabled={dismiss.isPending}
            onClick={() => dismiss.mutate({ ids: [alert.id] }, { onSuccess: onClose })}
            data-testid={testIds.alertDismiss}
          >
            Dismiss
          </Button>
        )}
        <Button
          appearance="transparent"
          onClick={() => {
            void navigator.clipboard?.writeText(alertAsText(alert)).catch(() => undefined);
            setCopied(true);
          }}
        >
          {copied ? "Copied" : "Copy details"}
        </Button>
      </div>
      {dismiss.error && <ErrorPanel error={dismiss.error} />}
      <Facts
        facts={[
          ["About", <ObjectLink key="o" alert={alert} />],
          ["Workload", alert.workload && word("workload", alert.workload)],
          ["Profile", alert.scope === "profile" ? null : alert.profile],
          ["Who can do it", word("who", alert.who)],
          ["Seen by", alert.audience.map((one) => word("audience", one)).join(", ")],
          ["First seen", <TimeText key="f" at={alert.first_seen} />],
          ["Last seen", <TimeText key="l" at={alert.last_seen} />],
          ["How often", alert.count.toLocaleString()],
          ["Tried again", alert.retry_at && <TimeText key="r" at={alert.retry_at} />],
          ["Over since", alert.cleared_at && <TimeText key="c" at={alert.cleared_at} />],
          ["Code", alert.code],
          [
            "In its own words",
            alert.server_said && (
              <pre key="w" className={styles.words}>
                {alert.server_said}
              </pre>
            ),
          ],
        ]}
      />
    </SidePanel>
  );
}

/** A link to what an alert is about. */
export function ObjectLink({ alert }: { alert: AlertView }) {
  if (alert.scope === "email")
    return (
      <AppLink to="/records" search={{ open: alert.object_id }}>
        {alert.object}
      </AppLink>
    );
  if (alert.scope === "profile")
    return (
      <AppLink to="/profiles" search={{ open: alert.object }}>
        {alert.object}
      </AppLink>
    );
  return (
    <AppLink to="/mailboxes" search={{ open: alert.object }}>
      {alert.object}
    </AppLink>
  );
}
