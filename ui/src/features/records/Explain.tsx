import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Loading } from "../../components/Page";
import { RuleTrace } from "../../components/RuleTrace";
import { useAction } from "../../lib/queries";
import { word } from "../../lib/words";

const useStyles = makeStyles({
  panel: {
    display: "grid",
    gap: tokens.spacingVerticalM,
    padding: tokens.spacingHorizontalL,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground2,
  },
});

/** Why a message was treated as it was, and what would change that. */
export function Explain({ messageId, mailbox }: { messageId: string; mailbox: string | null }) {
  const styles = useStyles();
  const explanations = useAction("explain", { subject: messageId, mailbox });
  if (explanations.isPending) return <Loading what="the explanation" />;
  if (explanations.error)
    return <ErrorPanel error={explanations.error} onRetry={() => void explanations.refetch()} />;
  if (explanations.data.length === 0)
    return <Text>The ledger has no row for this message: it was not received by a mailbox.</Text>;
  return explanations.data.map((e) => (
    <section
      key={`${e.mailbox} ${e.decided_at}`}
      className={styles.panel}
      aria-label={`Explanation for ${e.mailbox}`}
    >
      <Text weight="semibold">
        {word("decision", e.decision)} in {e.mailbox}
      </Text>
      <Text>{e.summary}</Text>
      <RuleTrace trace={e.trace} />
      {e.what_would_change_it && <Text>What would change it: {e.what_would_change_it}</Text>}
    </section>
  ));
}
