import { makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import {
  ArrowSyncRegular,
  CheckmarkCircleFilled,
  CircleOffRegular,
  ClockFilled,
  DismissCircleFilled,
  EditFilled,
  ErrorCircleFilled,
  InfoRegular,
  MailRegular,
  PauseCircleRegular,
  ProhibitedRegular,
  QuestionCircleRegular,
  SendRegular,
  SubtractCircleRegular,
  WarningFilled,
} from "@fluentui/react-icons";
import type { ReactElement } from "react";
import { testIds } from "../lib/testids";
import { word } from "../lib/words";
import { TimeText } from "./TimeText";

type Tone = "good" | "late" | "bad" | "quiet";

const LOOK: Record<string, [Tone, ReactElement]> = {
  ok: ["good", <CheckmarkCircleFilled key="i" />],
  late: ["late", <ClockFilled key="i" />],
  stopped: ["bad", <ErrorCircleFilled key="i" />],
  unproven: ["quiet", <QuestionCircleRegular key="i" />],
  off: ["quiet", <CircleOffRegular key="i" />],
  empty: ["quiet", <InfoRegular key="i" />],
  approved: ["good", <CheckmarkCircleFilled key="i" />],
  pending: ["late", <ClockFilled key="i" />],
  rejected: ["bad", <ProhibitedRegular key="i" />],
  received: ["quiet", <MailRegular key="i" />],
  draft: ["quiet", <MailRegular key="i" />],
  sent: ["good", <CheckmarkCircleFilled key="i" />],
  pending_send: ["quiet", <ClockFilled key="i" />],
  sending: ["late", <SendRegular key="i" />],
  failed: ["bad", <DismissCircleFilled key="i" />],
  canceled: ["quiet", <ProhibitedRegular key="i" />],
  promoted: ["good", <CheckmarkCircleFilled key="i" />],
  quarantined: ["bad", <WarningFilled key="i" />],
  too_large: ["late", <WarningFilled key="i" />],
  waiting: ["quiet", <ClockFilled key="i" />],
  running: ["late", <ArrowSyncRegular key="i" />],
  succeeded: ["good", <CheckmarkCircleFilled key="i" />],
  skipped: ["quiet", <SubtractCircleRegular key="i" />],
  cancelled: ["quiet", <ProhibitedRegular key="i" />],
  paused: ["late", <PauseCircleRegular key="i" />],
  done: ["good", <CheckmarkCircleFilled key="i" />],
  taken: ["good", <CheckmarkCircleFilled key="i" />],
  changed: ["late", <EditFilled key="i" />],
  dropped: ["quiet", <ProhibitedRegular key="i" />],
  unreadable: ["bad", <WarningFilled key="i" />],
  error: ["bad", <ErrorCircleFilled key="i" />],
  warning: ["late", <WarningFilled key="i" />],
  information: ["quiet", <InfoRegular key="i" />],
};

const useStyles = makeStyles({
  label: {
    display: "inline-flex",
    verticalAlign: "bottom",
    maxWidth: "100%",
    alignItems: "center",
    gap: tokens.spacingHorizontalXS,
    minWidth: 0,
  },
  icon: { display: "inline-flex", fontSize: "1.15em", flexShrink: 0 },
  text: { overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
  since: { color: tokens.colorNeutralForeground3 },
  good: { color: tokens.colorStatusSuccessForeground1 },
  late: { color: tokens.colorStatusWarningForeground1 },
  bad: { color: tokens.colorStatusDangerForeground1 },
  quiet: { color: tokens.colorNeutralForeground3 },
});

/** A status: icon, word, and since when. Never a color alone. */
export function StatusLabel(props: { status: string; kind?: string; since?: string | null; text?: string }) {
  const styles = useStyles();
  const [tone, icon] = LOOK[props.status] ?? ["quiet", <InfoRegular key="i" />];
  return (
    <span className={styles.label} data-testid={testIds.status} data-status={props.status}>
      <span className={mergeClasses(styles.icon, styles[tone])} aria-hidden="true">
        {icon}
      </span>
      <span className={styles.text}>
        {props.text ?? word(props.kind ?? "status", props.status)}
        {props.since && (
          <span className={styles.since}>
            {" · "}
            <TimeText at={props.since} />
          </span>
        )}
      </span>
    </span>
  );
}

/** The icon of a status alone, where its word stands beside it. */
export function StatusIcon({ status }: { status: string }) {
  const styles = useStyles();
  const [tone, icon] = LOOK[status] ?? ["quiet", <InfoRegular key="i" />];
  return (
    <span className={mergeClasses(styles.icon, styles[tone])} aria-hidden="true">
      {icon}
    </span>
  );
}
