import { Field, Input, makeStyles, Select, tokens } from "@fluentui/react-components";
import { ErrorPanel } from "../../components/ErrorPanel";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";

const useStyles = makeStyles({
  group: { display: "grid", gap: tokens.spacingVerticalM },
  narrow: { maxWidth: "18rem" },
});

/** The limits as typed; an empty text is no limit. */
export type LimitsDraft = { perDay: string; perMinute: string };

export const MOST_PER_DAY = 1_000_000;
export const MOST_PER_MINUTE = 10_000;

export const draftOfLimits = (perDay: number | null, perMinute: number | null): LimitsDraft => ({
  perDay: perDay === null ? "" : String(perDay),
  perMinute: perMinute === null ? "" : String(perMinute),
});

/** What is wrong with a limit as typed, if anything is. */
export function wrongLimit(text: string, most: number): string | undefined {
  if (text.trim() === "") return undefined;
  const good = /^\d+$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= most;
  return good ? undefined : `1 to ${most.toLocaleString("en")}, or empty for no limit.`;
}

export const limitOf = (text: string): number | null => (text.trim() === "" ? null : Number(text));

/** What the provider allows one sending account, from a preset or typed. */
export function SendLimits({
  value,
  onChange,
}: {
  value: LimitsDraft;
  onChange: (value: LimitsDraft) => void;
}) {
  const styles = useStyles();
  const presets = useAction("send_limit_presets", {});
  const same = presets.data?.find((one) => {
    const draft = draftOfLimits(one.recipients_per_day, one.messages_per_minute);
    return draft.perDay === value.perDay && draft.perMinute === value.perMinute;
  });
  const none = value.perDay === "" && value.perMinute === "";
  return (
    <div className={styles.group}>
      {presets.error && <ErrorPanel error={presets.error} onRetry={() => void presets.refetch()} />}
      <Field
        className={styles.narrow}
        label="Sending limits"
        hint="Email beyond them waits with its reason and time, instead of being refused by the provider."
      >
        <Select
          value={same?.word ?? (none ? "none" : "own")}
          onChange={(_, d) => {
            const preset = presets.data?.find((one) => one.word === d.value);
            if (preset) onChange(draftOfLimits(preset.recipients_per_day, preset.messages_per_minute));
            else if (d.value === "none") onChange({ perDay: "", perMinute: "" });
          }}
          data-testid={testIds.sendLimitPreset}
        >
          <option value="none">No limit</option>
          {presets.data?.map((one) => (
            <option key={one.word} value={one.word}>
              {one.name}
            </option>
          ))}
          <option value="own" disabled={none}>
            Own numbers
          </option>
        </Select>
      </Field>
      <Field
        className={styles.narrow}
        label="Recipients a day"
        hint="Within 24 hours, for each account that sends."
        validationMessage={wrongLimit(value.perDay, MOST_PER_DAY)}
      >
        <Input
          inputMode="numeric"
          value={value.perDay}
          placeholder="No limit"
          onChange={(_, d) => onChange({ ...value, perDay: d.value })}
          data-testid={testIds.sendLimitPerDay}
        />
      </Field>
      <Field
        className={styles.narrow}
        label="Messages a minute"
        validationMessage={wrongLimit(value.perMinute, MOST_PER_MINUTE)}
      >
        <Input
          inputMode="numeric"
          value={value.perMinute}
          placeholder="No limit"
          onChange={(_, d) => onChange({ ...value, perMinute: d.value })}
          data-testid={testIds.sendLimitPerMinute}
        />
      </Field>
    </div>
  );
}
