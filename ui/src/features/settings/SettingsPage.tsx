import {
  Button,
  Field,
  Input,
  makeStyles,
  Radio,
  RadioGroup,
  Select,
  Subtitle1,
  Subtitle2,
  Switch,
  Text,
  tokens,
} from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import packageFile from "../../../package.json";
import type { SettingsView } from "../../bindings";
import { Confirm } from "../../components/Confirm";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Facts } from "../../components/Facts";
import { Loading, Page } from "../../components/Page";
import { setAppearance, TEXT_SIZES, type ThemeChoice, useAppearance } from "../../lib/appearance";
import { backend, type OnClose } from "../../lib/backend";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { AlertSettings } from "./AlertSettings";
import { Help } from "./Help";

const useStyles = makeStyles({
  section: {
    display: "grid",
    gap: tokens.spacingVerticalM,
    padding: tokens.spacingHorizontalXL,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    maxWidth: "760px",
    boxSizing: "border-box",
  },
  title: { margin: 0 },
  quiet: { color: tokens.colorNeutralForeground3 },
  actions: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "center", flexWrap: "wrap" },
  narrow: { maxWidth: "18rem" },
});

function Section({ title, children }: { title: string; children: ReactNode }) {
  const styles = useStyles();
  return (
    <section className={styles.section} aria-label={title}>
      <Subtitle1 as="h2" className={styles.title}>
        {title}
      </Subtitle1>
      {children}
    </section>
  );
}

/** Settings of the organization and of this window. */
export function SettingsPage() {
  return (
    <Page title="Settings">
      <Organization />
      <Section title="Alerts">
        <AlertSettings />
      </Section>
      <Passwords />
      <Appearance />
      <Closing />
      <Practice />
      <Section title="Help">
        <Help />
      </Section>
      <Section title="About">
        <Facts
          facts={[
            ["Version", packageFile.version],
            ["Licence", "Apache-2.0"],
            ["Network", "Tandem speaks to the servers of your profiles, and to nobody else."],
          ]}
        />
      </Section>
    </Page>
  );
}

type Numeric = [keyof SettingsView & string, string, string, number, number];

const NUMBERS: Numeric[] = [
  [
    "cycle_interval_minutes",
    "Own interval, in minutes",
    "From the end of a cycle to the next one. 0 leaves it to the policy above.",
    0,
    1440,
  ],
  ["max_delivery_attempts", "Attempts to send an email", "After these it fails with an alert.", 1, 1000],
  [
    "max_message_mib",
    "Largest message, in MiB",
    "Larger ones get a row in the ledger and are not fetched.",
    1,
    4096,
  ],
  [
    "test_batch_mailboxes",
    "Mailboxes in one batch of Test & Enable",
    "Larger tests run in batches, queues first.",
    1,
    10_000,
  ],
  ["test_batch_hours", "Hours between two batches", "Counted from start to start.", 0, 168],
  ["history_days", "Days of history", "What cycles did, hour by hour, for Monitoring and its CSV.", 1, 366],
];

const CAPACITY: Numeric[] = [
  [
    "max_incoming_cycles",
    "Incoming cycles at once",
    "The others wait their turn, the longest due first.",
    1,
    1000,
  ],
  [
    "max_outgoing_cycles",
    "Outgoing cycles at once",
    "Apart from the incoming ones: neither waits for the other.",
    1,
    1000,
  ],
  ["max_operations", "Tests at once", "Mailboxes that Test & Enable works on side by side.", 1, 1000],
  [
    "cycle_seconds",
    "Seconds of one turn",
    "A long cycle lets others go first after these, and goes on later.",
    5,
    3600,
  ],
  ["cycle_mib", "MiB of one turn", "The same after fetching so much.", 1, 16384],
  [
    "cycle_timeout_minutes",
    "Minutes before a cycle is broken off",
    "For a server that neither answers nor hangs up.",
    1,
    1440,
  ],
  [
    "connect_timeout_seconds",
    "Seconds to connect",
    "After these the server counts as not reachable.",
    1,
    600,
  ],
  ["read_timeout_seconds", "Seconds to answer", "How long a server may be silent within a session.", 1, 600],
];

const POLICIES: [string, string, string][] = [
  ["online", "Online", "Email 5 minutes after a cycle ends."],
  ["on_premises_9", "On-premises 9.x", "5 minutes; down to 2 when busy, up to 12 when quiet."],
  ["crm_2015", "CRM 2015", "15 minutes; up to 4 hours when nothing comes for a long time."],
];

