import { Button, Input, mergeClasses, Switch, Text } from "@fluentui/react-components";
import { BranchForkRegular, ServerRegular } from "@fluentui/react-icons";
import { useEffect, useState } from "react";
import type { MigrationRowView, MigrationSideView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading } from "../../components/Page";
import { StatusLabel } from "../../components/StatusLabel";
import { type Column, VirtualTable } from "../../components/VirtualTable";
import { useCompact, useLow } from "../../lib/appearance";
import { testIds } from "../../lib/testids";
import { count, word } from "../../lib/words";
import { Footer } from "./Footer";
import type { PageProps } from "./MigrationPage";
import { PlanOptions } from "./PlanOptions";
import { useDoPlan, usePlan } from "./plan";
import { RowPanel } from "./RowPanel";
import { hasFiles } from "./state";
import { useWizardStyles } from "./styles";

/** Which details are open: those of a row, of all files, or none. */
type Open = number | "all" | null;

/** Page 2: a row per pair of incoming and outgoing server profiles. */
export function ProfilesPage({ state, change }: PageProps) {
  const styles = useWizardStyles();
  const plan = usePlan();
  const decide = useDoPlan("decide_migration");
  const [open, setOpen] = useState<Open>(null);
  const stacked = useCompact(1240);
  const compact = useCompact(1000);
  const low = useLow();

  if (plan.isPending) return <Loading what="the plan" />;
  if (!plan.data)
    return (
      <EmptyState
        icon={<ServerRegular />}
        title="No plan yet"
        actions={
          <Button appearance="primary" onClick={() => change({ type: "go", step: "files" })}>
            Choose the routers’ files
          </Button>
        }
      >
        The server profiles are read from the routers’ files, or from a plan that was saved.
      </EmptyState>
    );

  const rows = plan.data.rows;
  const able = rows.filter((row) => row.profile);
  const chosen = able.filter((row) => row.migrate);
  const row = typeof open === "number" ? rows.find((one) => one.id === open) : undefined;
  const panel = open !== null && (
    <RowPanel row={row ?? null} plan={plan.data} onClose={() => setOpen(null)} />
  );
  const columns: Column<MigrationRowView>[] = [
    {
      id: "incoming",
      title: "Incoming",
      width: "minmax(130px, 1fr)",
      cell: (one) => <Side side={one.incoming} />,
    },
    {
      id: "outgoing",
      title: "Outgoing",
      width: "minmax(130px, 1fr)",
      cell: (one) => <Side side={one.outgoing} />,
      extra: true,
    },
    {
      id: "profile",
      title: "New profile",
      width: "minmax(200px, 1.7fr)",
      cell: (one) => (
        <NewProfile row={one} onName={(name) => void decide.run({ rows: [{ row: one.id, name }] })} />
      ),
    },
    {
      id: "owners",
      title: "Users and queues",
      width: "minmax(100px, 0.6fr)",
      cell: (one) => <Owners row={one} />,
      extra: true,
    },
    {
      id: "migrate",
      title: "Migrate Server Profile",
      width: "minmax(7.5rem, 0.6fr)",
      cell: (one) =>
        one.profile ? (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the click is only kept from the row
          // biome-ignore lint/a11y/noStaticElementInteractions: the switch in it is what one uses
          <span onClick={(event) => event.stopPropagation()}>
            <Switch
              checked={one.migrate}
              label={one.migrate ? "Yes" : "No"}
              aria-label={`Migrate server profile ${one.profile.name}`}
              disabled={decide.isPending}
              onChange={(_, d) => void decide.run({ rows: [{ row: one.id, migrate: d.checked }] })}
              data-testid={testIds.migrationRowMigrate(one.id)}
            />
          </span>
        ) : (
          <StatusLabel status="failed" text="Not possible" />
        ),
    },
  ];
  return (
    <div className={styles.fill} data-testid={testIds.migration}>
      <PlanOptions plan={plan.data} state={state} />
      <div className={styles.bar}>
        <Text aria-live="polite">
          {count(able.length, "pair")} can be migrated, {chosen.length.toLocaleString()} of them chosen
          {rows.length > able.length &&
            `; ${count(rows.length - able.length, "pair")} can’t be, and the row says why`}
          .
        </Text>
        <span className={styles.grow} />
        <Button
          size="small"
          icon={<BranchForkRegular />}
          onClick={() => setOpen("all")}
          data-testid={testIds.migrationAllFields}
        >
          What became of all {plan.data.provenance.fields.toLocaleString()} fields
        </Button>
      </div>
      {decide.error && <ErrorPanel error={decide.error} />}
      {rows.length === 0 ? (
        <EmptyState icon={<ServerRegular />} title="No server profile to migrate">
          {hasFiles(state)
            ? "No user and no queue in these files uses a pair of incoming and outgoing profiles. If that surprises you, publish the settings in the router’s Configuration Manager and copy the files again."
            : "The plan has no pair of incoming and outgoing profiles."}
        </EmptyState>
      ) : (
        <div className={mergeClasses(styles.columns, panel && !stacked && styles.two, low && styles.tall)}>
          {(!panel || !stacked) && (
            <div className={styles.stack}>
              <VirtualTable
                label="Email server profiles"
                rows={rows}
                columns={columns}
                rowKey={(one) => String(one.id)}
                rowName={rowName}
                rowTestId={(one) => testIds.migrationRow(one.id)}
                open={row ? String(row.id) : null}
                onOpen={(one) => setOpen(one.id)}
                compact={Boolean(panel) || compact}
                lines={3}
              />
            </div>
          )}
          {panel}
        </div>
      )}
      <Footer
        onBack={() => change({ type: "go", step: "files" })}
        next={
          <Button
            appearance="primary"
            onClick={() => change({ type: "go", step: "review" })}
            data-testid={testIds.migrationNext}
          >
            Next
          </Button>
        }
      />
    </div>
  );
}

