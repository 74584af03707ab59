import { Button, Checkbox, MessageBar, MessageBarBody, mergeClasses, Text } from "@fluentui/react-components";
import { DocumentArrowDownRegular, ServerRegular } from "@fluentui/react-icons";
import { useState } from "react";
import type { MigrationPlanView, MigrationSentence } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading } from "../../components/Page";
import { StatusIcon } from "../../components/StatusLabel";
import { call } from "../../lib/backend";
import { testIds } from "../../lib/testids";
import { count, word } from "../../lib/words";
import { Footer } from "./Footer";
import { MailboxDecisions } from "./MailboxDecisions";
import type { PageProps } from "./MigrationPage";
import { useDoPlan, usePlan, useSaveTo } from "./plan";
import { SavedTo } from "./SavedTo";
import { startLabel, startRefused } from "./state";
import { useWizardStyles } from "./styles";

/** Page 3: what would be written, in sentences. Start is the only thing that writes. */
export function ReviewPage({ change }: PageProps) {
  const styles = useWizardStyles();
  const plan = usePlan();
  const savePlan = useDoPlan("save_migration_plan");
  const save = useSaveTo(async (path) => {
    await savePlan.run({ path });
  });
  const report = useSaveTo((path) =>
    call("save_migration_report", { path, format: path.toLowerCase().endsWith(".csv") ? "csv" : "html" }),
  );
  const [seen, setSeen] = useState<string | null>(null);

  if (plan.isPending) return <Loading what="the plan" />;
  if (!plan.data)
    return (
      <EmptyState
        icon={<ServerRegular />}
        title="No plan yet"
        actions={
          <Button appearance="primary" onClick={() => change({ type: "go", step: "files" })}>
            Choose the routers’ files
          </Button>
        }
      >
        What will be migrated is listed here once the files are read.
      </EmptyState>
    );
  const reviewed = seen === plan.data.configuration ? "reviewed" : "not reviewed";
  const refused = startRefused(plan.data, reviewed);
  const label = startLabel(plan.data.counts);
  return (
    <div className={mergeClasses(styles.page)} data-testid={testIds.migrationReview}>
      <section className={styles.card} aria-label="What will be written">
        <Text>Nothing was written so far. Start writes this, all of it or nothing:</Text>
        <Sentences sentences={plan.data.sentences} />
      </section>
      <Credentials plan={plan.data} />
      <MailboxDecisions plan={plan.data} />
      <Differences
        plan={plan.data}
        reviewed={reviewed}
        onReviewed={(on) => setSeen(on ? (plan.data?.configuration ?? null) : null)}
      />
      {plan.data.cannot_apply && <ErrorPanel error={plan.data.cannot_apply} />}
      {Boolean(save.error || savePlan.error || report.error) && (
        <ErrorPanel error={savePlan.error ?? save.error ?? report.error} />
      )}
      {!savePlan.error && <SavedTo path={save.saved} />}
      <SavedTo path={report.saved} />
      {refused && !plan.data.cannot_apply && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>{refused}</MessageBarBody>
        </MessageBar>
      )}
      <Footer
        onBack={() => change({ type: "go", step: "profiles" })}
        next={
          <Button
            appearance="primary"
            disabled={refused !== null}
            onClick={() => change({ type: "start", reviewed: seen })}
            data-testid={testIds.migrationStart}
          >
            {label || "Start"}
          </Button>
        }
      >
        <div className={styles.bar}>
          <Button
            appearance="subtle"
            icon={<DocumentArrowDownRegular />}
            onClick={() => void save.choose("Save the plan", "email-router-migration-plan.json")}
            data-testid={testIds.migrationSavePlan}
          >
            Save plan…
          </Button>
          <Button
            appearance="subtle"
            icon={<DocumentArrowDownRegular />}
            onClick={() => void report.choose("Save the report", "email-router-migration-plan.html")}
            data-testid={testIds.migrationReport("html")}
          >
            Save as HTML…
          </Button>
          <Button
            appearance="subtle"
            icon={<DocumentArrowDownRegular />}
            onClick={() => void report.choose("Save the report", "email-router-migration-plan.csv")}
            data-testid={testIds.migrationReport("csv")}
          >
            Save as CSV…
          </Button>
        </div>
      </Footer>
    </div>
  );
}

/** Sentences under what they are about; what asks for a look carries a warning sign. */
function Sentences({ sentences }: { sentences: MigrationSentence[] }) {
  const styles = useWizardStyles();
  const abouts = [...new Set(sentences.map((one) => one.about))];
  return (
    <>
      {abouts.map((about) => (
        <div key={about}>
          <Text as="h3" weight="semibold" block>
            {word("about", about)}
          </Text>
          <ul className={styles.list}>
            {sentences
              .filter((one) => one.about === about)
              .map((one) => (
                <li key={one.text} className={styles.said}>
                  <StatusIcon status={one.attention ? "warning" : "information"} />
                  <span>
                    {one.attention && <span className={styles.hidden}>Look at this: </span>}
                    {one.text}
                  </span>
                </li>
              ))}
          </ul>
        </div>
      ))}
    </>
  );
}

function Credentials({ plan }: { plan: MigrationPlanView }) {
  const styles = useWizardStyles();
  const needed = plan.credentials.filter((one) => one.must_be_entered);
  if (needed.length === 0) return null;
  const shown = needed.slice(0, 20);
  return (
    <section className={styles.card} aria-label="Passwords to enter">
      <Text as="h3" weight="semibold">
        {count(needed.length, "password")} to enter after the migration, once each
      </Text>
      <ul className={styles.list}>
        {shown.map((one) => (
          <li key={one.id}>
            <b>{one.user_name ?? "the mailbox’s address"}</b> at {one.server}, used by{" "}
            {[
              one.profiles > 0 && count(one.profiles, "profile"),
              one.mailboxes > 0 && count(one.mailboxes, "mailbox", "mailboxes"),
            ]
              .filter(Boolean)
              .join(" and ")}
            . <span className={styles.quiet}>{one.reason}</span>
          </li>
        ))}
      </ul>
      {needed.length > shown.length && (
        <Text className={styles.quiet}>and {(needed.length - shown.length).toLocaleString()} more</Text>
      )}
    </section>
  );
}

function Differences(props: {
  plan: MigrationPlanView;
  reviewed: "reviewed" | "not reviewed";
  onReviewed: (on: boolean) => void;
}) {
  const styles = useWizardStyles();
  const differences = props.plan.differences;
  if (differences.length === 0) return null;
  return (
    <section className={styles.card} aria-label="What differs since the plan was made">
      <Text as="h3" weight="semibold">
        The configuration changed since the plan was made
      </Text>
      <ul className={styles.list}>
        {differences.slice(0, 50).map((one) => (
          <li key={one.text} className={styles.said}>
            <StatusIcon status={one.concerns_plan ? "warning" : "information"} />
            <span>{one.text}</span>
          </li>
        ))}
      </ul>
      {differences.length > 50 && (
        <Text className={styles.quiet}>and {(differences.length - 50).toLocaleString()} more</Text>
      )}
      {differences.some((one) => one.concerns_plan) && (
        <Checkbox
          label="I looked at what differs; migrate all the same"
          checked={props.reviewed === "reviewed"}
          onChange={(_, d) => props.onReviewed(d.checked === true)}
          data-testid={testIds.migrationReviewed}
        />
      )}
    </section>
  );
}
