import { Button, Field, Input, mergeClasses, SearchBox, Text } from "@fluentui/react-components";
import { KeyRegular } from "@fluentui/react-icons";
import { useState } from "react";
import type { MigrationPasswordView, MigrationSummaryView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState } from "../../components/Page";
import { useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count } from "../../lib/words";
import { Footer } from "./Footer";
import { listed } from "./state";
import { useWizardStyles } from "./styles";

const A_PAGE = 50;

/** The passwords that the migration needs, once per account. What is typed is kept nowhere but in the field. */
export function PasswordsPage(props: { summary: MigrationSummaryView; onDone: () => void }) {
  const styles = useWizardStyles();
  const keep = useDo("enter_migration_passwords");
  const [typed, setTyped] = useState<Map<number, string>>(new Map());
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState(A_PAGE);
  const missing = props.summary.passwords.filter((one) => !one.is_set);
  const found = missing.filter((one) => matches(one, search));
  const entered = [...typed].filter(([, password]) => password !== "");

  const save = async () => {
    if (entered.length === 0) return;
    try {
      const after = await keep.mutateAsync({
        passwords: entered.map(([credential, password]) => ({ credential, password })),
      });
      setTyped(new Map());
      if (after.passwords_missing === 0) props.onDone();
    } catch {
      // Shown below; what was typed stays.
    }
  };
  return (
    <form
      className={mergeClasses(styles.page, styles.narrow)}
      noValidate
      data-testid={testIds.migrationPasswords}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Text as="h3" size={400} weight="semibold" className={styles.title}>
        Enter passwords
      </Text>
      <Text>
        {count(missing.length, "password")} missing. Each is entered once and kept in this computer’s
        credential store for everything that uses it. You can enter some now and the others later.
      </Text>
      {missing.length > 10 && (
        <SearchBox
          placeholder="Search account, server, mailbox"
          aria-label="Search accounts"
          value={search}
          onChange={(_, d) => setSearch(d.value)}
        />
      )}
      {missing.length === 0 && (
        <EmptyState icon={<KeyRegular />} title="All passwords are there">
          Nothing is left to enter.
        </EmptyState>
      )}
      {found.slice(0, shown).map((one) => (
        <section
          key={one.credential}
          className={styles.card}
          aria-label={`${one.user_name} at ${one.server}`}
        >
          <Field label={`Password of ${one.user_name} at ${one.server}`} hint={usedBy(one)}>
            <Input
              type="password"
              autoComplete="off"
              value={typed.get(one.credential) ?? ""}
              onChange={(_, d) => setTyped(new Map(typed).set(one.credential, d.value))}
              data-testid={testIds.migrationPassword(one.credential)}
            />
          </Field>
        </section>
      ))}
      {found.length > shown && (
        <div className={styles.bar}>
          <Button onClick={() => setShown(shown + A_PAGE)}>
            Show {Math.min(A_PAGE, found.length - shown)} more of {(found.length - shown).toLocaleString()}
          </Button>
        </div>
      )}
      {missing.length > 0 && found.length === 0 && <Text>No account passes the search.</Text>}
      {keep.error && <ErrorPanel error={keep.error} />}
      <Footer
        onBack={props.onDone}
        next={
          missing.length > 0 && (
            <Button
              type="submit"
              appearance="primary"
              disabled={entered.length === 0 || keep.isPending}
              data-testid={testIds.migrationKeepPasswords}
            >
              {keep.isPending ? "Keeping…" : `Keep ${count(entered.length, "password")}`}
            </Button>
          )
        }
      />
    </form>
  );
}

const matches = (one: MigrationPasswordView, search: string) =>
  [one.user_name, one.server, ...one.profiles, ...one.mailboxes]
    .join(" ")
    .toLowerCase()
    .includes(search.trim().toLowerCase());

function usedBy(one: MigrationPasswordView): string {
  const names = [...one.profiles.map((name) => `profile ${name}`), ...one.mailboxes];
  const shown = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
  return `Used by ${listed(shown)}. ${one.reason}`;
}
