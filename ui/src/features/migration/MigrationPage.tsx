import { Button, makeStyles, mergeClasses, Text, tokens } from "@fluentui/react-components";
import { CheckmarkCircleFilled } from "@fluentui/react-icons";
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { type Dispatch, type ReactElement, useEffect, useReducer, useRef } from "react";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Loading, Page } from "../../components/Page";
import { useLow } from "../../lib/appearance";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { FilesPage } from "./FilesPage";
import { ProfilesPage } from "./ProfilesPage";
import { usePlan } from "./plan";
import { ReviewPage } from "./ReviewPage";
import { RunPage } from "./RunPage";
import { isKnown } from "./run";
import { SummaryPage } from "./SummaryPage";
import { type Change, entry, reduce, START, STEPS, type Step, type Wizard } from "./state";

const TITLES: Record<Step, string> = {
  files: "Files",
  profiles: "Select Email Server Profiles to Migrate",
  review: "Migration Review Summary",
  run: "Migrating",
  summary: "Summary",
};

const useStyles = makeStyles({
  steps: {
    listStyle: "none",
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalXS,
    margin: 0,
    padding: 0,
  },
  here: { fontWeight: tokens.fontWeightSemibold, color: tokens.colorBrandForeground1 },
  title: { margin: 0, outlineStyle: "none" },
});

/** What each page is given. */
export type PageProps = { state: Wizard; change: Dispatch<Change> };

const PAGES: Record<Step, (props: PageProps) => ReactElement> = {
  files: FilesPage,
  profiles: ProfilesPage,
  review: ReviewPage,
  run: RunPage,
  summary: SummaryPage,
};

/** What was chosen stays while the window is open, wherever one goes meanwhile. */
const KEPT = new WeakMap<QueryClient, Wizard>();

/** The Email Router Data Migration wizard. Nothing is written before Start. */
export function MigrationPage() {
  const queries = useQueryClient();
  const plan = usePlan();
  const summary = useAction("migration_summary", {});
  const kept = KEPT.get(queries);
  const error = plan.error ?? summary.error;
  if (error)
    return (
      <Page title="Email Router Data Migration">
        <ErrorPanel
          error={error}
          onRetry={() => {
            void plan.refetch();
            void summary.refetch();
          }}
        />
      </Page>
    );
  if (plan.data === undefined || !summary.data)
    return (
      <Page title="Email Router Data Migration">
        <Loading what="the migration" />
      </Page>
    );
  const fresh = { ...START, step: entry(plan.data, summary.data) };
  const start = kept && (kept.step !== "run" || isKnown(queries)) ? kept : fresh;
  return <Steps start={start} keep={KEPT} />;
}

function Steps({ start, keep }: { start: Wizard; keep: WeakMap<QueryClient, Wizard> }) {
  const styles = useStyles();
  const queries = useQueryClient();
  const plan = usePlan();
  const [state, change] = useReducer(reduce, start);
  const title = useRef<HTMLHeadingElement>(null);
  const before = useRef(state.step);
  const low = useLow();

  useEffect(() => {
    keep.set(queries, state);
  }, [keep, queries, state]);
  useEffect(() => {
    // A new step is announced by its title.
    if (before.current !== state.step) title.current?.focus();
    before.current = state.step;
  }, [state.step]);

  const at = STEPS.indexOf(state.step);
  const settled = state.step === "run" || state.step === "summary";
  const canGo = (step: Step) =>
    !settled && (step === "files" || ((step === "profiles" || step === "review") && Boolean(plan.data)));
  const View = PAGES[state.step];
  return (
    <Page
      title="Email Router Data Migration"
      description={settled ? undefined : "Nothing is written before you choose Start."}
      layout={state.step === "profiles" && !low ? "fill" : "scroll"}
    >
      <nav aria-label="Steps">
        <ol className={styles.steps}>
          {STEPS.map((step, index) => (
            <li key={step}>
              <Button
                appearance="subtle"
                size="small"
                className={mergeClasses(step === state.step && styles.here)}
                aria-current={step === state.step ? "step" : undefined}
                disabled={step !== state.step && !canGo(step)}
                icon={index < at ? <CheckmarkCircleFilled /> : undefined}
                onClick={() => change({ type: "go", step })}
                data-testid={testIds.migrationGo(step)}
              >
                {index + 1}. {TITLES[step]}
              </Button>
            </li>
          ))}
        </ol>
      </nav>
      <Text
        as="h2"
        size={500}
        weight="semibold"
        className={styles.title}
        ref={title}
        tabIndex={-1}
        data-testid={testIds.migrationStep(state.step)}
      >
        {TITLES[state.step]} ({at + 1} of {STEPS.length})
      </Text>
      <View state={state} change={change} />
    </Page>
  );
}
