import { Button, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { AddRegular, ServerRegular } from "@fluentui/react-icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { ProfileView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading, Page } from "../../components/Page";
import { StatusLabel } from "../../components/StatusLabel";
import { type Column, type Sort, sorted, VirtualTable } from "../../components/VirtualTable";
import { useCompact } from "../../lib/appearance";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { word } from "../../lib/words";
import { ProfileDetails } from "./ProfileDetails";

const useStyles = makeStyles({
  columns: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingHorizontalL,
    flex: 1,
    minHeight: 0,
  },
  two: { gridTemplateColumns: "minmax(0, 1fr) minmax(380px, 44%)" },
  list: { display: "flex", flexDirection: "column", minHeight: 0, minWidth: 0 },
});

const COLUMNS: Column<ProfileView>[] = [
  { id: "name", title: "Name", width: "minmax(140px, 1.4fr)", cell: (p) => p.name, sortBy: (p) => p.name },
  {
    id: "status",
    title: "Status",
    width: "minmax(130px, 1fr)",
    cell: (p) => <StatusLabel status={p.status} />,
    sortBy: (p) => p.status,
  },
  {
    id: "type",
    title: "Servers",
    width: "minmax(120px, 1fr)",
    cell: (p) => word("serverType", p.server_type),
    sortBy: (p) => p.server_type,
    extra: true,
  },
  {
    id: "host",
    title: "Incoming server",
    width: "minmax(140px, 1.2fr)",
    cell: (p) => p.incoming?.server ?? "–",
    sortBy: (p) => p.incoming?.server ?? "",
    extra: true,
  },
  {
    id: "mailboxes",
    title: "Mailboxes",
    width: "6.5em",
    cell: (p) => p.mailboxes.toLocaleString(),
    sortBy: (p) => p.mailboxes,
  },
];

/** The email server profiles. */
export function ProfilesPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const { open } = useSearch({ from: "/profiles" });
  const profiles = useAction("profiles", {});
  const [sort, setSort] = useState<Sort | null>({ column: "name", direction: "ascending" });
  const compact = useCompact(1100);
  const shown = profiles.data?.find((p) => p.name === open);
  const show = (name?: string) => void navigate({ to: "/profiles", search: { open: name } });
  const create = (
    <Button
      appearance="primary"
      icon={<AddRegular />}
      onClick={() => void navigate({ to: "/profiles/new" })}
      data-testid={testIds.profileNew}
    >
      New profile
    </Button>
  );
  return (
    <Page
      title="Profiles"
      description="An email server profile says where a mail server is and how Tandem signs in. Mailboxes share it."
      actions={profiles.data?.length ? create : undefined}
      layout="fill"
    >
      {profiles.error && <ErrorPanel error={profiles.error} onRetry={() => void profiles.refetch()} />}
      {profiles.isPending && <Loading what="profiles" />}
      {profiles.data?.length === 0 && (
        <EmptyState icon={<ServerRegular />} title="No profile yet" actions={create}>
          Begin with the mail server; the wizard tries it before anything is written.
        </EmptyState>
      )}
      {profiles.data && profiles.data.length > 0 && (
        <div className={mergeClasses(styles.columns, shown && !compact && styles.two)}>
          {(!shown || !compact) && (
            <div className={styles.list}>
              <VirtualTable
                label="Profiles"
                rows={sorted(profiles.data, COLUMNS, sort)}
                columns={COLUMNS}
                rowKey={(p) => p.name}
                rowName={(p) => p.name}
                rowTestId={(p) => testIds.profileRow(p.name)}
                open={open ?? null}
                onOpen={(p) => show(p.name)}
                sort={{ value: sort, onChange: setSort }}
                compact={compact || Boolean(shown)}
              />
            </div>
          )}
          {shown && <ProfileDetails key={shown.id} profile={shown} onClose={() => show()} onRenamed={show} />}
        </div>
      )}
    </Page>
  );
}
