import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { MigrationSummaryView, TestJobView } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { Confirm } from "../../components/Confirm";
import { ErrorPanel } from "../../components/ErrorPanel";
import { StatusIcon } from "../../components/StatusLabel";
import { TestPlanDialog } from "../../components/TestPlanDialog";
import { useAction, useDo } from "../../lib/queries";
import { howFar, isOver, results } from "../../lib/test-progress";
import { testIds } from "../../lib/testids";
import { count } from "../../lib/words";
import { ServersStep, type Tried, works } from "./ServersStep";
import { nextStep } from "./state";
import { useWizardStyles } from "./styles";

const useStyles = makeStyles({
  steps: { margin: 0, padding: 0, listStyle: "none", display: "grid", gap: tokens.spacingVerticalL },
  step: { display: "grid", gridTemplateColumns: "1.75rem minmax(0, 1fr)", alignItems: "start" },
  body: { display: "grid", gap: tokens.spacingVerticalS, justifyItems: "start" },
  names: {
    margin: 0,
    marginBlockStart: tokens.spacingVerticalS,
    paddingInlineStart: tokens.spacingHorizontalXL,
    maxHeight: "180px",
    overflow: "auto",
    overflowWrap: "anywhere",
  },
});

/** So many addresses are named before they are approved; the rest is counted. */
const NAMED = 200;

/** What a person does next, in order: passwords, servers, approval, tests of queues and then of users, and the switch. */
export function NextSteps(props: {
  summary: MigrationSummaryView;
  tried: Map<string, Tried>;
  onTried: (profile: string, tried: Tried) => void;
  onPasswords: () => void;
}) {
  const styles = useStyles();
  const shared = useWizardStyles();
  const { summary, tried } = props;
  const usable = summary.profiles.filter((one) => one.cannot_enable === null && one.mailboxes > 0);
  // Servers whose mailboxes are all enabled are proven by that.
  const proven = summary.to_test.length === 0 || usable.every((one) => works(tried.get(one.name)));
  const next = nextStep(summary, proven ? "proven" : "not proven");
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
                appearance={next === "passwords" ? "primary" : "secondary"}
                onClick={props.onPasswords}
                data-testid={testIds.migrationPasswords}
              >
                Enter {count(summary.passwords_missing, "password")}
              </Button>
            </>
          )}
        </Step>
        {usable.length > 0 && (
          <Step title={proven ? "2. The servers work" : "2. Try the servers"} done={proven}>
            <ServersStep
              profiles={usable}
              tried={tried}
              onTried={props.onTried}
              primary={next === "servers"}
            />
          </Step>
        )}
        <Approve addresses={summary.to_approve} primary={next === "approve"} />
        <Test summary={summary} primary={next === "test"} />
        <Switch summary={summary} primary={next === "switch"} />
      </ol>
    </section>
  );
}

/** Approval of the addresses, each named before. */
function Approve({ addresses, primary }: { addresses: string[]; primary: boolean }) {
  const styles = useStyles();
  const approve = useDo("approve_mailboxes");
  const [asking, setAsking] = useState(false);
  const n = addresses.length;
  return (
    <Step
      title={n > 0 ? `3. Approve ${count(n, "address", "addresses")}` : "3. Every address is approved"}
      done={n === 0}
    >
      {n > 0 && (
        <>
          <Text>
            Tandem reads and sends only for addresses that somebody of this organization has approved.
          </Text>
          <Button
            appearance={primary ? "primary" : "secondary"}
            disabled={approve.isPending}
            onClick={() => setAsking(true)}
            data-testid={testIds.migrationApprove}
          >
            {approve.isPending ? "Approving…" : `Look at ${count(n, "address", "addresses")} and approve…`}
          </Button>
        </>
      )}
      {approve.error && <ErrorPanel error={approve.error} />}
      {asking && (
        <Confirm
          title={`Approve ${count(n, "address", "addresses")}?`}
          no="Not now"
          yes={`Approve ${count(n, "address", "addresses")}`}
          yesTestId={testIds.migrationApproveConfirm}
          onNo={() => setAsking(false)}
          onYes={() => {
            setAsking(false);
            approve.mutate({ addresses });
          }}
        >
          Their mail may be processed from then on; nothing is read before Test & Enable. To approve only
          some, use Mailboxes.
          <ul className={styles.names}>
            {addresses.slice(0, NAMED).map((one) => (
              <li key={one}>{one}</li>
            ))}
            {n > NAMED && <li>and {(n - NAMED).toLocaleString()} more</li>}
          </ul>
        </Confirm>
      )}
    </Step>
  );
}

