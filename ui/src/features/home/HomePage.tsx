import {
  Button,
  Card,
  makeStyles,
  ProgressBar,
  Subtitle2,
  Text,
  Title2,
  tokens,
} from "@fluentui/react-components";
import {
  ArrowImportRegular,
  BeakerRegular,
  ServerRegular,
  ShieldCheckmarkRegular,
} from "@fluentui/react-icons";
import { Link, useNavigate } from "@tanstack/react-router";
import type { Home } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading, Page } from "../../components/Page";
import { StatusIcon, StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { useLive } from "../../lib/live";
import { useAction, useDo } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count, word } from "../../lib/words";
import { AlertList } from "./AlertList";

const useStyles = makeStyles({
  headline: {
    display: "grid",
    gridTemplateColumns: "auto minmax(0, 1fr)",
    alignItems: "center",
    gap: `0 ${tokens.spacingHorizontalL}`,
    padding: tokens.spacingHorizontalL,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
  },
  words: { display: "grid", gap: tokens.spacingVerticalXXS },
  bigIcon: { fontSize: "36px", display: "inline-flex" },
  title: { margin: 0, fontSize: tokens.fontSizeBase500, lineHeight: tokens.lineHeightBase500 },
  quiet: { color: tokens.colorNeutralForeground3 },
  section: { display: "grid", gap: tokens.spacingVerticalM },
  sectionTitle: { margin: 0 },
  grid: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(300px, 100%), 1fr))",
    gap: tokens.spacingHorizontalL,
    alignItems: "start",
  },
  counts: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(150px, 100%), 1fr))",
    gap: tokens.spacingHorizontalM,
  },
  count: {
    display: "grid",
    gap: tokens.spacingVerticalXXS,
    padding: `${tokens.spacingVerticalM} ${tokens.spacingHorizontalL}`,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusLarge,
    color: tokens.colorNeutralForeground1,
    textDecorationLine: "none",
    ":hover": { backgroundColor: tokens.colorNeutralBackground2 },
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  number: {
    fontSize: tokens.fontSizeHero700,
    lineHeight: tokens.lineHeightHero700,
    fontWeight: tokens.fontWeightSemibold,
  },
  running: { display: "grid", gap: tokens.spacingVerticalXS },
  rows: { listStyle: "none", padding: 0, margin: 0, display: "grid", gap: tokens.spacingVerticalM },
  row: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr) max-content",
    gap: tokens.spacingHorizontalM,
    overflowWrap: "anywhere",
  },
  choices: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(260px, 100%), 1fr))",
    gap: tokens.spacingHorizontalL,
    maxWidth: "1100px",
    width: "100%",
    marginInline: "auto",
  },
  choice: {
    padding: tokens.spacingHorizontalXL,
    gap: tokens.spacingVerticalM,
    display: "flex",
    flexDirection: "column",
  },
  choiceIcon: { fontSize: "32px", color: tokens.colorBrandForeground1, display: "inline-flex" },
  grow: { flex: 1 },
});

/** Is anything broken, what needs me, what happens now. */
export function HomePage() {
  const home = useAction("home", {}, { refetchEvery: 30_000 });
  return (
    <Page title="Home">
      {home.error && <ErrorPanel error={home.error} onRetry={() => void home.refetch()} />}
      {home.isPending && <Loading what="the state of things" />}
      {home.data && (home.data.status === "empty" ? <FirstRun /> : <State home={home.data} />)}
    </Page>
  );
}

