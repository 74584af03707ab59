import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  Input,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useState } from "react";
import type { MailboxView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";

const useStyles = makeStyles({
  content: { display: "grid", gap: tokens.spacingVerticalM },
  list: {
    margin: 0,
    paddingLeft: tokens.spacingHorizontalXL,
    display: "grid",
    gap: tokens.spacingVerticalXS,
  },
});

/** What breaks when an address moves to another owner. */
export function Breaks({ breaks }: { breaks: string[] }) {
  const styles = useStyles();
  return (
    <div data-testid={testIds.remapBreaks}>
      <Text weight="semibold">This is what changes:</Text>
      <ul className={styles.list}>
        {breaks.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </div>
  );
}

/** Moves an address to another owner: first tells what that breaks, then asks. */
export function RemapDialog({ mailbox, onClose }: { mailbox: MailboxView; onClose: () => void }) {
  const styles = useStyles();
  const [to, setTo] = useState("");
  const remap = useDo("remap_mailbox");
  const told = remap.data && !remap.data.done && remap.variables.to === to.trim() ? remap.data : null;
  return (
    <Dialog open onOpenChange={(_, d) => !d.open && onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>Change the owner of {mailbox.email}</DialogTitle>
          <DialogContent className={styles.content}>
            <Field label="New owner" hint="The name or the address of a user or queue." required>
              <Input value={to} onChange={(_, d) => setTo(d.value)} />
            </Field>
            {remap.error && <ErrorPanel error={remap.error} />}
            {told && <Breaks breaks={told.breaks} />}
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose}>Keep {mailbox.owner.name}</Button>
            {told ? (
              <Button
                disabled={remap.isPending}
                onClick={() =>
                  remap.mutate(
                    { address: mailbox.email, to: to.trim(), confirm: true },
                    { onSuccess: onClose },
                  )
                }
                data-testid={testIds.remapConfirm}
              >
                Move to {to.trim()}
              </Button>
            ) : (
              <Button
                appearance="primary"
                disabled={!to.trim() || remap.isPending}
                onClick={() => remap.mutate({ address: mailbox.email, to: to.trim(), confirm: false })}
              >
                Show what would change
              </Button>
            )}
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