function Organization() {
  const styles = useStyles();
  const settings = useAction("settings", {});
  const save = useDo("save_settings");
  const [draft, setDraft] = useState<SettingsView | null>(null);
  const [numbers, setNumbers] = useState<Record<string, string>>({});
  useEffect(() => {
    if (settings.data) setDraft((before) => before ?? settings.data);
  }, [settings.data]);
  if (settings.isPending) return <Loading what="settings" />;
  if (settings.error) return <ErrorPanel error={settings.error} onRetry={() => void settings.refetch()} />;
  if (!draft) return null;
  const wrong = (field: string, least: number, most: number) => {
    const text = numbers[field];
    if (text === undefined) return undefined;
    const good = /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most;
    return good ? undefined : `${least} to ${most}.`;
  };
  const bad = [...NUMBERS, ...CAPACITY].some(([field, , , least, most]) => wrong(field, least, most));
  const number = ([field, label, hint, least, most]: Numeric) => (
    <Field
      key={field}
      className={styles.narrow}
      label={label}
      hint={hint}
      validationMessage={wrong(field, least, most)}
    >
      <Input
        type="number"
        min={least}
        max={most}
        value={numbers[field] ?? String(draft[field])}
        onChange={(_, d) => setNumbers({ ...numbers, [field]: d.value })}
        data-testid={testIds.settingsField(field)}
      />
    </Field>
  );
  return (
    <Section title="Organization">
      <Switch
        checked={draft.require_approval}
        onChange={(_, d) => setDraft({ ...draft, require_approval: d.checked })}
        label="Process approved mailboxes only"
        data-testid={testIds.settingsField("require_approval")}
      />
      <Switch
        checked={draft.allow_plain_connections}
        onChange={(_, d) => setDraft({ ...draft, allow_plain_connections: d.checked })}
        label="Allow connections without TLS"
        data-testid={testIds.settingsField("allow_plain_connections")}
      />
      {draft.allow_plain_connections && (
        <Text className={styles.quiet}>Passwords and mail of such connections can be read on the way.</Text>
      )}
      <Field
        className={styles.narrow}
        label="Process email using"
        hint={
          draft.process_email_using === "email_router"
            ? "Tandem processes no email of this organization until you switch."
            : "The Email Router must not process this organization's email as well."
        }
      >
        <Select
          value={draft.process_email_using}
          onChange={(_, d) => setDraft({ ...draft, process_email_using: d.value })}
          data-testid={testIds.settingsField("process_email_using")}
        >
          <option value="server_side_synchronization">Server-Side Synchronization</option>
          <option value="email_router">Email Router</option>
        </Select>
      </Field>
      <Field
        className={styles.narrow}
        label="How often mailboxes are synchronized"
        hint={POLICIES.find(([value]) => value === draft.frequency)?.[2]}
      >
        <Select
          value={draft.frequency}
          onChange={(_, d) => setDraft({ ...draft, frequency: d.value })}
          data-testid={testIds.settingsField("frequency")}
        >
          {POLICIES.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
      </Field>
      {NUMBERS.map(number)}
      <Switch
        checked={draft.push}
        onChange={(_, d) => setDraft({ ...draft, push: d.checked })}
        label="Let servers announce new mail (IMAP IDLE)"
        data-testid={testIds.settingsField("push")}
      />
      <Subtitle2 as="h3" className={styles.title}>
        Capacity
      </Subtitle2>
      <Text className={styles.quiet}>These take effect when Tandem starts the next time.</Text>
      {CAPACITY.map(number)}
      {save.error && <ErrorPanel error={save.error} />}
      <div className={styles.actions}>
        <Button
          appearance="primary"
          disabled={bad || save.isPending}
          onClick={() => {
            const typed = Object.fromEntries(
              Object.entries(numbers).map(([field, text]) => [field, Number(text)]),
            );
            save.mutate({ ...draft, ...typed }, { onSuccess: setDraft });
          }}
          data-testid={testIds.settingsSave}
        >
          Save settings
        </Button>
        {save.isSuccess && <Text role="status">Saved</Text>}
      </div>
    </Section>
  );
}

const SECRETS: Record<string, string> = { ready: "Ready", locked: "Locked", absent: "Not available" };

function Passwords() {
  const home = useAction("home", {});
  if (!home.data) return null;
  const { secrets } = home.data;
  return (
    <Section title="Passwords">
      <Text>Passwords are kept in {secrets.name}, never in the database, a log or an export.</Text>
      <Facts
        facts={[
          ["State", SECRETS[secrets.state] ?? secrets.state],
          ["", secrets.message || null],
        ]}
      />
    </Section>
  );
}

const THEMES: [ThemeChoice, string][] = [
  ["system", "Follow the system"],
  ["light", "Light"],
  ["dark", "Dark"],
  ["contrast", "High contrast"],
];

function Appearance() {
  const styles = useStyles();
  const appearance = useAppearance();
  return (
    <Section title="Appearance">
      <Field label="Colors">
        <RadioGroup
          value={appearance.theme}
          onChange={(_, d) => setAppearance({ theme: d.value as ThemeChoice })}
          layout="vertical"
        >
          {THEMES.map(([value, label]) => (
            <Radio key={value} value={value} label={label} data-testid={testIds.settingsTheme(value)} />
          ))}
        </RadioGroup>
      </Field>
      <Field label="Text size" className={styles.narrow}>
        <Select
          value={String(appearance.textSize)}
          onChange={(_, d) => setAppearance({ textSize: Number(d.value) })}
          data-testid={testIds.settingsTextSize}
        >
          {TEXT_SIZES.map((size) => (
            <option key={size} value={size}>
              {size} %
            </option>
          ))}
        </Select>
      </Field>
      <Text className={styles.quiet}>Movement follows the system's setting for reduced motion.</Text>
    </Section>
  );
}

function Closing() {
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const settings = useQuery({ queryKey: ["desktop"], queryFn: () => backend().desktopSettings() });
  const choose = async (value: string) => {
    setError(null);
    try {
      await backend().saveDesktopSettings({ on_close: value === "ask" ? null : (value as OnClose) });
      await queries.invalidateQueries({ queryKey: ["desktop"] });
    } catch (thrown) {
      setError(thrown);
    }
  };
  return (
    <Section title="Closing the window">
      {error !== null && <ErrorPanel error={error} />}
      <RadioGroup
        aria-label="Closing the window"
        value={settings.data?.on_close ?? "ask"}
        onChange={(_, d) => void choose(d.value)}
        data-testid={testIds.settingsOnClose}
      >
        <Radio value="hide" label="Keeps synchronizing in the background, with an icon in the tray" />
        <Radio value="quit" label="Quits Tandem; nothing is synchronized until it is started again" />
        <Radio value="ask" label="Asks" />
      </RadioGroup>
    </Section>
  );
}

function Practice() {
  const styles = useStyles();
  const practice = useAction("practice", {});
  const start = useDo("start_practice");
  const stop = useDo("stop_practice");
  const [asking, setAsking] = useState(false);
  const running = practice.data?.running ?? false;
  const error = practice.error ?? start.error ?? stop.error;
  return (
    <Section title="Practice organization">
      <Text>
        Servers on this computer with made-up people and mail, synchronized for real, beside your own
        organization. Nothing leaves this computer, and it is removed without a trace.
      </Text>
      {error && <ErrorPanel error={error} />}
      {running && (
        <Facts
          facts={[
            ["Servers", practice.data?.servers.join("; ")],
            ["Mailboxes", practice.data?.mailboxes.join(", ")],
            ["CA file", practice.data?.ca_file],
          ]}
        />
      )}
      <div className={styles.actions}>
        {running ? (
          <Button
            disabled={stop.isPending}
            onClick={() => setAsking(true)}
            data-testid={testIds.practiceStop}
          >
            {stop.isPending ? "Removing…" : "End practice and remove it"}
          </Button>
        ) : (
          <Button
            disabled={start.isPending}
            onClick={() => start.mutate({})}
            data-testid={testIds.practiceStart}
          >
            {start.isPending ? "Starting…" : "Start practicing"}
          </Button>
        )}
      </div>
      {asking && (
        <Confirm
          title="End practice?"
          no="Go on practicing"
          yes="Remove the practice organization"
          onNo={() => setAsking(false)}
          onYes={() => {
            setAsking(false);
            stop.mutate({});
          }}
        >
          Its mailboxes, records and mail are removed. Your own organization is not touched.
        </Confirm>
      )}
    </Section>
  );
}
