import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
} from "@fluentui/react-components";
import type { ReactNode } from "react";

/** Asks before something that can't be taken back. The safe answer comes first in tab order and is the default. */
export function Confirm(props: {
  title: string;
  children: ReactNode;
  yes: string;
  no: string;
  busy?: boolean;
  yesTestId?: string;
  onYes: () => void;
  onNo: () => void;
}) {
  return (
    <Dialog open modalType="alert" onOpenChange={(_, d) => !d.open && props.onNo()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{props.title}</DialogTitle>
          <DialogContent>{props.children}</DialogContent>
          <DialogActions fluid>
            <Button appearance="primary" onClick={props.onNo}>
              {props.no}
            </Button>
            <Button onClick={props.onYes} disabled={props.busy} data-testid={props.yesTestId}>
              {props.yes}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
