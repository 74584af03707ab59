import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import type { SkippedView, TestEnableRequest, TestJobView, TestPlanView } from "../bindings";
import { useAction, useDo } from "../lib/queries";
import { testIds } from "../lib/testids";
import { exact } from "../lib/time";
import { count, word } from "../lib/words";
import { ErrorPanel } from "./ErrorPanel";
import { Loading } from "./Page";

const useStyles = makeStyles({
  content: { display: "grid", gap: tokens.spacingVerticalM, overflowWrap: "anywhere" },
  list: {
    margin: 0,
    paddingInlineStart: tokens.spacingHorizontalXL,
    display: "grid",
    gap: tokens.spacingVerticalXS,
    maxHeight: "180px",
    overflow: "auto",
  },
  quiet: { color: tokens.colorNeutralForeground3 },
});

/** So many skipped workloads are named; the rest is counted. */
const NAMED = 20;

/** What Test & Enable would do, before it does anything: how many, when, and what is left out. */
export function TestPlanDialog(props: {
  request: TestEnableRequest;
  onClose: () => void;
  onStarted: (job: TestJobView) => void;
}) {
  const styles = useStyles();
  const plan = useAction("plan_test_enable", props.request);
  const settings = useAction("settings", {});
  const start = useDo("start_test_enable");
  const number = plan.data?.mailboxes ?? 0;
  return (
    <Dialog open modalType="modal" onOpenChange={(_, d) => !d.open && props.onClose()}>
      <DialogSurface data-testid={testIds.testPlan}>
        <DialogBody>
          <DialogTitle>Test & enable {count(number, "mailbox", "mailboxes")}</DialogTitle>
          <DialogContent className={styles.content}>
            {plan.isPending && <Loading what="the plan" />}
            {plan.error && <ErrorPanel error={plan.error} onRetry={() => void plan.refetch()} />}
            {plan.data && (
              <Plan plan={plan.data} held={settings.data?.process_email_using === "email_router"} />
            )}
            {start.error && <ErrorPanel error={start.error} />}
          </DialogContent>
          <DialogActions fluid>
            <Button onClick={props.onClose}>Not now</Button>
            <Button
              appearance="primary"
              disabled={number === 0 || start.isPending}
              onClick={() => start.mutate(props.request, { onSuccess: props.onStarted })}
              data-testid={testIds.testPlanStart}
            >
              Test & enable {count(number, "mailbox", "mailboxes")}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

function Plan({ plan, held }: { plan: TestPlanView; held: boolean }) {
  const styles = useStyles();
  if (plan.mailboxes === 0)
    return (
      <>
        <Text>Nothing can be tested: every chosen mailbox would be skipped.</Text>
        <Skipped skipped={plan.skipped} />
      </>
    );
  return (
    <>
      <Text>
        Tandem signs in, reads one message without changing it, and sends{" "}
        {plan.messages === 0
          ? "nothing"
          : plan.messages === 1
            ? "one message from the mailbox to itself"
            : `${plan.messages.toLocaleString()} messages, one from each mailbox to itself`}
        . What works is enabled
        {held
          ? ", and synchronized as soon as Process email using is set to Server-Side Synchronization"
          : " and synchronized from then on"}
        .
      </Text>
      {plan.batches.length === 1 ? (
        <Text>It runs at once.</Text>
      ) : (
        <>
          <Text>
            At most {count(plan.batch_mailboxes, "mailbox", "mailboxes")} every{" "}
            {count(plan.batch_hours, "hour")}, queues first. Both numbers are in Settings.
          </Text>
          <ol className={styles.list} aria-label="Batches">
            {plan.batches.map((batch) => (
              <li key={batch.number}>
                {batch.number === 1 ? "At once" : <time dateTime={batch.due_at}>{exact(batch.due_at)}</time>}:{" "}
                {count(batch.mailboxes, "mailbox", "mailboxes")}
                {batch.queues > 0 && ` (${count(batch.queues, "queue")})`}{" "}
                <span className={styles.quiet}>
                  {batch.first}
                  {batch.last !== batch.first && ` to ${batch.last}`}
                </span>
              </li>
            ))}
          </ol>
          <Text className={styles.quiet}>
            Later batches run while Tandem or its service runs, also after a restart.
          </Text>
        </>
      )}
      <Skipped skipped={plan.skipped} />
    </>
  );
}

function Skipped({ skipped }: { skipped: SkippedView[] }) {
  const styles = useStyles();
  if (skipped.length === 0) return null;
  return (
    <div>
      <Text weight="semibold">{count(skipped.length, "workload")} will be skipped</Text>
      <ul className={styles.list}>
        {skipped.slice(0, NAMED).map((one) => (
          <li key={`${one.mailbox} ${one.workload}`}>
            {one.mailbox}, {word("workload", one.workload).toLowerCase()}: {one.why}
          </li>
        ))}
        {skipped.length > NAMED && <li>and {(skipped.length - NAMED).toLocaleString()} more</li>}
      </ul>
    </div>
  );
}
