import {
  Button,
  MessageBar,
  MessageBarBody,
  makeStyles,
  mergeClasses,
  SearchBox,
  Text,
  ToggleButton,
  tokens,
} from "@fluentui/react-components";
import { DocumentArrowDownRegular } from "@fluentui/react-icons";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type {
  MigrationFieldView,
  MigrationPlanView,
  MigrationRowView,
  MigrationSideView,
} from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Facts } from "../../components/Facts";
import { Loading } from "../../components/Page";
import { SidePanel } from "../../components/SidePanel";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { type Column, VirtualTable } from "../../components/VirtualTable";
import { call } from "../../lib/backend";
import { useSettled } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { word } from "../../lib/words";
import { useSaveTo } from "./plan";
import { SavedTo } from "./SavedTo";
import { useWizardStyles } from "./styles";

const useStyles = makeStyles({
  fields: {
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalS,
    minHeight: "420px",
    height: "60vh",
  },
  search: { flex: "1 1 180px" },
  mono: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
});

/** The details of a row: the profile that it becomes, and every field of the files with what became of it. */
export function RowPanel(props: {
  row: MigrationRowView | null;
  plan: MigrationPlanView;
  onClose: () => void;
}) {
  const { row, plan } = props;
  const profile = row?.profile;
  const title = row ? (profile?.name ?? "Can’t be migrated") : "All fields of the files";
  return (
    <SidePanel title={title} testId={testIds.migrationDetails} onClose={props.onClose}>
      {row?.cannot && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>{row.cannot}</MessageBarBody>
        </MessageBar>
      )}
      {profile?.cannot_enable && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>{profile.cannot_enable}</MessageBarBody>
        </MessageBar>
      )}
      {row?.findings.map((finding) => (
        <Text key={finding.code}>
          {finding.text}
          {finding.error_code && ` (${finding.error_code})`}
        </Text>
      ))}
      {row && (
        <Facts
          facts={[
            ["In the routers", row.routers.map((n) => `Email Router ${n}`).join(", ")],
            ["Incoming, old", old(row.incoming)],
            ["Outgoing, old", old(row.outgoing)],
            ["Server type", profile ? word("serverType", profile.server_type) : null],
            ["Incoming, new", profile?.incoming ? where(profile.incoming) : null],
            ["Outgoing, new", profile?.outgoing ? where(profile.outgoing) : null],
            ["Credentials", profile ? word("authentication", profile.authenticate_using) : null],
            ["User name", profile?.user_name ?? null],
            ["Process emails from", profile ? <TimeText key="t" at={profile.process_emails_from} /> : null],
          ]}
        />
      )}
      {plan.has_provenance ? (
        <Fields row={row?.id ?? null} />
      ) : (
        <Text>
          This plan came from a file: what became of each field is listed only while the routers’ files were
          read since the window opened. Choose them again to see it, or look into the report that was saved
          with the plan.
        </Text>
      )}
    </SidePanel>
  );
}

const old = (side: MigrationSideView | null) =>
  side &&
  `${side.kind_name}${side.location ? `, ${side.location}` : ""}${side.port ? `, port ${side.port}` : ""}${side.authentication ? `, ${side.authentication}` : ""} (Email Router ${side.router}, line ${side.line})`;
const where = (end: { server: string; port: number; security: string }) =>
  `${end.server}, port ${end.port}, ${word("security", end.security)}`;

const FATES = ["taken", "changed", "dropped", "unreadable"] as const;

