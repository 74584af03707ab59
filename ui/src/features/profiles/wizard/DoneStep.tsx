import {
  Button,
  MessageBar,
  MessageBarBody,
  makeStyles,
  Subtitle1,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useNavigate } from "@tanstack/react-router";
import { ErrorPanel } from "../../../components/ErrorPanel";
import { Ladder } from "../../../components/Ladder";
import { forgetLadders, useLive } from "../../../lib/live";
import { useAction, useDo } from "../../../lib/queries";
import { howFar, isOver } from "../../../lib/test-progress";
import { testIds } from "../../../lib/testids";
import { count, word } from "../../../lib/words";

const useStyles = makeStyles({
  page: { display: "grid", gap: tokens.spacingVerticalL },
  title: { margin: 0 },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  ladders: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(300px, 100%), 1fr))",
    gap: tokens.spacingHorizontalXXL,
    alignItems: "start",
  },
});

/** So many mailboxes show their rungs here; more are looked at on the page of their test. */
const SHOWN = 20;

/** After writing: prove the new mailboxes right here, by a job as everywhere; its rungs appear as they are climbed. */
export function DoneStep({ profile, addresses }: { profile: string; addresses: string[] }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const approve = useDo("approve_mailboxes");
  const start = useDo("start_test_enable");
  const id = start.data?.progress.id ?? "";
  const detail = useAction("test_job", { id }, { enabled: id !== "", refetchEvery: 10_000 });
  const live = useLive();
  const run = async () => {
    forgetLadders(addresses);
    await approve.mutateAsync({ addresses });
    await start.mutateAsync({ addresses });
  };
  const error = approve.error ?? start.error;
  const progress = (detail.data?.job ?? start.data)?.progress;
  const over = progress !== undefined && isOver(progress);
  const busy = approve.isPending || start.isPending || (progress !== undefined && !over);
  return (
    <div className={styles.page} data-testid={testIds.wizardDone}>
      <Subtitle1 as="h2" className={styles.title}>
        {profile} was created
        {addresses.length > 0 && `, with ${count(addresses.length, "mailbox", "mailboxes")}`}
      </Subtitle1>
      {addresses.length > 0 && !progress && (
        <Text>
          Before a mailbox is synchronized it is approved, and proven by a test: Tandem signs in, reads, and
          sends a message to itself.
        </Text>
      )}
      {error && <ErrorPanel error={error} />}
      {detail.error && <ErrorPanel error={detail.error} onRetry={() => void detail.refetch()} />}
      {addresses.slice(0, SHOWN).map((address) => {
        const ladders = start.isIdle ? [] : (live.ladders.get(address) ?? []);
        if (ladders.length === 0) return null;
        return (
          <div key={address} className={styles.ladders}>
            {ladders.map((l) => (
              <Ladder
                key={l.workload}
                workload={l.workload}
                title={`${address}, ${word("workload", l.workload).toLowerCase()}`}
                rungs={l.rungs}
                result={l.result}
              />
            ))}
          </div>
        );
      })}
      {progress && !over && <Text role="status">Tested: {howFar(progress)}</Text>}
      {progress && over && (
        <MessageBar intent={progress.failed > 0 ? "warning" : "success"} layout="multiline">
          <MessageBarBody>
            {count(progress.succeeded, "workload")} enabled
            {progress.failed > 0 && `, ${progress.failed} failed: see what the rungs say`}
            {progress.skipped > 0 && `, ${progress.skipped} skipped`}.
          </MessageBarBody>
        </MessageBar>
      )}
      <div className={styles.actions}>
        {addresses.length > 0 && (
          <Button
            appearance={over && progress.failed === 0 ? "secondary" : "primary"}
            disabled={busy}
            onClick={() => void run().catch(() => undefined)}
            data-testid={testIds.wizardTestEnable}
          >
            {busy
              ? "Testing…"
              : `Approve and Test & Enable ${count(addresses.length, "mailbox", "mailboxes")}`}
          </Button>
        )}
        {progress && (
          <Button
            onClick={() => void navigate({ to: "/mailboxes/tests", search: { job: progress.id } })}
            data-testid={testIds.wizardTestJob}
          >
            Show this test
          </Button>
        )}
        <Button onClick={() => void navigate({ to: "/mailboxes" })}>Go to mailboxes</Button>
        <Button onClick={() => void navigate({ to: "/" })}>Go to Home</Button>
      </div>
    </div>
  );
}
