import { makeStyles, tokens } from "@fluentui/react-components";
import { ArrowRightFilled, CheckmarkRegular, InfoRegular } from "@fluentui/react-icons";
import type { RuleView } from "../bindings";
import { testIds } from "../lib/testids";
import { sentence } from "../lib/words";

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalS },
  rule: { display: "grid", gridTemplateColumns: "20px 1fr", columnGap: tokens.spacingHorizontalS },
  icon: { fontSize: "16px", paddingTop: "2px", color: tokens.colorNeutralForeground3 },
  decided: { color: tokens.colorBrandForeground1 },
  name: {
    fontWeight: tokens.fontWeightSemibold,
    "::first-letter": { textTransform: "uppercase" },
    display: "block",
  },
  detail: { color: tokens.colorNeutralForeground2, overflowWrap: "anywhere" },
});

const OUTCOME: Record<string, string> = {
  passed: "asked, and passed on",
  decided: "decided",
  noted: "noted",
};

/** All rules that were asked, in order, and the one that decided. */
export function RuleTrace({ trace }: { trace: RuleView[] }) {
  const styles = useStyles();
  return (
    <ol className={styles.list} data-testid={testIds.recordTrace}>
      {trace.map((rule, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a rule may be asked twice, and the trace never changes
        <li key={index} className={styles.rule}>
          <span className={rule.outcome === "decided" ? styles.decided : styles.icon} aria-hidden="true">
            {rule.outcome === "decided" ? (
              <ArrowRightFilled />
            ) : rule.outcome === "noted" ? (
              <InfoRegular />
            ) : (
              <CheckmarkRegular />
            )}
          </span>
          <span>
            <span className={styles.name}>{rule.rule.replaceAll("_", " ")}</span>
            <span className={styles.detail}>
              {sentence(rule.detail)} ({OUTCOME[rule.outcome] ?? rule.outcome})
            </span>
          </span>
        </li>
      ))}
    </ol>
  );
}
