import {
  Button,
  MessageBar,
  MessageBarBody,
  makeStyles,
  Subtitle2,
  Text,
  tokens,
} from "@fluentui/react-components";
import { ArrowSyncRegular, ShieldCheckmarkRegular } from "@fluentui/react-icons";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading } from "../../components/Page";
import { TimeText } from "../../components/TimeText";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { bytes } from "../../lib/time";
import { count, sentence } from "../../lib/words";

const useStyles = makeStyles({
  list: {
    listStyle: "none",
    margin: 0,
    padding: 0,
    display: "grid",
    gap: tokens.spacingVerticalM,
    overflow: "auto",
  },
  item: {
    display: "grid",
    gap: tokens.spacingVerticalS,
    padding: tokens.spacingHorizontalL,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
  },
  title: { margin: 0 },
  quiet: { color: tokens.colorNeutralForeground3 },
  preview: {
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    backgroundColor: tokens.colorNeutralBackground2,
    padding: tokens.spacingHorizontalS,
    margin: 0,
    maxHeight: "140px",
    overflow: "auto",
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
  },
  retry: { justifySelf: "start" },
  bar: { display: "flex", gap: tokens.spacingHorizontalM, alignItems: "center", flexWrap: "wrap" },
});

/** Messages that could not be read, with their bytes, and those that the server would not give. */
export function Quarantine() {
  const styles = useStyles();
  const held = useAction("quarantine", {});
  const retry = useDo("retry_quarantine");
  if (held.isPending) return <Loading what="the quarantine" />;
  if (held.error) return <ErrorPanel error={held.error} onRetry={() => void held.refetch()} />;
  return (
    <>
      {retry.error && <ErrorPanel error={retry.error} />}
      {retry.data && (
        <MessageBar intent={retry.data.still_unreadable > 0 ? "warning" : "success"}>
          <MessageBarBody>
            {count(retry.data.released, "message")} can be read now; {retry.data.still_unreadable} still
            can't.
            {retry.data.asked_again > 0 &&
              ` The server is asked again for ${count(retry.data.asked_again, "message")}.`}
          </MessageBarBody>
        </MessageBar>
      )}
      {held.data.length === 0 ? (
        <EmptyState icon={<ShieldCheckmarkRegular />} title="Nothing is in quarantine">
          A message that can't be read is kept here with its bytes, and the mailbox goes on.
        </EmptyState>
      ) : (
        <>
          <div className={styles.bar}>
            <Button
              icon={<ArrowSyncRegular />}
              disabled={retry.isPending}
              onClick={() => retry.mutate({})}
              data-testid={testIds.quarantineRetry}
            >
              Try {count(held.data.length, "message")} again
            </Button>
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reachable by keyboard */}
          <ul className={styles.list} tabIndex={0} aria-label="Messages in quarantine">
            {held.data.map((message) => (
              <li key={message.id} className={styles.item} data-testid={testIds.quarantineRow(message.id)}>
                <Subtitle2 as="h2" className={styles.title}>
                  {sentence(message.reason)}
                </Subtitle2>
                <Text className={styles.quiet}>
                  {message.mailbox}, message {message.uid}, {bytes(message.size)},{" "}
                  <TimeText at={message.quarantined_at} />
                  {message.kind === "undeliverable"
                    ? "; its only copy is on the server"
                    : `, read by version ${message.parser_version}`}
                </Text>
                {message.preview && <pre className={styles.preview}>{message.preview}</pre>}
                <Button
                  className={styles.retry}
                  size="small"
                  disabled={retry.isPending}
                  onClick={() => retry.mutate({ id: message.id })}
                  aria-label={`Try message ${message.uid} of ${message.mailbox} again`}
                >
                  Try again
                </Button>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