function FirstRun() {
  const styles = useStyles();
  const navigate = useNavigate();
  const practice = useDo("start_practice");
  return (
    <>
      <EmptyState icon={<ShieldCheckmarkRegular />} title="Nothing is set up yet">
        Tandem keeps mailboxes and your records in step. Tell it about a mail server, or look around first
        with made-up mail.
      </EmptyState>
      {practice.error && <ErrorPanel error={practice.error} />}
      <div className={styles.choices}>
        <Card className={styles.choice}>
          <span className={styles.choiceIcon} aria-hidden="true">
            <ServerRegular />
          </span>
          <Subtitle2 as="h2" className={styles.sectionTitle}>
            Set up a profile
          </Subtitle2>
          <Text className={styles.grow}>
            Name your mail server, try it, and add mailboxes. Nothing is written before the last step. Takes
            about three minutes.
          </Text>
          <Button
            appearance="primary"
            onClick={() => void navigate({ to: "/profiles/new" })}
            data-testid={testIds.homeSetUpProfile}
          >
            Set up a profile
          </Button>
        </Card>
        <Card className={styles.choice}>
          <span className={styles.choiceIcon} aria-hidden="true">
            <BeakerRegular />
          </span>
          <Subtitle2 as="h2" className={styles.sectionTitle}>
            Try the practice organization
          </Subtitle2>
          <Text className={styles.grow}>
            Servers on this computer with made-up people and mail, synchronized for real. It is removed
            without a trace when you end it.
          </Text>
          <Button
            onClick={() => practice.mutate({})}
            disabled={practice.isPending}
            data-testid={testIds.homeTryPractice}
          >
            {practice.isPending ? "Starting…" : "Start practicing"}
          </Button>
        </Card>
        <Card className={styles.choice}>
          <span className={styles.choiceIcon} aria-hidden="true">
            <ArrowImportRegular />
          </span>
          <Subtitle2 as="h2" className={styles.sectionTitle}>
            Leave the Email Router
          </Subtitle2>
          <Text className={styles.grow}>
            Bring the profiles, mailboxes and dates of up to four Email Routers. You see what will happen
            before anything is written.
          </Text>
          <Button onClick={() => void navigate({ to: "/migration" })} data-testid={testIds.homeMigrate}>
            Migrate Email Routers
          </Button>
        </Card>
      </div>
    </>
  );
}

function State({ home }: { home: Home }) {
  const styles = useStyles();
  return (
    <>
      <section
        className={styles.headline}
        aria-live="polite"
        data-testid={testIds.homeHeadline}
        data-status={home.status}
      >
        <span className={styles.bigIcon}>
          <StatusIcon status={home.status} />
        </span>
        <div className={styles.words}>
          <Title2 as="h2" className={styles.title}>
            {home.headline}
          </Title2>
          <Text className={styles.quiet}>
            {word("status", home.status)}
            {home.since && (
              <>
                {" since "}
                <TimeText at={home.since} />
              </>
            )}
            {" · "}
            {home.engine_running ? (
              home.next_due ? (
                <>
                  next cycle <TimeText at={home.next_due} />
                </>
              ) : (
                "no cycle is due"
              )
            ) : (
              "the engine does not run, so nothing is synchronized"
            )}
            {home.engine_running && (
              <span data-testid={testIds.homeEngine} data-place={home.engine.place}>
                {" · the engine runs "}
                {word("place", home.engine.place)}
                {home.engine.place !== "window" && home.engine.since && (
                  <>
                    {", since "}
                    <TimeText at={home.engine.since} />
                  </>
                )}
              </span>
            )}
          </Text>
        </div>
      </section>
      {home.secrets.state !== "ready" && (
        <ErrorPanel
          intent="warning"
          error={{
            code: `secrets_${home.secrets.state}`,
            object: `Passwords (${home.secrets.name})`,
            message: home.secrets.message,
            remedy: "",
            server_said: null,
            retry_at: null,
            certificate: null,
          }}
        />
      )}
      <AlertList alerts={home.needs_attention} />
      <Counts home={home} />
      <div className={styles.grid}>
        <Running home={home} />
        <Overview home={home} />
      </div>
    </>
  );
}

