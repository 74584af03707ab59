import { Button, Field, Input, Switch, Text } from "@fluentui/react-components";
import { useEffect, useState } from "react";
import type { AlertSettingsView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Loading } from "../../components/Page";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";

const SWITCHES: [
  keyof AlertSettingsView & ("errors" | "warnings" | "information" | "notify_mailbox_owner"),
  string,
][] = [
  ["errors", "Errors: somebody must act"],
  ["warnings", "Warnings: it may pass by itself"],
  ["information", "Information: good to know, such as a test that succeeded"],
  ["notify_mailbox_owner", "Show alerts of a mailbox to its owner too"],
];

/** Which alerts are raised, and how long those are kept that are over. */
export function AlertSettings() {
  const settings = useAction("alert_settings", {});
  const save = useDo("save_alert_settings");
  const [draft, setDraft] = useState<AlertSettingsView | null>(null);
  const [days, setDays] = useState<string | null>(null);
  useEffect(() => {
    if (settings.data) setDraft((known) => known ?? settings.data);
  }, [settings.data]);
  if (settings.error) return <ErrorPanel error={settings.error} onRetry={() => void settings.refetch()} />;
  if (!draft) return <Loading what="settings of alerts" />;
  const typed = days ?? String(draft.keep_cleared_days);
  const bad = !/^\d+$/.test(typed) || Number(typed) < 1 || Number(typed) > 3650;
  return (
    <>
      {SWITCHES.map(([field, label]) => (
        <Switch
          key={field}
          checked={draft[field]}
          onChange={(_, d) => setDraft({ ...draft, [field]: d.checked })}
          label={label}
          data-testid={testIds.settingsField(field)}
        />
      ))}
      {!draft.errors && (
        <Text>Errors are not raised then. Home and health still show what is late or stopped.</Text>
      )}
      <Field
        label="Days that an alert is kept when it is over"
        validationMessage={bad ? "1 to 3650." : undefined}
      >
        <Input
          type="number"
          min={1}
          max={3650}
          value={typed}
          onChange={(_, d) => setDays(d.value)}
          data-testid={testIds.settingsField("keep_cleared_days")}
        />
      </Field>
      {save.error && <ErrorPanel error={save.error} />}
      <div>
        <Button
          appearance="primary"
          disabled={bad || save.isPending}
          onClick={() => save.mutate({ ...draft, keep_cleared_days: Number(typed) }, { onSuccess: setDraft })}
          data-testid={testIds.settingsSaveAlerts}
        >
          Save alert settings
        </Button>
        {save.isSuccess && <Text role="status"> Saved</Text>}
      </div>
    </>
  );
}
