import { Button, makeStyles, Subtitle2, Tab, TabList, Text, tokens } from "@fluentui/react-components";
import { EditRegular, PeopleSwapRegular } from "@fluentui/react-icons";
import { useState } from "react";
import type { CycleView, MailboxView, WorkloadView } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Facts } from "../../components/Facts";
import { asLive, Ladder } from "../../components/Ladder";
import { Loading } from "../../components/Page";
import { SidePanel } from "../../components/SidePanel";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { useLive } from "../../lib/live";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { exact } from "../../lib/time";
import { count, sentence, word } from "../../lib/words";
import { MailboxForm } from "./MailboxForm";
import { RemapDialog } from "./RemapDialog";

const useStyles = makeStyles({
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  workload: {
    display: "grid",
    gap: tokens.spacingVerticalXXS,
    padding: tokens.spacingHorizontalM,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground2,
    overflowWrap: "anywhere",
  },
  head: {
    display: "flex",
    flexWrap: "wrap",
    justifyContent: "space-between",
    gap: tokens.spacingHorizontalM,
  },
  title: { margin: 0 },
  quiet: { color: tokens.colorNeutralForeground3 },
  bad: { color: tokens.colorStatusDangerForeground1 },
  stack: { display: "grid", gap: tokens.spacingVerticalM },
  cycles: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalS },
});

/** Everything about one mailbox: its workloads, its ladders, its cycles. */
export function MailboxDetails(props: {
  mailbox: MailboxView;
  others: MailboxView[];
  editing: boolean;
  testing: boolean;
  onEdit: (what: "edit" | "view") => void;
  onClose: () => void;
}) {
  const styles = useStyles();
  const { mailbox } = props;
  const detail = useAction("mailbox", { address: mailbox.email });
  const live = useLive();
  const [tab, setTab] = useState("state");
  const [remapping, setRemapping] = useState(false);
  const climbing = live.ladders.get(mailbox.email) ?? [];
  const ladders = props.testing || climbing.length > 0 ? climbing : asLive(detail.data?.last_test ?? []);
  const progress = [...live.progress.values()].filter((p) => p.mailbox === mailbox.email);

  if (props.editing)
    return (
      <SidePanel
        title={`Edit ${mailbox.email}`}
        testId={testIds.mailboxDetails}
        onClose={() => props.onEdit("view")}
      >
        <MailboxForm mailbox={mailbox} others={props.others} onDone={() => props.onEdit("view")} />
      </SidePanel>
    );

  return (
    <SidePanel title={mailbox.email} testId={testIds.mailboxDetails} onClose={props.onClose}>
      <div className={styles.actions}>
        <Button icon={<EditRegular />} onClick={() => props.onEdit("edit")} data-testid={testIds.mailboxEdit}>
          Edit
        </Button>
        <Button
          icon={<PeopleSwapRegular />}
          onClick={() => setRemapping(true)}
          data-testid={testIds.mailboxRemap}
        >
          Change owner
        </Button>
      </div>
      <TabList
        selectedValue={props.testing ? "test" : tab}
        onTabSelect={(_, d) => setTab(String(d.value))}
        aria-label="Parts of the details"
      >
        <Tab value="state">State</Tab>
        <Tab value="test">Test</Tab>
        <Tab value="cycles">Cycles</Tab>
      </TabList>
      {detail.error && <ErrorPanel error={detail.error} onRetry={() => void detail.refetch()} />}
      {!props.testing && tab === "state" && (
        <>
          {progress.map((p) => (
            <Text key={p.workload} role="status">
              {word("workload", p.workload)}: {p.done.toLocaleString()}
              {p.total !== null && ` of ${p.total.toLocaleString()}`}
            </Text>
          ))}
          {(["incoming", "outgoing", "act"] as const).map((workload) => (
            <Workload key={workload} name={workload} state={mailbox.workloads[workload]} />
          ))}
          <Facts
            facts={[
              ["Approval", <StatusLabel key="a" status={mailbox.approval} kind="approval" />],
              ["Owner", `${mailbox.owner.name} (${word("owner", mailbox.owner.type).toLowerCase()})`],
              [
                "Profile",
                mailbox.profile && (
                  <AppLink key="p" to="/profiles" search={{ open: mailbox.profile }}>
                    {mailbox.profile}
                  </AppLink>
                ),
              ],
              ["User name", mailbox.user_name],
              ["Password", mailbox.password_set ? "Stored" : mailbox.user_name ? "Missing" : null],
              [
                "Emails from",
                mailbox.process_emails_from ? exact(mailbox.process_emails_from) : "The beginning",
              ],
              [
                "After reading",
                mailbox.delete_after_processing ? "Deleted from the server" : "Left on the server",
              ],
              [
                "Seen messages",
                <AppLink key="l" to="/ledger" search={{ mailbox: mailbox.email }}>
                  Open in the ledger
                </AppLink>,
              ],
            ]}
          />
        </>
      )}
      {(props.testing || tab === "test") && (
        <div className={styles.stack}>
          {ladders.length === 0 && !props.testing && (
            <Text>
              It was never tested. Choose Test & Enable: Tandem signs in, reads, and sends a message to
              itself.
            </Text>
          )}
          {ladders.map((l) => (
            <Ladder key={l.workload} workload={l.workload} rungs={l.rungs} result={l.result} />
          ))}
          {props.testing && ladders.length === 0 && <Loading what="the first rung" />}
        </div>
      )}
      {!props.testing && tab === "cycles" && <Cycles cycles={detail.data?.cycles ?? []} />}
      {remapping && <RemapDialog mailbox={mailbox} onClose={() => setRemapping(false)} />}
    </SidePanel>
  );
}