const rowName = (row: MigrationRowView) =>
  `${sideName(row.incoming)} and ${sideName(row.outgoing)}${row.profile ? `, ${row.profile.name}` : ", can’t be migrated"}`;
const sideName = (side: MigrationSideView | null) =>
  side ? `${side.kind_name} ${side.location || "found by Autodiscover"}` : "none";

function Side({ side }: { side: MigrationSideView | null }) {
  const styles = useWizardStyles();
  if (!side) return <span className={styles.quiet}>None</span>;
  const where = side.location ? `${side.location}${side.port ? `:${side.port}` : ""}` : "Autodiscover";
  return (
    <div className={styles.cell} title={`${side.kind_name}, ${where}`}>
      <span className={styles.line}>{side.kind_name}</span>
      <span className={mergeClasses(styles.line, styles.quiet)}>{side.kind === "custom" ? "–" : where}</span>
    </div>
  );
}

function Owners({ row }: { row: MigrationRowView }) {
  const styles = useWizardStyles();
  return (
    <div className={styles.cell}>
      <span className={styles.line}>{count(row.users, "user")}</span>
      <span className={mergeClasses(styles.line, styles.quiet)}>{count(row.queues, "queue")}</span>
      {row.forward_mailboxes > 0 && (
        <span className={mergeClasses(styles.line, styles.quiet)}>{row.forward_mailboxes} forward</span>
      )}
    </div>
  );
}

function NewProfile({ row, onName }: { row: MigrationRowView; onName: (name: string) => void }) {
  const styles = useWizardStyles();
  const profile = row.profile;
  const [name, setName] = useState(profile?.name ?? "");
  useEffect(() => setName(profile?.name ?? ""), [profile?.name]);
  if (!profile)
    return (
      <div className={styles.clamp} title={row.cannot ?? undefined}>
        {row.cannot}
      </div>
    );
  const keep = () => {
    const wanted = name.trim();
    if (!wanted) setName(profile.name);
    else if (wanted !== profile.name) onName(wanted);
  };
  const security = [...new Set([profile.incoming, profile.outgoing].flatMap((e) => (e ? [e.security] : [])))];
  const facts = [
    word("serverType", profile.server_type),
    security.map((one) => word("security", one)).join(" and "),
    word("authentication", profile.authenticate_using),
  ].join(" · ");
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the click is only kept from the row
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field in it hears the keys
    <div className={styles.cell} onClick={(event) => event.stopPropagation()}>
      {profile.existing ? (
        <span className={styles.line} title={profile.name}>
          {profile.name} (is here already)
        </span>
      ) : (
        <Input
          size="small"
          value={name}
          maxLength={100}
          title={name}
          aria-label={`Name of the new profile of ${sideName(row.incoming)} and ${sideName(row.outgoing)}`}
          onChange={(_, d) => setName(d.value)}
          onBlur={keep}
          onKeyDown={(event) => {
            if (event.key === "Enter") keep();
            if (event.key === "Escape") setName(profile.name);
          }}
          data-testid={testIds.migrationRowName(row.id)}
        />
      )}
      <span className={mergeClasses(styles.clampTwo, styles.quiet)} title={facts}>
        {profile.cannot_enable ? "Can’t be enabled yet · " : ""}
        {facts}
      </span>
    </div>
  );
}
