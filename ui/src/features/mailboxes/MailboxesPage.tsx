import {
  Button,
  makeStyles,
  mergeClasses,
  SearchBox,
  Text,
  ToggleButton,
  tokens,
} from "@fluentui/react-components";
import {
  AddRegular,
  ArrowSyncRegular,
  CheckmarkRegular,
  CircleOffRegular,
  MailInboxRegular,
  PlayRegular,
} from "@fluentui/react-icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { MailboxView, TestJobView } from "../../bindings";
import { AppLink } from "../../components/AppLink";
import { Confirm } from "../../components/Confirm";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading, Page } from "../../components/Page";
import { SidePanel } from "../../components/SidePanel";
import { StatusLabel } from "../../components/StatusLabel";
import { TestPlanDialog } from "../../components/TestPlanDialog";
import { TimeText } from "../../components/TimeText";
import { type Column, type Sort, sorted, VirtualTable } from "../../components/VirtualTable";
import { useCompact } from "../../lib/appearance";
import { forgetLadders } from "../../lib/live";
import { useAction, useDo } from "../../lib/queries";
import { isOver, results } from "../../lib/test-progress";
import { testIds } from "../../lib/testids";
import { MailboxDetails } from "./MailboxDetails";
import { MailboxForm } from "./MailboxForm";
import { FILTERS, matches, rank } from "./select";

const useStyles = makeStyles({
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  search: { flex: "1 1 220px", maxWidth: "360px" },
  columns: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingHorizontalL,
    flex: 1,
    minHeight: 0,
  },
  two: { gridTemplateColumns: "minmax(0, 1fr) minmax(380px, 42%)" },
  list: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS, minHeight: 0, minWidth: 0 },
  quiet: { color: tokens.colorNeutralForeground3 },
});

const lastProof = (m: MailboxView) => m.workloads.incoming.last_success ?? m.workloads.outgoing.last_success;

const COLUMNS: Column<MailboxView>[] = [
  {
    id: "email",
    title: "Address",
    width: "minmax(190px, 1.6fr)",
    cell: (m) => m.email,
    sortBy: (m) => m.email,
  },
  {
    id: "status",
    title: "Status",
    width: "minmax(135px, 0.9fr)",
    cell: (m) =>
      m.approval === "approved" || m.status !== "unproven" ? (
        <StatusLabel status={m.status} />
      ) : (
        <StatusLabel status={m.approval} kind="approval" />
      ),
    sortBy: (m) => rank(m.status),
  },
  {
    id: "owner",
    title: "Owner",
    width: "minmax(110px, 1fr)",
    cell: (m) => m.owner.name,
    sortBy: (m) => m.owner.name,
    extra: true,
  },
  {
    id: "incoming",
    title: "Incoming",
    width: "minmax(125px, 0.8fr)",
    cell: (m) => <StatusLabel status={m.workloads.incoming.state} />,
    sortBy: (m) => rank(m.workloads.incoming.state),
    extra: true,
  },
  {
    id: "outgoing",
    title: "Outgoing",
    width: "minmax(125px, 0.8fr)",
    cell: (m) => <StatusLabel status={m.workloads.outgoing.state} />,
    sortBy: (m) => rank(m.workloads.outgoing.state),
    extra: true,
  },
  {
    id: "proof",
    title: "Last proof",
    width: "minmax(110px, 0.7fr)",
    cell: (m) => <TimeText at={lastProof(m)} />,
    sortBy: (m) => Date.parse(lastProof(m) ?? "") || 0,
  },
  {
    id: "profile",
    title: "Profile",
    width: "minmax(110px, 0.8fr)",
    cell: (m) => m.profile ?? "–",
    sortBy: (m) => m.profile ?? "",
    extra: true,
  },
];

