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
import { useDo } from "../../../lib/queries";
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

/** After writing: prove the new mailboxes right here. */
export function DoneStep({ profile, addresses }: { profile: string; addresses: string[] }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const approve = useDo("approve_mailboxes");
  const test = useDo("test_enable");
  const live = useLive();
  const run = async () => {
    forgetLadders(addresses);
    await approve.mutateAsync({ addresses });
    await test.mutateAsync({ addresses });
  };
  const error = approve.error ?? test.error;
  const busy = approve.isPending || test.isPending;
  return (
    <div className={styles.page} data-testid={testIds.wizardDone}>
      <Subtitle1 as="h2" className={styles.title}>
        {profile} was created
        {addresses.length > 0 && `, with ${count(addresses.length, "mailbox", "mailboxes")}`}
      </Subtitle1>
      {addresses.length > 0 && !test.data && (
        <Text>
          Before a mailbox is synchronized it is approved, and proven by a test: Tandem signs in, reads, and
          sends a message to itself.
        </Text>
      )}
      {error && <ErrorPanel error={error} />}
      {(busy || test.data) &&
        addresses.map((address) => (
          <div key={address} className={styles.ladders}>
            {(live.ladders.get(address) ?? []).map((l) => (
              <Ladder
                key={l.workload}
                workload={l.workload}
                title={`${address}, ${word("workload", l.workload).toLowerCase()}`}
                rungs={l.rungs}
                result={l.result}
              />
            ))}
          </div>
        ))}
      {test.data && (
        <MessageBar intent={test.data.failed > 0 ? "warning" : "success"} layout="multiline">
          <MessageBarBody>
            {count(test.data.succeeded, "workload")} enabled
            {test.data.failed > 0 && `, ${test.data.failed} failed: see what the rungs say`}
            {test.data.skipped > 0 && `, ${test.data.skipped} skipped`}.
          </MessageBarBody>
        </MessageBar>
      )}
      <div className={styles.actions}>
        {addresses.length > 0 && (
          <Button
            appearance={test.data?.failed === 0 ? "secondary" : "primary"}
            disabled={busy}
            onClick={() => void run().catch(() => undefined)}
            data-testid={testIds.wizardTestEnable}
          >
            {busy
              ? "Testing…"
              : `Approve and Test & Enable ${count(addresses.length, "mailbox", "mailboxes")}`}
          </Button>
        )}
        <Button onClick={() => void navigate({ to: "/mailboxes" })}>Go to mailboxes</Button>
        <Button onClick={() => void navigate({ to: "/" })}>Go to Home</Button>
      </div>
    </div>
  );
}
