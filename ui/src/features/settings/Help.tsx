import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { ErrorPanel } from "../../components/ErrorPanel";
import { backend } from "../../lib/backend";
import { useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count } from "../../lib/words";

const useStyles = makeStyles({
  actions: { display: "flex", gap: tokens.spacingHorizontalM, alignItems: "center", flexWrap: "wrap" },
  saved: { overflowWrap: "anywhere" },
});

/** One file with all that somebody needs to help, and none of what nobody should see. */
export function Help() {
  const styles = useStyles();
  const bundle = useDo("diagnostics");
  const save = async () => {
    const path = await backend().chooseTarget("Save diagnostics", "tandem-diagnostics.zip");
    if (path) bundle.mutate({ path });
  };
  return (
    <>
      <Text>
        Diagnostics show how everything stands: configuration, health, alerts, what cycles did. Names and
        addresses are in them; passwords and what people wrote are not.
      </Text>
      <div className={styles.actions}>
        <Button
          disabled={bundle.isPending}
          onClick={() => void save()}
          data-testid={testIds.settingsDiagnostics}
        >
          {bundle.isPending ? "Collecting…" : "Save diagnostics…"}
        </Button>
        <Text className={styles.saved} role="status">
          {bundle.data && `${count(bundle.data.files.length, "file", "files")} in ${bundle.data.path}.`}
          {bundle.data &&
            bundle.data.missing.length > 0 &&
            ` Could not be looked up, and say why: ${bundle.data.missing.join(", ")}.`}
        </Text>
      </div>
      {bundle.error && <ErrorPanel error={bundle.error} onRetry={() => void save()} />}
    </>
  );
}
