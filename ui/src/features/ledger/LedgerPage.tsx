import {
  Badge,
  Button,
  makeStyles,
  mergeClasses,
  Select,
  Tab,
  TabList,
  Text,
  tokens,
} from "@fluentui/react-components";
import { ClipboardTextLtrRegular } from "@fluentui/react-icons";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { LedgerView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading, Page } from "../../components/Page";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { type Column, type Sort, sorted, VirtualTable } from "../../components/VirtualTable";
import { useCompact } from "../../lib/appearance";
import { useAction } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { bytes } from "../../lib/time";
import { count, sentence, wordsOf } from "../../lib/words";
import { LedgerDetails } from "./LedgerDetails";
import { Quarantine } from "./Quarantine";

const useStyles = makeStyles({
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  choice: { flex: "0 1 220px", minWidth: "140px" },
  columns: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingHorizontalL,
    flex: 1,
    minHeight: 0,
  },
  two: { gridTemplateColumns: "minmax(0, 1fr) minmax(340px, 38%)" },
  list: { display: "flex", flexDirection: "column", minHeight: 0, minWidth: 0 },
  quiet: { color: tokens.colorNeutralForeground3 },
  badge: { marginLeft: tokens.spacingHorizontalXS },
});

/** The newest rows; older ones are found with the filters. */
const LIMIT = 5_000;

const keyOf = (row: LedgerView) => `${row.mailbox} ${row.folder} ${row.uid}`;

const COLUMNS: Column<LedgerView>[] = [
  {
    id: "decision",
    title: "Decision",
    width: "minmax(140px, 0.9fr)",
    cell: (r) => <StatusLabel status={r.decision} kind="decision" />,
    sortBy: (r) => r.decision,
  },
  {
    id: "reason",
    title: "Reason",
    width: "minmax(180px, 2.4fr)",
    cell: (r) => <span title={sentence(r.reason)}>{sentence(r.reason)}</span>,
    sortBy: (r) => r.reason,
  },
  {
    id: "mailbox",
    title: "Mailbox",
    width: "minmax(150px, 1.2fr)",
    cell: (r) => r.mailbox,
    sortBy: (r) => r.mailbox,
    extra: true,
  },
  {
    id: "received",
    title: "Received",
    width: "6.5em",
    cell: (r) => <TimeText at={r.received_at} style="short" />,
    sortBy: (r) => Date.parse(r.received_at ?? "") || 0,
  },
  {
    id: "size",
    title: "Size",
    width: "5.75em",
    cell: (r) => bytes(r.size),
    sortBy: (r) => r.size,
    extra: true,
  },
  {
    id: "message",
    title: "Message-ID",
    width: "minmax(140px, 1.2fr)",
    cell: (r) => r.message_id ?? "–",
    sortBy: (r) => r.message_id ?? "",
    extra: true,
  },
];

/** Every message that was ever seen on a server, what was decided about it, and why. */
export function LedgerPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const search = useSearch({ from: "/ledger" });
  const quarantine = useAction("quarantine", {});
  const held = quarantine.data?.length ?? 0;
  const tab = search.tab ?? "messages";
  return (
    <Page
      title="Ledger"
      description="Every message seen on a server has one row here: what was decided, and why."
      layout="fill"
    >
      <TabList
        selectedValue={tab}
        onTabSelect={(_, d) =>
          void navigate({
            to: "/ledger",
            search: { tab: d.value === "messages" ? undefined : String(d.value) },
          })
        }
      >
        <Tab value="messages">Messages</Tab>
        <Tab value="quarantine" data-testid={testIds.quarantineTab}>
          Quarantine
          {held > 0 && (
            <Badge className={styles.badge} color="danger" aria-label={`${held} messages`}>
              {held}
            </Badge>
          )}
        </Tab>
      </TabList>
      {tab === "quarantine" ? <Quarantine /> : <Messages />}
    </Page>
  );
}

function Messages() {
  const styles = useStyles();
  const navigate = useNavigate();
  const search = useSearch({ from: "/ledger" });
  const mailboxes = useAction("mailboxes", {});
  const ledger = useAction("ledger", {
    mailbox: search.mailbox ?? null,
    decision: search.decision ?? null,
    limit: LIMIT,
  });
  const [sort, setSort] = useState<Sort | null>(null);
  const compact = useCompact(1100);
  const open = ledger.data?.find((row) => keyOf(row) === search.open);
  const set = (change: Partial<typeof search>) =>
    void navigate({ to: "/ledger", search: { ...search, ...change }, replace: !change.open });
  const filtered = Boolean(search.mailbox || search.decision);
  return (
    <>
      <div className={styles.bar}>
        <Select
          className={styles.choice}
          aria-label="Mailbox"
          value={search.mailbox ?? ""}
          onChange={(_, d) => set({ mailbox: d.value || undefined, open: undefined })}
          data-testid={testIds.ledgerMailbox}
        >
          <option value="">All mailboxes</option>
          {mailboxes.data?.map((m) => (
            <option key={m.id} value={m.email}>
              {m.email}
            </option>
          ))}
        </Select>
        <Select
          aria-label="Decision"
          value={search.decision ?? ""}
          onChange={(_, d) => set({ decision: d.value || undefined, open: undefined })}
          data-testid={testIds.ledgerDecision}
        >
          <option value="">All decisions</option>
          {wordsOf("decision").map(([value, title]) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </Select>
        {ledger.data && (
          <Text className={styles.quiet} aria-live="polite">
            {ledger.data.length >= LIMIT
              ? `The newest ${LIMIT.toLocaleString()} messages`
              : count(ledger.data.length, "message")}
          </Text>
        )}
      </div>
      {ledger.error && <ErrorPanel error={ledger.error} onRetry={() => void ledger.refetch()} />}
      {ledger.isPending && <Loading what="the ledger" />}
      {ledger.data?.length === 0 && (
        <EmptyState
          icon={<ClipboardTextLtrRegular />}
          title={filtered ? "No message passes the filter" : "No message was seen yet"}
          actions={
            filtered && (
              <Button onClick={() => set({ mailbox: undefined, decision: undefined })}>Show all</Button>
            )
          }
        >
          {!filtered && "As soon as a mailbox is enabled, each message on its server gets a row here."}
        </EmptyState>
      )}
      {ledger.data && ledger.data.length > 0 && (
        <div className={mergeClasses(styles.columns, open && !compact && styles.two)}>
          {(!open || !compact) && (
            <div className={styles.list}>
              <VirtualTable
                label="Messages seen"
                rows={sorted(ledger.data, COLUMNS, sort)}
                columns={COLUMNS}
                rowKey={keyOf}
                rowName={(r) => `${r.message_id ?? r.uid} in ${r.mailbox}`}
                rowTestId={(r) => testIds.ledgerRow(r.uid)}
                open={search.open ?? null}
                onOpen={(r) => set({ open: keyOf(r) })}
                sort={{ value: sort, onChange: setSort }}
                compact={Boolean(open) || compact}
              />
            </div>
          )}
          {open && <LedgerDetails row={open} onClose={() => set({ open: undefined })} />}
        </div>
      )}
    </>
  );
}
