import {
  Button,
  MessageBar,
  MessageBarBody,
  makeStyles,
  ProgressBar,
  Text,
  tokens,
} from "@fluentui/react-components";
import {
  ArrowDownloadRegular,
  ArrowRepeatAllRegular,
  DismissRegular,
  PauseRegular,
  PlayRegular,
} from "@fluentui/react-icons";
import { useState } from "react";
import type { TestJobDetail, TestProgressView } from "../../bindings";
import { Confirm } from "../../components/Confirm";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Loading } from "../../components/Page";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { backend } from "../../lib/backend";
import { useAction, useDo, useEvery } from "../../lib/queries";
import { howFar, isOver, pace, results } from "../../lib/test-progress";
import { testIds } from "../../lib/testids";
import { exact } from "../../lib/time";
import { count } from "../../lib/words";
import { JobResults } from "./JobResults";

const useStyles = makeStyles({
  head: { display: "grid", gap: tokens.spacingVerticalS },
  line: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalL, alignItems: "center" },
  title: { margin: 0, overflowWrap: "anywhere" },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  quiet: { color: tokens.colorNeutralForeground3 },
  hidden: {
    position: "absolute",
    width: "1px",
    height: "1px",
    overflow: "hidden",
    clipPath: "inset(50%)",
    whiteSpace: "nowrap",
  },
  batches: {
    margin: 0,
    paddingInlineStart: tokens.spacingHorizontalXL,
    maxHeight: "120px",
    overflow: "auto",
  },
});

/** One job: how far it is, what can be done about it, and its results. */
export function JobView({ id }: { id: string }) {
  const styles = useStyles();
  const detail = useAction("test_job", { id }, { refetchEvery: 10_000 });
  const home = useAction("home", {});
  const pause = useDo("pause_test_job");
  const resume = useDo("resume_test_job");
  const cancel = useDo("cancel_test_job");
  const retry = useDo("retry_failed_tests");
  const save = useDo("export_test_job");
  const [asking, setAsking] = useState<"cancel" | null>(null);
  const [saved, setSaved] = useState<string | null>(null);

  if (detail.error) return <ErrorPanel error={detail.error} onRetry={() => void detail.refetch()} />;
  if (!detail.data) return <Loading what="the test" />;
  const { job, batches } = detail.data;
  const { progress } = job;
  const error = pause.error ?? resume.error ?? cancel.error ?? retry.error ?? save.error;
  const open = progress.mailboxes - progress.done;

  const saveAs = async () => {
    const path = await backend().chooseTarget("Save the results", "test-results.csv");
    if (path) save.mutate({ id, path }, { onSuccess: () => setSaved(path) });
  };

  return (
    <>
      <section className={styles.head} data-testid={testIds.testJob} data-status={progress.state}>
        <div className={styles.line}>
          <Text as="h2" size={500} weight="semibold" className={styles.title}>
            {job.title}
          </Text>
          <StatusLabel status={progress.state} kind="testJob" since={job.ended_at} />
        </div>
        <ProgressBar
          value={progress.mailboxes === 0 ? 1 : progress.done / progress.mailboxes}
          aria-label="Mailboxes tested"
          aria-valuetext={howFar(progress)}
          color={progress.failed > 0 ? "warning" : "brand"}
        />
        <div className={styles.line} data-testid={testIds.testJobProgress}>
          <Text weight="semibold">{howFar(progress)}</Text>
          <Text>Workloads: {results(progress)}</Text>
          {pace(progress) && <Text>{pace(progress)}</Text>}
        </div>
        <Spoken progress={progress} />
        {progress.state === "running" && home.data?.engine_running === false && (
          <MessageBar intent="warning" layout="multiline">
            <MessageBarBody>
              The engine does not run in this window, so nothing is tested here. The test goes on where it
              runs: in <code>tandem run</code>, or here after the next start. Home says why it does not run.
            </MessageBarBody>
          </MessageBar>
        )}
        <Batches batches={batches} over={isOver(progress)} />
        <div className={styles.actions} role="toolbar" aria-label="Commands">
          {progress.state === "running" && (
            <Button
              icon={<PauseRegular />}
              disabled={pause.isPending}
              onClick={() => pause.mutate({ id })}
              data-testid={testIds.testJobPause}
            >
              Pause
            </Button>
          )}
          {progress.state === "paused" && (
            <Button
              appearance="primary"
              icon={<PlayRegular />}
              disabled={resume.isPending}
              onClick={() => resume.mutate({ id })}
              data-testid={testIds.testJobResume}
            >
              Resume
            </Button>
          )}
          {progress.failed > 0 && (
            <Button
              appearance={isOver(progress) ? "primary" : "secondary"}
              icon={<ArrowRepeatAllRegular />}
              disabled={retry.isPending}
              onClick={() => retry.mutate({ id })}
              data-testid={testIds.testJobRetry}
            >
              Retry the {progress.failed.toLocaleString()} failed
            </Button>
          )}
          <Button
            icon={<ArrowDownloadRegular />}
            disabled={save.isPending}
            onClick={() => void saveAs()}
            data-testid={testIds.testJobCsv}
          >
            Save as CSV
          </Button>
          {!isOver(progress) && (
            <Button
              icon={<DismissRegular />}
              disabled={cancel.isPending}
              onClick={() => setAsking("cancel")}
              data-testid={testIds.testJobCancel}
            >
              Cancel the test
            </Button>
          )}
        </div>
        {saved && <Text role="status">Saved as {saved}</Text>}
        {error && <ErrorPanel error={error} />}
      </section>
      <JobResults id={id} progress={progress} />
      {asking === "cancel" && (
        <Confirm
          title="Cancel this test?"
          no="Go on testing"
          yes={`Cancel ${count(open, "mailbox", "mailboxes")}`}
          yesTestId={testIds.testJobCancelConfirm}
          onNo={() => setAsking(null)}
          onYes={() => {
            setAsking(null);
            cancel.mutate({ id });
          }}
        >
          {count(open, "mailbox", "mailboxes")} will not be tested. What is enabled stays enabled, and the
          results so far stay here.
        </Confirm>
      )}
    </>
  );
}

/** Says how far it is to a screen reader, at most every five seconds. */
function Spoken({ progress }: { progress: TestProgressView }) {
  const styles = useStyles();
  const said = useEvery(`${howFar(progress)}, ${results(progress)}`, 5_000);
  return (
    <span className={styles.hidden} role="status">
      {said}
    </span>
  );
}

function Batches({ batches, over }: { batches: TestJobDetail["batches"]; over: boolean }) {
  const styles = useStyles();
  if (batches.length < 2) return null;
  return (
    <ol className={styles.batches} aria-label="Batches">
      {batches.map((batch) => (
        <li key={batch.number}>
          {batch.done.toLocaleString()} of {count(batch.mailboxes, "mailbox", "mailboxes")}{" "}
          <span className={styles.quiet}>
            {batch.started_at ? (
              <>
                started <TimeText at={batch.started_at} />
              </>
            ) : over ? (
              "not started"
            ) : (
              <>
                due <TimeText at={batch.due_at} />, {exact(batch.due_at)}
              </>
            )}
          </span>
        </li>
      ))}
    </ol>
  );
}