function Workload({ name, state }: { name: string; state: WorkloadView }) {
  const styles = useStyles();
  return (
    <section
      className={styles.workload}
      data-testid={testIds.mailboxWorkload(name)}
      data-status={state.state}
    >
      <div className={styles.head}>
        <Subtitle2 as="h3" className={styles.title}>
          {word("workload", name)}
        </Subtitle2>
        <StatusLabel status={state.state} />
      </div>
      <Text>{state.why}</Text>
      {state.last_error && state.last_error !== state.why && (
        <Text className={styles.bad}>{state.last_error}</Text>
      )}
      {state.method !== "none" && (
        <Text size={200} className={styles.quiet}>
          {word("method", state.method)} · last proof <TimeText at={state.last_success} /> · next{" "}
          <TimeText at={state.next_due} />
        </Text>
      )}
    </section>
  );
}

function found(cycle: CycleView): string {
  if (cycle.ended_at === null) return "Runs now";
  if (cycle.items > 0 || cycle.error !== null) return count(cycle.items, "item");
  const nothing = cycle.workload === "outgoing" ? "nothing to send" : "nothing new";
  return cycle.cycles > 1 ? `${count(cycle.cycles, "cycle")}, ${nothing}` : sentence(nothing);
}

function Cycles({ cycles }: { cycles: CycleView[] }) {
  const styles = useStyles();
  if (cycles.length === 0) return <Text>No cycle has run yet.</Text>;
  return (
    <ul className={styles.cycles}>
      {cycles.map((cycle) => (
        <li key={cycle.id} className={styles.workload}>
          <div className={styles.head}>
            <Text weight="semibold">{word("workload", cycle.workload)}</Text>
            <Text className={styles.quiet}>
              <TimeText at={cycle.started_at} />
              {cycle.cycles > 1 && (
                <>
                  {" to "}
                  <TimeText at={cycle.ended_at} />
                </>
              )}
            </Text>
          </div>
          <Text>
            {found(cycle)}
            {cycle.error && <span className={styles.bad}> · {cycle.error}</span>}
          </Text>
        </li>
      ))}
    </ul>
  );
}
