import { Button, makeStyles, ProgressBar, Text, tokens } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useBlocker } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Confirm } from "../../components/Confirm";
import { ErrorPanel } from "../../components/ErrorPanel";
import { StatusIcon } from "../../components/StatusLabel";
import { backend } from "../../lib/backend";
import { useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { word } from "../../lib/words";
import type { PageProps } from "./MigrationPage";
import { forgetRun, join, type Run } from "./run";
import { useWizardStyles } from "./styles";

const STEPS = ["profiles", "forward_mailboxes", "mailboxes", "passwords"];

const useStyles = makeStyles({
  step: { display: "grid", gap: tokens.spacingVerticalXS },
  name: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "center" },
});

/** Page 4: applying, one transaction. Until it is committed it can be cancelled, and then nothing was written. */
export function RunPage({ state, change }: PageProps) {
  const styles = useStyles();
  const shared = useWizardStyles();
  const queries = useQueryClient();
  const [run, setRun] = useState<Run>({ status: "running" });
  const cancel = useDo("cancel_migration");
  const { progress } = state;

  useEffect(
    () =>
      backend().onEvent((event) => {
        if (event.type === "migration") change({ type: "progress", progress: event });
      }),
    [change],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: coming to this page starts it, or joins what runs already
  useEffect(() => {
    let here = true;
    void join(queries, state.reviewed).then((done) => {
      if (!here) return;
      setRun(done);
      if (done.status === "done") {
        forgetRun(queries);
        change({ type: "go", step: "summary" });
      }
    });
    return () => {
      here = false;
    };
  }, []);

  const running = run.status === "running";
  const blocker = useBlocker({
    shouldBlockFn: () => running,
    enableBeforeUnload: false,
    withResolver: true,
  });
  const at = progress ? (progress.step === "done" ? STEPS.length : STEPS.indexOf(progress.step)) : -1;
  return (
    <div className={`${shared.page} ${shared.narrow}`} data-testid={testIds.migration}>
      <Text>
        All of it is written at once at the end, or nothing: a failure, a cancel or a power cut before that
        leaves everything as it was.
      </Text>
      <section className={shared.card} aria-label="Progress">
        {STEPS.map((step, index) => {
          const here = running && index === at ? progress : null;
          const status = index < at ? "ok" : here ? "sending" : "pending_send";
          return (
            <div key={step} className={styles.step}>
              <span className={styles.name}>
                <StatusIcon status={status} />
                <Text weight={here ? "semibold" : "regular"}>{word("migrationStep", step)}</Text>
                <Text className={shared.quiet}>
                  {here
                    ? `${here.done.toLocaleString()} of ${here.total.toLocaleString()}`
                    : index < at
                      ? "done"
                      : ""}
                </Text>
              </span>
              {here && (
                <ProgressBar
                  value={here.total > 0 ? here.done / here.total : 0}
                  aria-label={word("migrationStep", step)}
                />
              )}
            </div>
          );
        })}
      </section>
      <Text aria-live="polite" className={shared.hidden}>
        {running && progress ? word("migrationStep", progress.step) : ""}
      </Text>
      {run.status === "failed" && <ErrorPanel error={run.error} />}
      <div className={shared.bar}>
        {running ? (
          <Button
            onClick={() => cancel.mutate({})}
            disabled={cancel.isPending || cancel.isSuccess || progress?.step === "done"}
            data-testid={testIds.migrationCancel}
          >
            {cancel.isPending || cancel.isSuccess ? "Cancelling…" : "Cancel: write nothing"}
          </Button>
        ) : (
          <Button
            appearance="primary"
            onClick={() => {
              forgetRun(queries);
              change({ type: "go", step: "review" });
            }}
            data-testid={testIds.migrationBack}
          >
            Back to the review
          </Button>
        )}
      </div>
      {blocker.status === "blocked" && (
        <Confirm
          title="Leave while the migration runs?"
          no="Stay here"
          yes="Leave; it goes on"
          onNo={blocker.reset}
          onYes={blocker.proceed}
        >
          It goes on while you are elsewhere, and its summary is shown when you come back. To stop it, stay
          and choose Cancel.
        </Confirm>
      )}
    </div>
  );
}
