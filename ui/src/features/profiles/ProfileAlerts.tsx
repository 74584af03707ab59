import {
  Button,
  Field,
  Input,
  makeStyles,
  Subtitle2,
  Switch,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useEffect, useState } from "react";
import { ErrorPanel } from "../../components/ErrorPanel";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";

const useStyles = makeStyles({
  title: { margin: 0 },
  fields: { display: "grid", gap: tokens.spacingVerticalS, maxWidth: "24rem" },
});

/** Who answers for a profile, and whether they get an email when most of its mailboxes fail. */
export function ProfileAlerts({ profile }: { profile: string }) {
  const styles = useStyles();
  const known = useAction("profile_alerts", { profile });
  const save = useDo("save_profile_alerts");
  const [owner, setOwner] = useState<string | null>(null);
  const [send, setSend] = useState<boolean | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another profile starts from what it has
  useEffect(() => {
    setOwner(null);
    setSend(null);
  }, [profile]);
  if (known.error) return <ErrorPanel error={known.error} onRetry={() => void known.refetch()} />;
  if (!known.data) return null;
  const draft = { owner: owner ?? known.data.owner ?? "", send: send ?? known.data.send_alert_email };
  const changed = draft.owner !== (known.data.owner ?? "") || draft.send !== known.data.send_alert_email;
  return (
    <>
      <Subtitle2 as="h3" className={styles.title}>
        Alerts
      </Subtitle2>
      <div className={styles.fields}>
        <Field
          label="Owner of the profile"
          hint={known.data.owner_email ?? "A user of the directory, by name"}
        >
          <Input
            value={draft.owner}
            onChange={(_, d) => setOwner(d.value)}
            data-testid={testIds.profileOwner}
          />
        </Field>
        <Switch
          checked={draft.send}
          onChange={(_, d) => setSend(d.checked)}
          label="Email the owner when more than half of the mailboxes fail within an hour"
          data-testid={testIds.profileSendAlertEmail}
        />
        <Text size={200}>
          It is sent at most once an hour, from a mailbox that works: of another profile, if there is one.
        </Text>
        {save.error && <ErrorPanel error={save.error} />}
        <div>
          <Button
            disabled={!changed || save.isPending}
            onClick={() =>
              save.mutate({
                profile,
                owner: draft.owner.trim() || null,
                owner_email: null,
                send_alert_email: draft.send,
              })
            }
            data-testid={testIds.profileSaveAlerts}
          >
            Save
          </Button>
        </div>
      </div>
    </>
  );
}
