import { Button } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { testIds } from "../../lib/testids";
import { useWizardStyles } from "./styles";

/** Back on the left, the way on beside it, what else there is on the right. */
export function Footer(props: { onBack?: () => void; next?: ReactNode; children?: ReactNode }) {
  const styles = useWizardStyles();
  return (
    <div className={styles.foot}>
      {props.onBack && (
        <Button onClick={props.onBack} data-testid={testIds.migrationBack}>
          Back
        </Button>
      )}
      {props.next}
      <span className={styles.grow} />
      {props.children}
    </div>
  );
}
