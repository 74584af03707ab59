import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular, AttachRegular } from "@fluentui/react-icons";
import { useState } from "react";
import type { AttachmentView, EmailView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { backend } from "../../lib/backend";
import { useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { bytes } from "../../lib/time";

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalXS },
  item: {
    display: "flex",
    flexWrap: "wrap",
    alignItems: "center",
    gap: tokens.spacingHorizontalS,
    overflowWrap: "anywhere",
  },
  quiet: { color: tokens.colorNeutralForeground3 },
});

/** The attachments, each saved where the person says. */
export function Attachments({ email }: { email: EmailView }) {
  const styles = useStyles();
  const save = useDo("save_attachment");
  const [saved, setSaved] = useState<Record<string, string>>({});
  if (email.attachments.length === 0) return null;
  const keep = async (attachment: AttachmentView) => {
    const path = await backend().chooseTarget("Save attachment", attachment.name);
    if (!path) return;
    // The dialog of the system has asked already whether an existing file may go.
    save.mutate(
      { email: email.id, attachment: attachment.id, path, overwrite: true },
      { onSuccess: () => setSaved((before) => ({ ...before, [attachment.id]: path })) },
    );
  };
  return (
    <section aria-label="Attachments">
      <Text weight="semibold">Attachments</Text>
      {save.error && <ErrorPanel error={save.error} />}
      <ul className={styles.list}>
        {email.attachments.map((attachment) => (
          <li key={attachment.id} className={styles.item}>
            <AttachRegular aria-hidden="true" />
            <span>{attachment.name}</span>
            <span className={styles.quiet}>{bytes(attachment.size)}</span>
            {attachment.dropped_reason ? (
              <span className={styles.quiet}>Not kept: {attachment.dropped_reason}</span>
            ) : (
              <Button
                size="small"
                icon={<ArrowDownloadRegular />}
                aria-label={`Save ${attachment.name}`}
                disabled={save.isPending}
                onClick={() => void keep(attachment)}
                data-testid={testIds.recordAttachmentSave(attachment.id)}
              >
                Save
              </Button>
            )}
            {saved[attachment.id] && <span className={styles.quiet}>Saved as {saved[attachment.id]}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