/** The mailboxes: found, chosen, tested and enabled in bulk. */
export function MailboxesPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const search = useSearch({ from: "/mailboxes" });
  const mailboxes = useAction("mailboxes", {});
  const [sort, setSort] = useState<Sort | null>({ column: "status", direction: "ascending" });
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [asking, setAsking] = useState<"disable" | null>(null);
  const [adding, setAdding] = useState(false);
  const approve = useDo("approve_mailboxes");
  const disable = useDo("disable_mailboxes");
  const [planning, setPlanning] = useState(false);
  const [single, setSingle] = useState<{ address: string; job: string } | null>(null);
  const test = useAction("test_job", { id: single?.job ?? "" }, { enabled: single !== null });
  const sync = useDo("sync_now");
  const compact = useCompact(1280);
  const stacked = useCompact(1100);

  const filter = search.status ?? "all";
  const rows = useMemo(() => {
    const found = (mailboxes.data ?? []).filter((m) => matches(m, filter, search.q ?? ""));
    return sorted(found, COLUMNS, sort);
  }, [mailboxes.data, filter, search.q, sort]);

  const set = (change: Partial<typeof search>) =>
    void navigate({ to: "/mailboxes", search: { ...search, ...change }, replace: change.open === undefined });
  const open = mailboxes.data?.find((m) => m.email === search.open);
  // Commands work on what is checked; with nothing checked, on the mailbox that is open.
  const targets = (mailboxes.data ?? []).filter((m) => (chosen.size > 0 ? chosen.has(m.email) : m === open));
  const addresses = targets.map((m) => m.email);
  const progress = test.data?.job.progress;
  const testing = single !== null && !test.error && !(progress && isOver(progress));
  const error = approve.error ?? disable.error ?? test.error ?? sync.error;
  const named = (n: number) => (n === 1 ? "1 mailbox" : `${n.toLocaleString()} mailboxes`);
  const pending = targets.filter((m) => m.approval !== "approved");

  // One mailbox is watched right here, many on the page of their test.
  const started = (job: TestJobView) => {
    setPlanning(false);
    const [address] = addresses;
    if (addresses.length !== 1 || address === undefined) {
      void navigate({ to: "/mailboxes/tests", search: { job: job.progress.id } });
      return;
    }
    setSingle({ address, job: job.progress.id });
    set({ open: address, edit: undefined });
  };
  const runSync = async () => {
    for (const address of addresses) await sync.mutateAsync({ address });
  };
  const add = (
    <Button
      appearance={mailboxes.data?.length ? "secondary" : "primary"}
      icon={<AddRegular />}
      onClick={() => {
        setAdding(true);
        set({ open: undefined, edit: undefined });
      }}
      data-testid={testIds.mailboxAdd}
    >
      Add mailbox
    </Button>
  );
  const panel = adding || open;

  return (
    <Page title="Mailboxes" description="Whose mail is synchronized, and how it goes." layout="fill">
      {mailboxes.error && <ErrorPanel error={mailboxes.error} onRetry={() => void mailboxes.refetch()} />}
      {mailboxes.isPending && <Loading what="mailboxes" />}
      {mailboxes.data?.length === 0 && !adding && (
        <EmptyState icon={<MailInboxRegular />} title="No mailbox yet" actions={add}>
          Mailboxes are added in the profile wizard or here. None is synchronized before it is approved and
          tested.
        </EmptyState>
      )}
      {mailboxes.data && (mailboxes.data.length > 0 || adding) && (
        <>
          <div className={styles.bar} role="toolbar" aria-label="Commands">
            {add}
            <Button
              icon={<CheckmarkRegular />}
              disabled={pending.length === 0 || approve.isPending}
              onClick={() => approve.mutate({ addresses: pending.map((m) => m.email) })}
              data-testid={testIds.mailboxApprove}
            >
              {pending.length > 1 ? `Approve ${pending.length}` : "Approve"}
            </Button>
            <Button
              appearance={targets.length > 0 ? "primary" : "secondary"}
              icon={<PlayRegular />}
              disabled={targets.length === 0}
              onClick={() => {
                forgetLadders(addresses);
                setPlanning(true);
              }}
              data-testid={testIds.mailboxTestEnable}
            >
              {targets.length > 0 ? `Test & enable ${named(targets.length)}` : "Test & enable"}
            </Button>
            <Button
              icon={<ArrowSyncRegular />}
              disabled={targets.length === 0 || sync.isPending}
              onClick={() => void runSync().catch(() => undefined)}
              data-testid={testIds.mailboxSyncNow}
            >
              Sync now
            </Button>
            <Button
              icon={<CircleOffRegular />}
              disabled={targets.length === 0 || disable.isPending}
              onClick={() => setAsking("disable")}
              data-testid={testIds.mailboxDisable}
            >
              Disable
            </Button>
            <AppLink to="/mailboxes/tests" search={{}} data-testid={testIds.testsOpen}>
              Tests
            </AppLink>
          </div>
          {error && <ErrorPanel error={error} />}
          {single && progress && isOver(progress) && (
            <Text role="status">
              Test & Enable of {single.address}: {results(progress)}.
            </Text>
          )}
          <div className={mergeClasses(styles.columns, panel && !stacked && styles.two)}>
            {(!panel || !stacked) && (
              <div className={styles.list}>
                <div className={styles.bar}>
                  <SearchBox
                    className={styles.search}
                    placeholder="Search address, owner, profile"
                    aria-label="Search mailboxes"
                    value={search.q ?? ""}
                    onChange={(_, d) => set({ q: d.value || undefined })}
                    data-testid={testIds.mailboxSearch}
                  />
                  {FILTERS.filter(
                    ([id]) => id === "all" || id === filter || mailboxes.data.some((m) => matches(m, id, "")),
                  ).map(([id, title]) => (
                    <ToggleButton
                      key={id}
                      size="small"
                      shape="circular"
                      checked={filter === id}
                      onClick={() => set({ status: id === "all" ? undefined : id })}
                      data-testid={testIds.mailboxFilter(id)}
                    >
                      {title}
                    </ToggleButton>
                  ))}
                  <Text className={styles.quiet} aria-live="polite">
                    {chosen.size > 0
                      ? `${chosen.size.toLocaleString()} of ${rows.length.toLocaleString()} selected`
                      : named(rows.length)}
                  </Text>
                  {chosen.size > 0 && (
                    <Button size="small" appearance="subtle" onClick={() => setChosen(new Set())}>
                      Clear selection
                    </Button>
                  )}
                </div>
                {rows.length === 0 ? (
                  <EmptyState
                    icon={<MailInboxRegular />}
                    title="No mailbox passes the filter"
                    actions={
                      <Button onClick={() => set({ q: undefined, status: undefined })}>Show all</Button>
                    }
                  />
                ) : (
                  <VirtualTable
                    label="Mailboxes"
                    rows={rows}
                    columns={COLUMNS}
                    rowKey={(m) => m.email}
                    rowName={(m) => m.email}
                    rowTestId={(m) => testIds.mailboxRow(m.email)}
                    open={search.open ?? null}
                    onOpen={(m) => {
                      setAdding(false);
                      set({ open: m.email, edit: undefined });
                    }}
                    selection={{ keys: chosen, onChange: setChosen }}
                    sort={{ value: sort, onChange: setSort }}
                    compact={Boolean(panel) || compact}
                  />
                )}
              </div>
            )}
            {adding && (
              <SidePanel title="Add mailbox" testId={testIds.mailboxDetails} onClose={() => setAdding(false)}>
                <MailboxForm
                  mailbox={null}
                  others={mailboxes.data}
                  onDone={(saved) => {
                    setAdding(false);
                    if (saved) set({ open: saved.email, edit: undefined });
                  }}
                />
              </SidePanel>
            )}
            {!adding && open && (
              <MailboxDetails
                key={open.id}
                mailbox={open}
                others={mailboxes.data}
                editing={search.edit === open.email}
                testing={testing && single?.address === open.email}
                onEdit={(on) => set({ edit: on === "edit" ? open.email : undefined })}
                onClose={() => {
                  setSingle(null);
                  set({ open: undefined, edit: undefined });
                }}
              />
            )}
          </div>
        </>
      )}
      {planning && (
        <TestPlanDialog request={{ addresses }} onClose={() => setPlanning(false)} onStarted={started} />
      )}
      {asking === "disable" && (
        <Confirm
          title={`Disable ${named(addresses.length)}?`}
          no="Keep enabled"
          yes={`Disable ${named(addresses.length)}`}
          onNo={() => setAsking(null)}
          onYes={() => {
            setAsking(null);
            disable.mutate({ addresses });
          }}
        >
          Their mail is neither fetched nor sent until they are tested and enabled again. Records stay, and
          mail that waits at the server is fetched later.
        </Confirm>
      )}
    </Page>
  );
}
