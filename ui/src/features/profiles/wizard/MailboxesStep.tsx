import { Button, Field, Input, makeStyles, Select, Text, tokens } from "@fluentui/react-components";
import { AddRegular, DeleteRegular } from "@fluentui/react-icons";
import { testIds } from "../../../lib/testids";
import { wordsOf } from "../../../lib/words";
import type { MailboxDraft } from "./state";
import type { StepProps } from "./step";

const useStyles = makeStyles({
  mailbox: {
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    backgroundColor: tokens.colorNeutralBackground1,
    padding: tokens.spacingHorizontalL,
    margin: 0,
    minWidth: 0,
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(210px, 100%), 1fr))",
    gap: tokens.spacingHorizontalM,
    alignItems: "start",
  },
  legend: { fontWeight: tokens.fontWeightSemibold, paddingInline: tokens.spacingHorizontalXS },
  remove: { justifySelf: "start", alignSelf: "end" },
  add: { justifySelf: "start" },
});

/** Step 5: the mailboxes to begin with. More can be added later. */
export function MailboxesStep({ state, change, wrong }: StepProps) {
  const styles = useStyles();
  const own = state.authentication === "user_or_queue";
  return (
    <>
      <Text>
        Mail that was received before the date is not looked at. By default that is the last 24 hours.
      </Text>
      {state.mailboxes.map((m, index) => {
        const set = (value: Partial<MailboxDraft>) => change({ type: "mailbox", key: m.key, change: value });
        return (
          <fieldset key={m.key} className={styles.mailbox}>
            <legend className={styles.legend}>Mailbox {index + 1}</legend>
            <Field label="Address" required validationMessage={wrong[`${m.key}.email`]}>
              <Input
                type="email"
                value={m.email}
                onChange={(_, d) => set({ email: d.value })}
                data-testid={testIds.wizardMailbox("email", index)}
              />
            </Field>
            <Field label="Owner" required validationMessage={wrong[`${m.key}.ownerName`]}>
              <Input
                value={m.ownerName}
                onChange={(_, d) => set({ ownerName: d.value })}
                data-testid={testIds.wizardMailbox("owner", index)}
              />
            </Field>
            <Field label="Kind of owner">
              <Select
                value={m.ownerType}
                onChange={(_, d) => set({ ownerType: d.value === "queue" ? "queue" : "user" })}
                data-testid={testIds.wizardMailbox("owner-type", index)}
              >
                <option value="user">User (a person)</option>
                <option value="queue">Queue (a shared mailbox)</option>
              </Select>
            </Field>
            {own && (
              <>
                <Field label="User name" required validationMessage={wrong[`${m.key}.userName`]}>
                  <Input
                    value={m.userName}
                    onChange={(_, d) => set({ userName: d.value })}
                    data-testid={testIds.wizardMailbox("user-name", index)}
                  />
                </Field>
                <Field label="Password" hint={m.password ? undefined : "Can be entered later."}>
                  <Input
                    type="password"
                    value={m.password}
                    onChange={(_, d) => set({ password: d.value })}
                    data-testid={testIds.wizardMailbox("password", index)}
                  />
                </Field>
              </>
            )}
            <Field label="Which mail becomes a record">
              <Select
                value={m.filter}
                onChange={(_, d) => set({ filter: d.value })}
                data-testid={testIds.wizardMailbox("filter", index)}
              >
                {wordsOf("filter").map(([value, label]) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </Select>
            </Field>
            <Field label="Process emails from" validationMessage={wrong[`${m.key}.from`]}>
              <Input
                type="datetime-local"
                value={m.from}
                onChange={(_, d) => set({ from: d.value })}
                data-testid={testIds.wizardMailbox("from", index)}
              />
            </Field>
            <Button
              className={styles.remove}
              appearance="subtle"
              icon={<DeleteRegular />}
              aria-label={`Remove mailbox ${index + 1}${m.email && `, ${m.email}`}`}
              onClick={() => change({ type: "removeMailbox", key: m.key })}
            >
              Remove
            </Button>
          </fieldset>
        );
      })}
      {state.mailboxes.length === 0 && <Text>No mailbox is added; only the profile is created.</Text>}
      <Button
        className={styles.add}
        icon={<AddRegular />}
        onClick={() => change({ type: "addMailbox", now: Date.now() })}
        data-testid={testIds.wizardAddMailbox}
      >
        Add another mailbox
      </Button>
    </>
  );
}