function Counts({ home }: { home: Home }) {
  const styles = useStyles();
  return (
    <section aria-label="Counts" className={styles.counts}>
      <Link to="/mailboxes" className={styles.count}>
        <span className={styles.number}>
          {home.mailboxes_enabled.toLocaleString()}
          <Text className={styles.quiet}> of {home.mailboxes.toLocaleString()}</Text>
        </span>
        <span className={styles.quiet}>mailboxes enabled</span>
      </Link>
      {home.mailboxes_pending_approval > 0 && (
        <Link to="/mailboxes" search={{ status: "pending" }} className={styles.count}>
          <span className={styles.number}>{home.mailboxes_pending_approval.toLocaleString()}</span>
          <span className={styles.quiet}>wait for approval</span>
        </Link>
      )}
      <Link to="/records" search={{ status: "received" }} className={styles.count}>
        <span className={styles.number}>{home.received_today.toLocaleString()}</span>
        <span className={styles.quiet}>received today (UTC)</span>
      </Link>
      <Link to="/records" search={{ status: "sent" }} className={styles.count}>
        <span className={styles.number}>{home.sent_today.toLocaleString()}</span>
        <span className={styles.quiet}>sent today (UTC)</span>
      </Link>
      <Link to="/records" search={{ status: "pending_send" }} className={styles.count}>
        <span className={styles.number}>{home.waiting_to_send.toLocaleString()}</span>
        <span className={styles.quiet}>wait to be sent</span>
      </Link>
      {home.failed_to_send > 0 && (
        <Link to="/records" search={{ status: "failed" }} className={styles.count}>
          <span className={styles.number}>{home.failed_to_send.toLocaleString()}</span>
          <span className={styles.quiet}>failed to be sent</span>
        </Link>
      )}
      {home.quarantined > 0 && (
        <Link to="/ledger" search={{ tab: "quarantine" }} className={styles.count}>
          <span className={styles.number}>{home.quarantined.toLocaleString()}</span>
          <span className={styles.quiet}>in quarantine</span>
        </Link>
      )}
    </section>
  );
}

function Running({ home }: { home: Home }) {
  const styles = useStyles();
  const live = useLive();
  const known = new Set(home.running.map((r) => `${r.mailbox} ${r.workload}`));
  const rows = [
    ...home.running.map((r) => ({ ...r, ...live.progress.get(`${r.mailbox} ${r.workload}`) })),
    ...[...live.progress.values()]
      .filter((p) => !known.has(`${p.mailbox} ${p.workload}`))
      .map((p) => ({ ...p, kind: "cycle" })),
  ];
  return (
    <section className={styles.section} data-testid={testIds.homeRunning}>
      <Subtitle2 as="h2" className={styles.sectionTitle}>
        What happens now
      </Subtitle2>
      {rows.length === 0 && (
        <Text className={styles.quiet}>
          Nothing runs at the moment.
          {home.next_due && (
            <>
              {" "}
              The next cycle is due <TimeText at={home.next_due} />.
            </>
          )}
        </Text>
      )}
      <ul className={styles.rows}>
        {rows.slice(0, 8).map((r) => (
          <li key={`${r.mailbox} ${r.workload}`} className={styles.running}>
            <span className={styles.row}>
              <span>
                {r.mailbox}{" "}
                <span className={styles.quiet}>
                  · {r.kind === "test" ? "test" : word("workload", r.workload).toLowerCase()}
                </span>
              </span>
              <span className={styles.quiet}>
                {r.total
                  ? `${r.done.toLocaleString()} of ${r.total.toLocaleString()}`
                  : count(r.done, "item")}
              </span>
            </span>
            <ProgressBar
              value={r.total ? r.done / r.total : undefined}
              aria-label={`${r.mailbox}, ${word("workload", r.workload)}`}
            />
          </li>
        ))}
      </ul>
      {rows.length > 8 && <Text className={styles.quiet}>and {rows.length - 8} more</Text>}
    </section>
  );
}

function Overview({ home }: { home: Home }) {
  const styles = useStyles();
  return (
    <section className={styles.section}>
      <Subtitle2 as="h2" className={styles.sectionTitle}>
        Mailboxes
      </Subtitle2>
      <ul className={styles.rows}>
        {home.mailbox_overview.slice(0, 8).map((m) => (
          <li key={m.id} className={styles.row}>
            <AppLink to="/mailboxes" search={{ open: m.email }}>
              {m.email}
            </AppLink>
            <StatusLabel status={m.status} />
          </li>
        ))}
      </ul>
      {home.mailboxes > 8 && (
        <AppLink to="/mailboxes">All {home.mailboxes.toLocaleString()} mailboxes</AppLink>
      )}
    </section>
  );
}
