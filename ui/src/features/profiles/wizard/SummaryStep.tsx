import { MessageBar, MessageBarBody, makeStyles, Text, tokens } from "@fluentui/react-components";
import { testIds } from "../../../lib/testids";
import { exact, fromLocalInput } from "../../../lib/time";
import { word } from "../../../lib/words";
import { type EndpointDraft, proof } from "./state";
import type { StepProps } from "./step";

const useStyles = makeStyles({
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalXL, display: "grid", gap: tokens.spacingVerticalS },
});

/** Step 6: what will be written, in sentences. Nothing was written until here. */
export function SummaryStep({ state }: StepProps) {
  const styles = useStyles();
  const result = proof(state);
  const listens = (e: EndpointDraft) =>
    `${e.server}, port ${e.port}, ${word("security", e.security)}${e.caFile ? `, CA file ${e.caFile}` : ""}${e.trusted.length ? ", a certificate trusted by its fingerprint" : ""}`;
  return (
    <div data-testid={testIds.wizardSummary} style={{ display: "grid", gap: 16 }}>
      {result !== "proven" && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            {result === "failed"
              ? "The last try failed. You can create the profile all the same and repair it later; its mailboxes do not work until then."
              : "The servers were not tried as they are typed now. Mailboxes are tested before they are enabled, so nothing can go wrong silently."}
          </MessageBarBody>
        </MessageBar>
      )}
      <Text>Nothing was written so far. The last button writes this:</Text>
      <ul className={styles.list}>
        <li>
          A profile named <b>{state.name}</b> for {word("serverType", state.serverType)}.
        </li>
        <li>Incoming mail from {listens(state.incoming)}.</li>
        <li>Outgoing mail through {listens(state.outgoing)}.</li>
        <li>
          {state.authentication === "profile"
            ? `Tandem signs in as ${state.userName} for all mailboxes; the password goes to this computer's credential store.`
            : "Each mailbox signs in with its own user name; passwords go to this computer's credential store."}
        </li>
        {state.mailboxes.map((m) => {
          const from = fromLocalInput(m.from);
          return (
            <li key={m.key}>
              Mailbox <b>{m.email}</b> of the {m.ownerType} {m.ownerName}
              {from ? `, with mail since ${exact(from)}` : ", with all mail on the server"}
              {state.authentication === "user_or_queue" && !m.password && "; its password is still missing"}.
            </li>
          );
        })}
      </ul>
      <Text>No mailbox is synchronized before it is approved and tested.</Text>
    </div>
  );
}