function Fields({ row }: { row: number | null }) {
  const styles = useStyles();
  const shared = useWizardStyles();
  const [fate, setFate] = useState<string | null>(null);
  const [search, setSearch] = useState("");
  const wanted = useSettled(search);
  const pages = useInfiniteQuery({
    queryKey: ["migration_provenance", row, fate, wanted],
    queryFn: ({ pageParam }) =>
      call("migration_provenance", { row, fate, search: wanted || null, offset: pageParam, limit: 200 }),
    initialPageParam: 0,
    getNextPageParam: (last, all) => {
      const shown = all.reduce((n, page) => n + page.fields.length, 0);
      return shown < last.total ? shown : undefined;
    },
  });
  const fields = pages.data?.pages.flatMap((page) => page.fields) ?? [];
  const counts = pages.data?.pages[0]?.counts;
  const save = useSaveTo((path) => call("save_migration_report", { path, format: "provenance_csv" }));
  const columns: Column<MigrationFieldView>[] = [
    {
      id: "field",
      title: "Field",
      width: "minmax(110px, 1fr)",
      cell: (f) => (
        <div className={shared.cell} title={`${f.field}, ${place(f)}`}>
          <span className={mergeClasses(shared.line, styles.mono)}>{f.field}</span>
          <span className={mergeClasses(shared.line, shared.quiet)}>{f.value ?? "Not shown: a secret"}</span>
        </div>
      ),
    },
    {
      id: "target",
      title: "Became",
      width: "minmax(130px, 1.3fr)",
      cell: (f) => (
        <div className={shared.cell} title={`${word("fate", f.fate)}: ${f.target}`}>
          <StatusLabel status={f.fate} kind="fate" />
          <span className={mergeClasses(shared.line, shared.quiet)}>{f.target}</span>
        </div>
      ),
    },
    {
      id: "place",
      title: "Where",
      width: "minmax(96px, 0.7fr)",
      cell: (f) => (
        <div className={shared.cell} title={place(f)}>
          <span className={shared.line}>Line {f.line}</span>
          <span className={mergeClasses(shared.line, shared.quiet)}>
            Router {f.router}, {word("routerFile", f.file)}
          </span>
        </div>
      ),
    },
  ];
  return (
    <div className={styles.fields}>
      <div className={shared.bar}>
        <Text as="h3" weight="semibold" className={shared.grow}>
          {row === null ? "What became of the fields" : "What became of its fields"}
        </Text>
        <Button
          size="small"
          appearance="subtle"
          icon={<DocumentArrowDownRegular />}
          onClick={() => void save.choose("Save all fields", "email-router-fields.csv")}
          data-testid={testIds.migrationReport("provenance")}
        >
          Save all as CSV…
        </Button>
      </div>
      {Boolean(save.error) && <ErrorPanel error={save.error} />}
      <SavedTo path={save.saved} />
      <div className={shared.bar}>
        <SearchBox
          className={styles.search}
          size="small"
          placeholder="Search field, value, target"
          aria-label="Search fields"
          value={search}
          onChange={(_, d) => setSearch(d.value)}
        />
        {FATES.map((one) => (
          <ToggleButton
            key={one}
            size="small"
            shape="circular"
            checked={fate === one}
            onClick={() => setFate(fate === one ? null : one)}
            data-testid={testIds.migrationFate(one)}
          >
            {word("fate", one)} {counts?.[one].toLocaleString()}
          </ToggleButton>
        ))}
      </div>
      {pages.error && <ErrorPanel error={pages.error} onRetry={() => void pages.refetch()} />}
      {pages.isPending && <Loading what="fields" />}
      {pages.data && fields.length === 0 && <Text>No field passes the filter.</Text>}
      {fields.length > 0 && (
        <VirtualTable
          label="Fields of the files"
          rows={fields}
          total={pages.data?.pages[0]?.total}
          columns={columns}
          rowKey={(f) => `${f.router} ${f.file} ${f.line} ${f.field}`}
          rowName={(f) => `${f.field}, ${word("fate", f.fate)}: ${f.target}, ${place(f)}`}
          rowTestId={(f) => testIds.migrationField(`${f.router}-${f.file}-${f.line}-${f.field}`)}
          open={null}
          onOpen={() => undefined}
          onEnd={() => {
            if (pages.hasNextPage && !pages.isFetchingNextPage) void pages.fetchNextPage();
          }}
          lines={2}
        />
      )}
    </div>
  );
}

const place = (f: MigrationFieldView) =>
  `Email Router ${f.router}, ${word("routerFile", f.file)}, line ${f.line}`;
