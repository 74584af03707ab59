import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { MigrationSummaryView } from "../../bindings";
import { Confirm } from "../../components/Confirm";
import { ErrorPanel } from "../../components/ErrorPanel";
import { StatusIcon } from "../../components/StatusLabel";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count } from "../../lib/words";
import { MOST_TESTED, nextToTest } from "./state";
import { useWizardStyles } from "./styles";

const useStyles = makeStyles({
  steps: { margin: 0, padding: 0, listStyle: "none", display: "grid", gap: tokens.spacingVerticalL },
  step: { display: "grid", gridTemplateColumns: "1.75rem minmax(0, 1fr)", alignItems: "start" },
  body: { display: "grid", gap: tokens.spacingVerticalS, justifyItems: "start" },
});

/** What a person does next, in order: passwords, tests of queues and then of users, and the switch. */
export function NextSteps(props: { summary: MigrationSummaryView; onPasswords: () => void }) {
  const styles = useStyles();
  const shared = useWizardStyles();
  const { summary } = props;
  const mailboxes = useAction("mailboxes", {});
  const queues = nextToTest(mailboxes.data ?? [], summary, "queue");
  const users = nextToTest(mailboxes.data ?? [], summary, "user");
  return (
    <section className={shared.card} aria-label="What needs you">
      <Text as="h3" weight="semibold">
        What needs you
      </Text>
      <ol className={styles.steps}>
        <Step
          title={
            summary.passwords_missing > 0
              ? `1. Enter ${count(summary.passwords_missing, "password")}`
              : "1. All passwords are there"
          }
          done={summary.passwords_missing === 0}
        >
          {summary.passwords_missing > 0 && (
            <>
              <Text>Each once, whoever uses it. They go to this computer’s credential store.</Text>
              <Button
                appearance="primary"
                onClick={props.onPasswords}
                data-testid={testIds.migrationPasswords}
              >
                Enter {count(summary.passwords_missing, "password")}
              </Button>
            </>
          )}
        </Step>
        <Step
          title={
            summary.queues_to_test + summary.users_to_test > 0
              ? "2. Approve, then Test & Enable"
              : "2. Every mailbox is tested"
          }
          done={summary.queues_to_test + summary.users_to_test === 0}
        >
          {summary.queues_to_test + summary.users_to_test > 0 && (
            <Text>
              Queues first, then users, and at most {MOST_TESTED} mailboxes every 5 hours:{" "}
              {count(summary.queues_to_test, "queue")} and {count(summary.users_to_test, "user")} wait. The
              mailboxes are listed with these selected; nothing is tested before you say so there.
            </Text>
          )}
          <div className={shared.bar}>
            <ToTest kind="queue" addresses={queues} waiting={summary.queues_to_test} first />
            <ToTest
              kind="user"
              addresses={users}
              waiting={summary.users_to_test}
              first={summary.queues_to_test === 0}
            />
          </div>
        </Step>
        <Switch summary={summary} />
      </ol>
    </section>
  );
}

function Step(props: { title: string; done: boolean; children?: ReactNode }) {
  const styles = useStyles();
  return (
    <li className={styles.step}>
      <StatusIcon status={props.done ? "ok" : "pending"} />
      <div className={styles.body}>
        <Text weight="semibold">{props.title}</Text>
        {props.children}
      </div>
    </li>
  );
}

function ToTest(props: { kind: "queue" | "user"; addresses: string[]; waiting: number; first: boolean }) {
  const navigate = useNavigate();
  if (props.waiting === 0) return null;
  const n = props.addresses.length;
  const what = count(n, props.kind);
  return (
    <Button
      appearance={props.first ? "primary" : "secondary"}
      onClick={() => void navigate({ to: "/mailboxes", search: n > 0 ? { select: props.addresses } : {} })}
      data-testid={testIds.migrationTest(props.kind)}
    >
      {n === 0
        ? `Go to mailboxes of ${props.kind}s`
        : props.waiting > n
          ? `Go to the first ${what}`
          : `Go to the ${what}`}
    </Button>
  );
}

/** *Process email using*: says what it means before it is switched. */
function Switch({ summary }: { summary: MigrationSummaryView }) {
  const settings = useAction("settings", {});
  const save = useDo("save_settings");
  const [asking, setAsking] = useState(false);
  const here = summary.process_email_using === "server_side_synchronization";
  return (
    <Step
      title={
        here
          ? "3. Email is processed by Server-Side Synchronization"
          : "3. Set Process email using to Server-Side Synchronization"
      }
      done={here}
    >
      <Text>{summary.delivery_switch}</Text>
      {save.error && <ErrorPanel error={save.error} />}
      {settings.error && <ErrorPanel error={settings.error} />}
      {!here && (
        <Button
          disabled={!settings.data || save.isPending}
          onClick={() => setAsking(true)}
          data-testid={testIds.migrationSwitch}
        >
          Process email using Server-Side Synchronization
        </Button>
      )}
      {asking && settings.data && (
        <Confirm
          title="Process email using Server-Side Synchronization?"
          no="Not yet"
          yes="Switch; the router stops"
          yesTestId={testIds.migrationSwitchConfirm}
          onNo={() => setAsking(false)}
          onYes={() => {
            setAsking(false);
            if (settings.data)
              save.mutate({ ...settings.data, process_email_using: "server_side_synchronization" });
          }}
        >
          {summary.delivery_switch}
        </Confirm>
      )}
    </Step>
  );
}
