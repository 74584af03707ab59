import { makeStyles, Text, tokens } from "@fluentui/react-components";
import type { EmailView, PartyView } from "../../bindings";
import { word } from "../../lib/words";

const useStyles = makeStyles({
  list: {
    display: "grid",
    gridTemplateColumns: "max-content minmax(0, 1fr)",
    gap: `${tokens.spacingVerticalXXS} ${tokens.spacingHorizontalM}`,
    margin: 0,
  },
  role: { color: tokens.colorNeutralForeground3 },
  value: {
    margin: 0,
    display: "flex",
    flexWrap: "wrap",
    gap: `${tokens.spacingVerticalXXS} ${tokens.spacingHorizontalM}`,
    overflowWrap: "anywhere",
  },
  resolved: {
    marginLeft: tokens.spacingHorizontalXS,
    padding: `0 ${tokens.spacingHorizontalXS}`,
    borderRadius: tokens.borderRadiusSmall,
    backgroundColor: tokens.colorNeutralBackground3,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    color: tokens.colorNeutralForeground2,
    fontSize: tokens.fontSizeBase200,
  },
  refused: { color: tokens.colorStatusDangerForeground1, display: "block" },
});

/** Recipient lists of thousands are cut; the count says so. */
const SHOWN = 20;

/** Who takes part, and which records they are. */
export function Parties({ email }: { email: EmailView }) {
  const styles = useStyles();
  const roles: [string, PartyView[]][] = [
    ["From", email.from],
    ["To", email.to],
    ["Cc", email.cc],
    ["Bcc", email.bcc],
  ];
  return (
    <dl className={styles.list}>
      {roles
        .filter(([, parties]) => parties.length > 0)
        .map(([role, parties]) => [
          <dt key={role} className={styles.role}>
            {role}
          </dt>,
          <dd key={`${role}-value`} className={styles.value}>
            {parties.slice(0, SHOWN).map((party) => (
              <Party key={party.address} party={party} />
            ))}
            {parties.length > SHOWN && <Text>and {(parties.length - SHOWN).toLocaleString()} more</Text>}
          </dd>,
        ])}
    </dl>
  );
}

function Party({ party }: { party: PartyView }) {
  const styles = useStyles();
  return (
    <span>
      {party.name ? `${party.name} <${party.address}>` : party.address}
      {party.resolved.map((record) => (
        <span key={record.id} className={styles.resolved}>
          {word("resolved", record.type)}: {record.name}
        </span>
      ))}
      {party.resolved.length === 0 && <span className={styles.resolved}>No record</span>}
      {party.delivery === "refused" && <span className={styles.refused}>Refused: {party.delivery_said}</span>}
    </span>
  );
}
