import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
} from "@fluentui/react-components";
import { useEffect, useState } from "react";
import { backend, type OnClose } from "../lib/backend";
import { testIds } from "../lib/testids";

const useStyles = makeStyles({ actions: { flexWrap: "wrap", "& button": { whiteSpace: "nowrap" } } });

/** Explains, the first time, what closing the window means, and remembers the answer. */
export function CloseDialog() {
  const styles = useStyles();
  const [open, setOpen] = useState(false);
  useEffect(() => backend().onClosing(() => setOpen(true)), []);
  const answer = (choice: OnClose | null) => {
    setOpen(false);
    void backend()
      .closeWindow(choice)
      .catch(() => undefined);
  };
  // Gone at once: a hidden window draws nothing, so a dialog that fades out would still be there when it is shown again.
  if (!open) return null;
  return (
    <Dialog open onOpenChange={(_, d) => !d.open && answer(null)}>
      <DialogSurface data-testid={testIds.closeDialog}>
        <DialogBody>
          <DialogTitle>Close the window?</DialogTitle>
          <DialogContent>
            Without its window Tandem goes on synchronizing in the background, with an icon in the tray. Open
            it from there, or start Tandem again. Your choice is remembered; change it in Settings.
          </DialogContent>
          <DialogActions fluid className={styles.actions}>
            <Button appearance="primary" onClick={() => answer("hide")} data-testid={testIds.closeHide}>
              Keep synchronizing
            </Button>
            <Button onClick={() => answer("quit")} data-testid={testIds.closeQuit}>
              Quit Tandem
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
