import { makeStyles, mergeClasses, Spinner, Subtitle2, tokens } from "@fluentui/react-components";
import { CheckmarkCircleFilled, DismissCircleFilled, SubtractCircleRegular } from "@fluentui/react-icons";
import type { LadderView, RungView } from "../bindings";
import type { LiveLadder } from "../lib/live";
import { testIds } from "../lib/testids";
import { duration } from "../lib/time";
import { word } from "../lib/words";
import { ErrorPanel } from "./ErrorPanel";

const useStyles = makeStyles({
  ladder: { display: "grid", gap: tokens.spacingVerticalS, minWidth: 0 },
  title: { margin: 0 },
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalXXS },
  rung: {
    display: "grid",
    gridTemplateColumns: "20px minmax(0, 1fr) max-content",
    columnGap: tokens.spacingHorizontalS,
    alignItems: "start",
    paddingBlock: tokens.spacingVerticalXXS,
  },
  icon: { fontSize: "18px", display: "inline-flex", paddingTop: "1px" },
  good: { color: tokens.colorStatusSuccessForeground1 },
  bad: { color: tokens.colorStatusDangerForeground1 },
  quiet: { color: tokens.colorNeutralForeground3 },
  ms: { color: tokens.colorNeutralForeground3, fontVariantNumeric: "tabular-nums" },
  said: {
    gridColumn: "2 / -1",
    color: tokens.colorNeutralForeground3,
    fontSize: tokens.fontSizeBase200,
    fontFamily: tokens.fontFamilyMonospace,
    overflowWrap: "anywhere",
  },
  error: { gridColumn: "1 / -1", paddingBlock: tokens.spacingVerticalXS },
});

/** One ladder: each rung with its time and the server's words, as it is climbed. */
export function Ladder(props: {
  workload: string;
  title?: string;
  rungs: RungView[];
  result: LadderView | null;
}) {
  const styles = useStyles();
  const climbing = props.result === null;
  return (
    <section
      className={styles.ladder}
      data-testid={testIds.ladder(props.workload)}
      data-status={props.result?.status ?? "running"}
    >
      <Subtitle2 as="h3" className={styles.title}>
        {props.title ?? word("workload", props.workload)}
        {props.result && `: ${RESULT[props.result.status] ?? props.result.status}`}
      </Subtitle2>
      {props.result?.reason && <span className={styles.quiet}>{props.result.reason}</span>}
      <ol className={styles.list} aria-live="polite" aria-relevant="additions">
        {props.rungs.map((rung) => (
          <Rung key={rung.name} workload={props.workload} rung={rung} />
        ))}
      </ol>
      {climbing && <Spinner size="tiny" labelPosition="after" label="Climbing…" />}
    </section>
  );
}

const RESULT: Record<string, string> = {
  success: "works",
  failure: "failed",
  skipped: "skipped",
  waiting: "waits",
};
const OUTCOME: Record<string, string> = { passed: "Passed", failed: "Failed", skipped: "Skipped" };

function Rung({ workload, rung }: { workload: string; rung: RungView }) {
  const styles = useStyles();
  const [tone, icon] =
    rung.status === "passed"
      ? [styles.good, <CheckmarkCircleFilled key="i" />]
      : rung.status === "failed"
        ? [styles.bad, <DismissCircleFilled key="i" />]
        : [styles.quiet, <SubtractCircleRegular key="i" />];
  return (
    <li className={styles.rung} data-testid={testIds.rung(workload, rung.name)} data-status={rung.status}>
      <span
        className={mergeClasses(styles.icon, tone)}
        role="img"
        aria-label={OUTCOME[rung.status] ?? rung.status}
      >
        {icon}
      </span>
      <span>{word("rung", rung.name)}</span>
      <span className={styles.ms}>{rung.status === "skipped" ? "skipped" : duration(rung.took_ms)}</span>
      {rung.server_said && !rung.error && <span className={styles.said}>{rung.server_said}</span>}
      {rung.error && (
        <div className={styles.error}>
          <ErrorPanel error={rung.error} />
        </div>
      )}
    </li>
  );
}

/** Finished ladders in the shape of live ones. */
export const asLive = (ladders: LadderView[]): LiveLadder[] =>
  ladders.map((result) => ({ workload: result.workload, rungs: result.rungs, result }));
