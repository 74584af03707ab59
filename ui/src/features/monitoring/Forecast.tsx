import { Button, Field, Input, makeStyles, Select, Text, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Facts } from "../../components/Facts";
import { Loading } from "../../components/Page";
import { SidePanel } from "../../components/SidePanel";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count } from "../../lib/words";
import { span } from "./select";

const useStyles = makeStyles({
  form: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "end" },
  number: { maxWidth: "120px" },
  list: { margin: 0, paddingInlineStart: tokens.spacingHorizontalXL },
  quiet: { color: tokens.colorNeutralForeground3 },
});

/** How long so many mailboxes take, by the real scheduler on simulated time. Connects to nothing. */
export function Forecast({ onClose }: { onClose: () => void }) {
  const styles = useStyles();
  const profiles = useAction("profiles", {});
  const [values, setValues] = useState({ mailboxes: "3000", queues: "0", messages: "500" });
  const [profile, setProfile] = useState("");
  const [asked, setAsked] = useState<{
    profile: string;
    mailboxes: number;
    queues: number;
    messages: number;
  }>();
  const chosen = profile || profiles.data?.[0]?.name || "";
  const forecast = useAction(
    "forecast",
    {
      ...(asked ?? { profile: "", mailboxes: 1, queues: 0, messages: 0 }),
      batch_mailboxes: null,
      batch_hours: null,
    },
    { enabled: asked !== undefined },
  );
  const number = (name: keyof typeof values, label: string, most: number) => (
    <Field label={label}>
      <Input
        type="number"
        min={name === "mailboxes" ? 1 : 0}
        max={most}
        className={styles.number}
        value={values[name]}
        onChange={(_, d) => setValues({ ...values, [name]: d.value })}
        data-testid={testIds.forecastNumber(name)}
      />
    </Field>
  );
  const found = forecast.data;
  return (
    <SidePanel title="How long will it take?" testId={testIds.forecast} onClose={onClose}>
      <Text className={styles.quiet}>
        The engine's own scheduler runs on simulated time, with the limits of the profile. Nothing is
        connected to.
      </Text>
      {profiles.data?.length === 0 && <Text>Set up a profile first: its limits decide.</Text>}
      {profiles.error && <ErrorPanel error={profiles.error} onRetry={() => void profiles.refetch()} />}
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          setAsked({
            profile: chosen,
            mailboxes: Number(values.mailboxes),
            queues: Number(values.queues),
            messages: Number(values.messages),
          });
        }}
      >
        <Field label="Profile">
          <Select value={chosen} onChange={(_, d) => setProfile(d.value)}>
            {profiles.data?.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </Select>
        </Field>
        {number("mailboxes", "Mailboxes", 20_000)}
        {number("queues", "Of them queues", 20_000)}
        {number("messages", "Messages in each", 1_000_000)}
        <Button type="submit" appearance="primary" disabled={!chosen} data-testid={testIds.forecastStart}>
          Forecast
        </Button>
      </form>
      {asked && forecast.isPending && <Loading what="the forecast" />}
      {forecast.error && <ErrorPanel error={forecast.error} onRetry={() => void forecast.refetch()} />}
      {found && (
        <>
          <Facts
            facts={[
              [
                "Test & Enable",
                found.batches <= 1
                  ? "one batch, at once"
                  : `${found.batches} batches of at most ${found.batch_mailboxes} every ${count(found.batch_hours, "hour")}`,
              ],
              [
                "Queues tested",
                found.queues_after_seconds === null ? null : `after ${span(found.queues_after_seconds)}`,
              ],
              ["All tested", `after ${span(found.tested_after_seconds)}`],
              ["First sync done", `after ${span(found.synced_after_seconds)}`],
              ["Connections", `${found.most_connections} of ${found.max_concurrent_connections} at most`],
              [
                "Afterwards",
                `${count(found.cycles_per_minute_afterwards, "cycle")} a minute, started ${span(found.lateness_afterwards_seconds)} late at most`,
              ],
            ]}
          />
          {!found.keeps_up && (
            <Text weight="semibold">
              These limits are too narrow: raise the profile's connections, or use several profiles.
            </Text>
          )}
          <Text className={styles.quiet}>Assumed:</Text>
          <ul className={styles.list}>
            {found.assumes.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </>
      )}
    </SidePanel>
  );
}