/** Test & Enable of everything migrated as one job: queues first, in batches with dates. */
function Test({ summary, primary }: { summary: MigrationSummaryView; primary: boolean }) {
  const navigate = useNavigate();
  const jobs = useAction("test_jobs", {});
  const [planning, setPlanning] = useState(false);
  const waiting = summary.to_test.length;
  const since = jobs.data?.filter(
    (job) => summary.applied_at !== null && job.created_at >= summary.applied_at,
  );
  const open = since?.find((job) => !isOver(job.progress));
  const latest = open ?? since?.[0];
  return (
    <Step title={waiting > 0 ? "4. Test & Enable" : "4. Every mailbox is tested"} done={waiting === 0}>
      {waiting > 0 && (
        <Text>
          {count(summary.queues_to_test, "queue")} and {count(summary.users_to_test, "user")} wait. Queues are
          tested first, then users, in batches; what will be done, and when, is shown before anything starts.
        </Text>
      )}
      {latest && <Job job={latest} />}
      {waiting > 0 && !open && (
        <Button
          appearance={primary ? "primary" : "secondary"}
          onClick={() => setPlanning(true)}
          data-testid={testIds.migrationTest}
        >
          Plan the test of {count(waiting, "mailbox", "mailboxes")}…
        </Button>
      )}
      {jobs.error && <ErrorPanel error={jobs.error} onRetry={() => void jobs.refetch()} />}
      {planning && (
        <TestPlanDialog
          request={{ addresses: summary.to_test }}
          onClose={() => setPlanning(false)}
          onStarted={(job) =>
            void navigate({ to: "/mailboxes/tests", search: { job: job.progress.id, from: "migration" } })
          }
        />
      )}
    </Step>
  );
}

function Job({ job }: { job: TestJobView }) {
  const { progress } = job;
  return (
    <Text data-testid={testIds.migrationTestJob} data-status={progress.state}>
      {isOver(progress) ? "The last test" : progress.state === "paused" ? "A test is paused" : "A test runs"}:{" "}
      {howFar(progress)}, workloads: {results(progress)}.{" "}
      <AppLink to="/mailboxes/tests" search={{ job: progress.id, from: "migration" }}>
        {progress.failed > 0 ? "See what failed and why" : "See its results"}
      </AppLink>
    </Text>
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

/** *Process email using*: says what it means before it is changed, either way. */
function Switch({ summary, primary }: { summary: MigrationSummaryView; primary: boolean }) {
  const settings = useAction("settings", {});
  const save = useDo("save_settings");
  const [asking, setAsking] = useState<"here" | "router" | null>(null);
  const here = summary.process_email_using === "server_side_synchronization";
  const set = (process_email_using: string) => {
    setAsking(null);
    if (settings.data) save.mutate({ ...settings.data, process_email_using });
  };
  return (
    <Step
      title={
        here
          ? "5. Email is processed by Server-Side Synchronization"
          : "5. Set Process email using to Server-Side Synchronization"
      }
      done={here}
    >
      <Text>{summary.delivery_switch}</Text>
      {save.error && <ErrorPanel error={save.error} />}
      {settings.error && <ErrorPanel error={settings.error} />}
      {here && summary.to_test.length > 0 && (
        <>
          <Text>
            Does the Email Router still run? Then let it go on alone until you have tested: what is enabled is
            synchronized at once otherwise, and both would process the same email.
          </Text>
          <Button
            disabled={!settings.data || save.isPending}
            onClick={() => setAsking("router")}
            data-testid={testIds.migrationHold}
          >
            Leave it to the Email Router for the time being
          </Button>
        </>
      )}
      {!here && (
        <Button
          appearance={primary ? "primary" : "secondary"}
          disabled={!settings.data || save.isPending}
          onClick={() => setAsking("here")}
          data-testid={testIds.migrationSwitch}
        >
          Process email using Server-Side Synchronization
        </Button>
      )}
      {asking === "here" && settings.data && (
        <Confirm
          title="Process email using Server-Side Synchronization?"
          no="Not yet"
          yes="Switch; the router stops"
          yesTestId={testIds.migrationSwitchConfirm}
          onNo={() => setAsking(null)}
          onYes={() => set("server_side_synchronization")}
        >
          {summary.delivery_switch}
        </Confirm>
      )}
      {asking === "router" && settings.data && (
        <Confirm
          title="Process email using the Email Router?"
          no="Keep it here"
          yes="Leave it to the router"
          yesTestId={testIds.migrationHoldConfirm}
          onNo={() => setAsking(null)}
          onYes={() => set("email_router")}
        >
          Tandem then processes no email of this organization, of no mailbox, until you switch here. Mailboxes
          can be tested and enabled meanwhile.
        </Confirm>
      )}
    </Step>
  );
}
