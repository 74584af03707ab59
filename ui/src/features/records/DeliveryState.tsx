import {
  Button,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  MessageBarTitle,
} from "@fluentui/react-components";
import type { EmailView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { TimeText } from "../../components/TimeText";
import { useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count } from "../../lib/words";

/** An attempt that ended without the server's answer: whether it was delivered is not known. */
export const isUnconfirmed = (email: EmailView): boolean =>
  email.status === "sending" && email.last_attempt !== null;

/** How far the sending of an email is, and the choice that only a person can make. */
export function DeliveryState({ email }: { email: EmailView }) {
  const resolve = useDo("resolve_delivery");
  if (email.direction !== "outgoing" || email.status === "sent") return null;
  if (isUnconfirmed(email))
    return (
      <>
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>It is not known whether this was delivered</MessageBarTitle>
            {email.last_attempt} Ask a recipient. Tandem does not send it twice by itself.
          </MessageBarBody>
          <MessageBarActions>
            <Button
              disabled={resolve.isPending}
              onClick={() => resolve.mutate({ id: email.id, verdict: "sent" })}
              data-testid={testIds.recordMarkSent}
            >
              It arrived
            </Button>
            <Button
              disabled={resolve.isPending}
              onClick={() => resolve.mutate({ id: email.id, verdict: "resend" })}
              data-testid={testIds.recordResend}
            >
              It did not arrive, send again
            </Button>
          </MessageBarActions>
        </MessageBar>
        {resolve.error && <ErrorPanel error={resolve.error} />}
      </>
    );
  if (email.status === "failed")
    return (
      <MessageBar intent="error" layout="multiline">
        <MessageBarBody>
          <MessageBarTitle>This was not sent</MessageBarTitle>
          {email.last_attempt ?? "The server refused it."} It was tried{" "}
          {count(email.delivery_attempts, "time")} and is not tried again.
        </MessageBarBody>
      </MessageBar>
    );
  if (email.status === "pending_send" || email.status === "sending")
    return (
      <MessageBar intent="info" layout="multiline">
        <MessageBarBody>
          {email.status === "sending"
            ? "It is being sent."
            : email.held
              ? `It is held back: ${email.held}`
              : "It waits for the mailbox's next cycle."}
          {email.send_after && (
            <>
              {" "}
              Not before <TimeText at={email.send_after} />.
            </>
          )}
          {email.last_attempt && ` Last attempt: ${email.last_attempt}`}
        </MessageBarBody>
      </MessageBar>
    );
  return null;
}
