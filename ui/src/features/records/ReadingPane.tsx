import { Button, Link as FluentLink, makeStyles, Text, tokens } from "@fluentui/react-components";
import { ArrowReplyRegular, ImageOffRegular, QuestionCircleRegular } from "@fluentui/react-icons";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { EmailView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Loading } from "../../components/Page";
import { SidePanel } from "../../components/SidePanel";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { useAppearance } from "../../lib/appearance";
import { backend } from "../../lib/backend";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count, word } from "../../lib/words";
import { Attachments } from "./Attachments";
import { DeliveryState } from "./DeliveryState";
import { Explain } from "./Explain";
import { Parties } from "./Parties";

const useStyles = makeStyles({
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  head: { display: "grid", gap: tokens.spacingVerticalS },
  line: {
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalM,
    color: tokens.colorNeutralForeground3,
  },
  frame: {
    width: "100%",
    flex: "1 0 280px",
    minHeight: "280px",
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusMedium,
    // Mail is written for white paper; on a dark page it keeps it.
    backgroundColor: "#ffffff",
    boxSizing: "border-box",
    padding: tokens.spacingHorizontalM,
  },
  blocked: {
    display: "flex",
    gap: tokens.spacingHorizontalXS,
    alignItems: "center",
    color: tokens.colorNeutralForeground3,
  },
  blockedIcon: { flexShrink: 0, fontSize: "16px" },
  conversation: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalXS },
  item: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
});

/** One email, read safely: its body in a frame where nothing runs and nothing is loaded. */
export function ReadingPane(props: { id: string; onClose: () => void; onOpen: (id: string) => void }) {
  const email = useAction("email", { id: props.id });
  return (
    <SidePanel
      title={email.data ? email.data.subject || "(no subject)" : ""}
      titleTestId={testIds.recordSubject}
      testId={testIds.recordPane}
      onClose={props.onClose}
    >
      {email.isPending && <Loading what="the email" />}
      {email.error && <ErrorPanel error={email.error} onRetry={() => void email.refetch()} />}
      {email.data && <Email email={email.data} onOpen={props.onOpen} />}
    </SidePanel>
  );
}

function Email({ email, onOpen }: { email: EmailView; onOpen: (id: string) => void }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const body = useAction("email_body", { id: email.id });
  const [explaining, setExplaining] = useState(false);
  const { textSize } = useAppearance();
  const blocked = body.data?.blocked_remote ?? 0;
  return (
    <>
      <div className={styles.actions}>
        <Button
          appearance="primary"
          icon={<ArrowReplyRegular />}
          onClick={() => void navigate({ to: "/records/new", search: { reply: email.id } })}
          data-testid={testIds.recordReply}
        >
          Reply
        </Button>
        {email.message_id && email.direction === "incoming" && (
          <Button
            icon={<QuestionCircleRegular />}
            aria-expanded={explaining}
            onClick={() => setExplaining(!explaining)}
            data-testid={testIds.recordExplain}
          >
            Why was this tracked?
          </Button>
        )}
      </div>
      {explaining && email.message_id && (
        <Explain messageId={email.message_id} mailbox={email.receiving_mailbox} />
      )}
      <DeliveryState email={email} />
      <div className={styles.head}>
        <Parties email={email} />
        <div className={styles.line}>
          <StatusLabel status={email.status} kind="email" since={email.received_on ?? email.sent_on} />
          {email.regarding && (
            <span>
              Regarding {email.regarding.name} ({word("resolved", email.regarding.type).toLowerCase()})
            </span>
          )}
          <span>Owner {email.owner.name}</span>
          {email.correlation && (
            <span>Conversation found by {word("correlation", email.correlation.method)}</span>
          )}
        </div>
      </div>
      {blocked > 0 && (
        <Text className={styles.blocked} data-testid={testIds.recordBlocked}>
          <ImageOffRegular className={styles.blockedIcon} aria-hidden="true" />
          {count(blocked, "remote picture")} blocked: loading {blocked === 1 ? "it" : "them"} would tell the
          sender that you read this.
        </Text>
      )}
      {body.error ? (
        <ErrorPanel error={body.error} onRetry={() => void body.refetch()} />
      ) : (
        <iframe
          className={styles.frame}
          title={`Text of “${email.subject}”`}
          sandbox=""
          referrerPolicy="no-referrer"
          src={backend().bodyUrl(email.id, textSize)}
          data-testid={testIds.recordBody}
        />
      )}
      <Attachments email={email} />
      {email.conversation.length > 0 && (
        <section aria-label="Conversation">
          <Text weight="semibold">Conversation</Text>
          <ul className={styles.conversation}>
            {email.conversation.map((other) => (
              <li key={other.id} className={styles.item}>
                <FluentLink as="button" onClick={() => onOpen(other.id)}>
                  {other.subject || "(no subject)"}
                </FluentLink>
                <Text>
                  {other.from} · <TimeText at={other.received_on ?? other.sent_on} />
                </Text>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
