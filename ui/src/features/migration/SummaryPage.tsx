import {
  Button,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  mergeClasses,
  Text,
} from "@fluentui/react-components";
import { ArrowUndoRegular, DocumentArrowDownRegular } from "@fluentui/react-icons";
import { useState } from "react";
import type { MigrationSummaryView } from "../../bindings";
import { Confirm } from "../../components/Confirm";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Facts } from "../../components/Facts";
import { Loading } from "../../components/Page";
import { TimeText } from "../../components/TimeText";
import { call } from "../../lib/backend";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count, word } from "../../lib/words";
import { Footer } from "./Footer";
import type { PageProps } from "./MigrationPage";
import { NextSteps } from "./NextSteps";
import { PasswordsPage } from "./PasswordsPage";
import { useSaveTo } from "./plan";
import { SavedTo } from "./SavedTo";
import type { Tried } from "./ServersStep";
import { useWizardStyles } from "./styles";

/** Page 5: what was migrated and skipped, what needs a person, and the way back. */
export function SummaryPage({ change }: PageProps) {
  const styles = useWizardStyles();
  const summary = useAction("migration_summary", {});
  const undo = useDo("undo_migration");
  const [asking, setAsking] = useState(false);
  const [entering, setEntering] = useState(false);
  const [tried, setTried] = useState<Map<string, Tried>>(new Map());
  const report = useSaveTo((path) =>
    call("save_migration_report", { path, format: path.toLowerCase().endsWith(".csv") ? "csv" : "html" }),
  );
  if (summary.error) return <ErrorPanel error={summary.error} onRetry={() => void summary.refetch()} />;
  if (!summary.data) return <Loading what="the summary" />;
  const it = summary.data;
  if (entering) return <PasswordsPage summary={it} onDone={() => setEntering(false)} />;
  const again = () => change({ type: "restart" });
  return (
    <div className={mergeClasses(styles.page, styles.narrow)} data-testid={testIds.migrationSummary}>
      {it.status === "undone" ? (
        <MessageBar intent="success" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>The migration was undone</MessageBarTitle>
            <TimeText at={it.undone_at} />: the configuration is what it was before, to the byte.
          </MessageBarBody>
        </MessageBar>
      ) : (
        <MessageBar intent="success" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>The migration is done</MessageBarTitle>
            <TimeText at={it.applied_at} />. {it.sentences.length === 0 && "Nothing had to be written."}
          </MessageBarBody>
        </MessageBar>
      )}
      {it.status === "applied" && (
        <NextSteps
          summary={it}
          tried={tried}
          onTried={(profile, one) => setTried((before) => new Map(before).set(profile, one))}
          onPasswords={() => setEntering(true)}
        />
      )}
      <Migrated summary={it} />
      <Skipped summary={it} />
      {report.error !== null && <ErrorPanel error={report.error} />}
      <SavedTo path={report.saved} />
      {undo.error && <ErrorPanel error={undo.error} />}
      {it.status === "applied" && (
        <section className={styles.card} aria-label="Undo">
          <Text as="h3" weight="semibold">
            Undo
          </Text>
          <Text>
            {it.can_undo
              ? "Until the first mailbox has completed a sync cycle, the migration can be undone: everything it made is removed, and the configuration is what it was before, to the byte."
              : (it.undo_refused ?? "It can’t be undone any more.")}
          </Text>
          <div className={styles.bar}>
            <Button
              icon={<ArrowUndoRegular />}
              disabled={!it.can_undo || undo.isPending}
              onClick={() => setAsking(true)}
              data-testid={testIds.migrationUndo}
            >
              {undo.isPending ? "Undoing…" : "Undo the migration"}
            </Button>
          </div>
        </section>
      )}
      <Footer
        next={
          <>
            <Button
              icon={<DocumentArrowDownRegular />}
              onClick={() => void report.choose("Save the report", "email-router-migration.html")}
              data-testid={testIds.migrationReport("html")}
            >
              Save report as HTML…
            </Button>
            <Button
              icon={<DocumentArrowDownRegular />}
              onClick={() => void report.choose("Save the report", "email-router-migration.csv")}
              data-testid={testIds.migrationReport("csv")}
            >
              Save report as CSV…
            </Button>
          </>
        }
      >
        <Button appearance="subtle" onClick={again} data-testid={testIds.migrationAgain}>
          Migrate more Email Routers
        </Button>
      </Footer>
      {asking && (
        <Confirm
          title="Undo the migration?"
          no="Keep it"
          yes="Undo the migration"
          yesTestId={testIds.migrationUndoConfirm}
          onNo={() => setAsking(false)}
          onYes={() => {
            setAsking(false);
            undo.mutate({});
          }}
        >
          {count(it.counts.profiles_created, "profile")} and{" "}
          {count(it.counts.mailboxes_created, "mailbox", "mailboxes")} that it made are removed, with the
          passwords that you entered for them.
        </Confirm>
      )}
    </div>
  );
}

function Migrated({ summary }: { summary: MigrationSummaryView }) {
  const styles = useWizardStyles();
  if (summary.sentences.length === 0 && summary.profiles.length === 0) return null;
  return (
    <section className={styles.card} aria-label="Migrated">
      <Text as="h3" weight="semibold">
        {summary.status === "undone" ? "What had been migrated" : "Migrated"}
      </Text>
      <ul className={styles.list}>
        {summary.sentences.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      <Facts
        facts={summary.profiles.map((profile) => [
          profile.name,
          <span key={profile.id}>
            {word("serverType", profile.server_type)}, {count(profile.mailboxes, "mailbox", "mailboxes")}
            {!profile.created && ", was here already"}
            {profile.cannot_enable && (
              <Text block className={styles.quiet}>
                {profile.cannot_enable}
              </Text>
            )}
          </span>,
        ])}
      />
    </section>
  );
}

function Skipped({ summary }: { summary: MigrationSummaryView }) {
  const styles = useWizardStyles();
  const [all, setAll] = useState(false);
  if (summary.skipped.length === 0) return null;
  const shown = all ? summary.skipped.slice(0, 500) : summary.skipped.slice(0, 10);
  const left = summary.skipped.length - shown.length;
  return (
    <section className={styles.card} aria-label="Skipped">
      <Text as="h3" weight="semibold">
        Skipped: {count(summary.skipped.length, "mailbox", "mailboxes")}
      </Text>
      <ul className={styles.list}>
        {shown.map((one) => (
          <li key={one.mailbox}>
            {one.mailbox}: <span className={styles.quiet}>{one.why}</span>
          </li>
        ))}
      </ul>
      {left > 0 && (
        <div className={styles.bar}>
          {all ? (
            <Text className={styles.quiet}>and {left.toLocaleString()} more, all in the report</Text>
          ) : (
            <Button size="small" onClick={() => setAll(true)}>
              Show {left.toLocaleString()} more
            </Button>
          )}
        </div>
      )}
    </section>
  );
}
