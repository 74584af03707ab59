import {
  Badge,
  Field,
  Input,
  makeStyles,
  mergeClasses,
  Subtitle2,
  Text,
  tokens,
} from "@fluentui/react-components";
import { MailAllReadRegular, MailArrowDownRegular } from "@fluentui/react-icons";
import { testIds } from "../../../lib/testids";
import type { ServerType } from "./state";
import type { StepProps } from "./step";

const KINDS: { type: ServerType; title: string; text: string }[] = [
  {
    type: "imap_smtp",
    title: "IMAP and SMTP",
    text: "Most mail servers. Mail stays on the server, folders are kept.",
  },
  { type: "pop3_smtp", title: "POP3 and SMTP", text: "Older servers. Mail is read and left where it is." },
];
const LATER = ["Exchange Online", "Exchange Server", "Gmail"];

const useStyles = makeStyles({
  cards: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(220px, 100%), 1fr))",
    gap: tokens.spacingHorizontalM,
    border: "none",
    padding: 0,
    margin: 0,
  },
  legend: { padding: 0, marginBottom: tokens.spacingVerticalS, fontWeight: tokens.fontWeightSemibold },
  card: {
    position: "relative",
    display: "grid",
    gap: tokens.spacingVerticalXS,
    alignContent: "start",
    padding: tokens.spacingHorizontalL,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `1px solid ${tokens.colorNeutralStroke1}`,
    borderRadius: tokens.borderRadiusLarge,
    cursor: "pointer",
    ":focus-within": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  chosen: {
    border: `1px solid ${tokens.colorCompoundBrandStroke}`,
    boxShadow: `inset 0 0 0 1px ${tokens.colorCompoundBrandStroke}`,
  },
  later: { cursor: "default", backgroundColor: "transparent", color: tokens.colorNeutralForeground3 },
  head: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalS },
  icon: { fontSize: "24px", color: tokens.colorBrandForeground1, display: "inline-flex" },
  radio: {
    marginLeft: "auto",
    width: "18px",
    height: "18px",
    accentColor: tokens.colorCompoundBrandBackground,
  },
});

/** Step 1: what kind of server, and an address to guess the rest from. */
export function TypeStep({ state, change, wrong }: StepProps) {
  const styles = useStyles();
  return (
    <>
      <fieldset className={styles.cards}>
        <legend className={styles.legend}>What kind of mail server is it?</legend>
        {KINDS.map(({ type, title, text }) => (
          <label key={type} className={mergeClasses(styles.card, state.serverType === type && styles.chosen)}>
            <span className={styles.head}>
              <span className={styles.icon} aria-hidden="true">
                {type === "imap_smtp" ? <MailAllReadRegular /> : <MailArrowDownRegular />}
              </span>
              <Subtitle2>{title}</Subtitle2>
              <input
                type="radio"
                name="server-type"
                className={styles.radio}
                checked={state.serverType === type}
                onChange={() => change({ type: "serverType", value: type })}
                data-testid={testIds.wizardTypeCard(type)}
              />
            </span>
            <Text>{text}</Text>
          </label>
        ))}
        {LATER.map((title) => (
          <div key={title} className={mergeClasses(styles.card, styles.later)}>
            <Subtitle2>{title}</Subtitle2>
            <span>
              <Badge appearance="outline" color="informative">
                Not in this version
              </Badge>
            </span>
          </div>
        ))}
      </fieldset>
      <Field
        label="An email address on this server"
        hint="The next step asks its domain for the servers, or guesses them; you can change everything."
        required
        validationMessage={wrong.address}
      >
        <Input
          type="email"
          value={state.address}
          autoComplete="email"
          onChange={(_, d) => change({ type: "set", field: "address", value: d.value })}
          data-testid={testIds.wizardAddress}
        />
      </Field>
      <Field label="Name of the profile" required validationMessage={wrong.name}>
        <Input
          value={state.name}
          maxLength={100}
          onChange={(_, d) => change({ type: "set", field: "name", value: d.value })}
          data-testid={testIds.wizardName}
        />
      </Field>
      <Field label="Description" hint="For the people who look after it.">
        <Input
          value={state.description}
          onChange={(_, d) => change({ type: "set", field: "description", value: d.value })}
        />
      </Field>
    </>
  );
}
