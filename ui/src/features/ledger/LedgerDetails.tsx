import { Subtitle2, Text } from "@fluentui/react-components";
import type { LedgerView } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { Facts } from "../../components/Facts";
import { RuleTrace } from "../../components/RuleTrace";
import { SidePanel } from "../../components/SidePanel";
import { TimeText } from "../../components/TimeText";
import { testIds } from "../../lib/testids";
import { bytes, exact } from "../../lib/time";
import { sentence, word } from "../../lib/words";

/** One message: the decision with the rules that led there. */
export function LedgerDetails({ row, onClose }: { row: LedgerView; onClose: () => void }) {
  return (
    <SidePanel title={word("decision", row.decision)} testId={testIds.ledgerDetails} onClose={onClose}>
      <Text>{sentence(row.reason)}</Text>
      {row.email_id && (
        <AppLink to="/records" search={{ open: row.email_id }}>
          Open the record
        </AppLink>
      )}
      <section>
        <Subtitle2 as="h3">Rules, in the order they were asked</Subtitle2>
        <RuleTrace trace={row.trace} />
      </section>
      <Facts
        facts={[
          ["Mailbox", row.mailbox],
          ["Folder", row.folder],
          ["On the server", row.uid],
          ["Message-ID", row.message_id ?? "It has none that could be read"],
          ["Received", row.received_at && exact(row.received_at)],
          ["Size", bytes(row.size)],
          ["Decided", <TimeText key="d" at={row.decided_at} />],
          ["Cycle", row.cycle_id],
        ]}
      />
    </SidePanel>
  );
}
