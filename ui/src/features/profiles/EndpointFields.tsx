import { Button, Field, Input, makeStyles, Select, tokens } from "@fluentui/react-components";
import { FolderOpenRegular } from "@fluentui/react-icons";
import { chooseCaFile } from "../../lib/files";
import { testIds } from "../../lib/testids";
import { wordsOf } from "../../lib/words";
import type { EndpointDraft, Security } from "./wizard/state";

const useStyles = makeStyles({
  group: {
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    padding: tokens.spacingHorizontalL,
    margin: 0,
    display: "grid",
    gridTemplateColumns: "minmax(0, 2fr) minmax(0, 1.5fr) minmax(70px, 0.7fr)",
    gap: tokens.spacingHorizontalM,
    backgroundColor: tokens.colorNeutralBackground1,
    minWidth: 0,
    "@media (max-width: 640px)": { gridTemplateColumns: "1fr" },
  },
  legend: { fontWeight: tokens.fontWeightSemibold, paddingInline: tokens.spacingHorizontalXS },
  port: { minWidth: 0, width: "100%", "& input": { minWidth: 0 } },
  wide: { gridColumn: "1 / -1" },
  file: { display: "flex", gap: tokens.spacingHorizontalS, "& > :first-child": { flex: 1, minWidth: 0 } },
});

/** One server of a profile: host, security, port, and whose certificates are believed. */
export function EndpointFields(props: {
  end: "incoming" | "outgoing";
  serverType: string;
  value: EndpointDraft;
  onChange: (change: Partial<EndpointDraft>) => void;
  wrong: { server?: string; port?: string };
}) {
  const styles = useStyles();
  const { value, onChange, end } = props;
  const protocol = end === "outgoing" ? "SMTP" : props.serverType === "pop3_smtp" ? "POP3" : "IMAP";
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>
        {end === "incoming" ? "Incoming" : "Outgoing"} mail ({protocol})
      </legend>
      <Field label="Server" required validationMessage={props.wrong.server}>
        <Input
          value={value.server}
          spellCheck={false}
          onChange={(_, d) => onChange({ server: d.value })}
          data-testid={testIds.wizardServer(end)}
        />
      </Field>
      <Field label="Security">
        <Select
          value={value.security}
          onChange={(_, d) => onChange({ security: d.value as Security })}
          data-testid={testIds.wizardSecurity(end)}
        >
          {wordsOf("security").map(([security, title]) => (
            <option key={security} value={security}>
              {title}
            </option>
          ))}
        </Select>
      </Field>
      <Field label="Port" required validationMessage={props.wrong.port}>
        <Input
          className={styles.port}
          value={value.port}
          inputMode="numeric"
          onChange={(_, d) => onChange({ port: d.value })}
          data-testid={testIds.wizardPort(end)}
        />
      </Field>
      <Field
        className={styles.wide}
        label="CA file"
        hint={
          value.trusted.length > 0
            ? "A certificate of this server is trusted by its fingerprint."
            : "Only for servers with an authority of their own. Others need none."
        }
      >
        {(field) => (
          <div className={styles.file}>
            <Input
              {...field}
              value={value.caFile}
              spellCheck={false}
              onChange={(_, d) => onChange({ caFile: d.value })}
              data-testid={testIds.wizardCaFile(end)}
            />
            <Button
              icon={<FolderOpenRegular />}
              aria-label={`Browse for the CA file of ${protocol}`}
              onClick={() =>
                void chooseCaFile().then((file) => {
                  if (file) onChange({ caFile: file });
                })
              }
            >
              Browse
            </Button>
          </div>
        )}
      </Field>
    </fieldset>
  );
}
