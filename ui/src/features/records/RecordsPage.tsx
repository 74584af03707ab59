import {
  Button,
  makeStyles,
  mergeClasses,
  SearchBox,
  Select,
  Text,
  tokens,
} from "@fluentui/react-components";
import {
  ArrowLeftRegular,
  ArrowRightRegular,
  AttachRegular,
  MailAddRegular,
  MailReadRegular,
} from "@fluentui/react-icons";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { EmailPage, EmailRow } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { EmptyState, Loading, Page } from "../../components/Page";
import { StatusLabel } from "../../components/StatusLabel";
import { TimeText } from "../../components/TimeText";
import { type Column, VirtualTable } from "../../components/VirtualTable";
import { useCompact } from "../../lib/appearance";
import { call } from "../../lib/backend";
import { useAction, useSettled } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { count, wordsOf } from "../../lib/words";
import { ReadingPane } from "./ReadingPane";

const useStyles = makeStyles({
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  search: { flex: "1 1 220px", maxWidth: "420px" },
  choice: { flex: "0 1 220px", minWidth: "140px" },
  columns: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingHorizontalL,
    flex: 1,
    minHeight: 0,
  },
  two: { gridTemplateColumns: "minmax(320px, 42%) minmax(0, 1fr)" },
  list: { display: "flex", flexDirection: "column", minHeight: 0, minWidth: 0 },
  subject: {
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalXS,
    minWidth: 0,
    "& > svg": { flexShrink: 0 },
  },
  text: { overflow: "hidden", textOverflow: "ellipsis" },
  quiet: { color: tokens.colorNeutralForeground3 },
});

const PAGE = 100;

function Subject({ row }: { row: EmailRow }) {
  const styles = useStyles();
  return (
    <span className={styles.subject}>
      {row.direction === "outgoing" ? (
        <ArrowRightRegular aria-label="Outgoing" role="img" />
      ) : (
        <ArrowLeftRegular aria-label="Incoming" role="img" />
      )}
      <span className={styles.text}>{row.subject || "(no subject)"}</span>
      {row.has_attachments && <AttachRegular aria-label="Has attachments" role="img" />}
    </span>
  );
}

const COLUMNS: Column<EmailRow>[] = [
  { id: "subject", title: "Subject", width: "minmax(170px, 2fr)", cell: (e) => <Subject row={e} /> },
  {
    id: "who",
    title: "With",
    width: "minmax(110px, 1fr)",
    cell: (e) => (e.direction === "outgoing" ? e.to : e.from),
  },
  { id: "owner", title: "Owner", width: "minmax(100px, 0.8fr)", cell: (e) => e.owner, extra: true },
  {
    id: "regarding",
    title: "Regarding",
    width: "minmax(100px, 0.8fr)",
    cell: (e) => e.regarding ?? "–",
    extra: true,
  },
  {
    id: "status",
    title: "Status",
    width: "minmax(115px, 0.7fr)",
    cell: (e) => <StatusLabel status={e.status} kind="email" />,
    extra: true,
  },
  {
    id: "when",
    title: "When",
    width: "5.5em",
    cell: (e) => <TimeText at={e.received_on ?? e.sent_on} style="short" />,
  },
];

/** The email activities, and one of them read safely. */
export function RecordsPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const search = useSearch({ from: "/records" });
  const [words, setWords] = useState(search.q ?? "");
  const settled = useSettled(words);
  const mailboxes = useAction("mailboxes", {});
  const compact = useCompact(1100);
  const set = useCallback(
    (change: Partial<typeof search>) =>
      void navigate({
        to: "/records",
        search: (before) => ({ ...before, ...change }),
        replace: !change.open,
      }),
    [navigate],
  );
  useEffect(() => {
    if ((search.q ?? "") !== settled) set({ q: settled || undefined });
  }, [settled, search.q, set]);

  const request = {
    status: search.status ?? null,
    mailbox: search.mailbox ?? null,
    search: search.q ?? null,
    limit: PAGE,
  };
  const emails = useInfiniteQuery<EmailPage, Error, { pages: EmailPage[] }, unknown[], string | null>({
    queryKey: ["emails", request],
    queryFn: ({ pageParam }) => call("emails", { ...request, after: pageParam }),
    initialPageParam: null,
    getNextPageParam: (page) => page.next,
  });
  const rows = useMemo(() => emails.data?.pages.flatMap((page) => page.emails) ?? [], [emails.data]);
  const total = emails.data?.pages[0]?.total ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = emails;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const filtered = Boolean(search.status || search.mailbox || search.q);

  return (
    <Page
      title="Records"
      description="Email activities: what was promoted, and what was sent from here."
      layout="fill"
      actions={
        <Button
          appearance="primary"
          icon={<MailAddRegular />}
          onClick={() => void navigate({ to: "/records/new", search: { from: search.mailbox } })}
          data-testid={testIds.newEmail}
        >
          New email
        </Button>
      }
    >
      <div className={styles.bar}>
        <SearchBox
          className={styles.search}
          placeholder="Search subject, names, addresses"
          aria-label="Search records"
          value={words}
          onChange={(_, d) => setWords(d.value)}
          data-testid={testIds.recordsSearch}
        />
        <Select
          aria-label="Status"
          value={search.status ?? ""}
          onChange={(_, d) => set({ status: d.value || undefined })}
          data-testid={testIds.recordsStatus}
        >
          <option value="">All states</option>
          {wordsOf("email").map(([value, title]) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </Select>
        <Select
          className={styles.choice}
          aria-label="Mailbox"
          value={search.mailbox ?? ""}
          onChange={(_, d) => set({ mailbox: d.value || undefined })}
        >
          <option value="">All mailboxes</option>
          {mailboxes.data?.map((m) => (
            <option key={m.id} value={m.email}>
              {m.email}
            </option>
          ))}
        </Select>
        {emails.data && (
          <Text className={styles.quiet} aria-live="polite">
            {count(total, "email")}
          </Text>
        )}
      </div>
      {emails.error && <ErrorPanel error={emails.error} onRetry={() => void emails.refetch()} />}
      {emails.isPending && <Loading what="records" />}
      {emails.data && rows.length === 0 && (
        <EmptyState
          icon={<MailReadRegular />}
          title={filtered ? "No email passes the filter" : "No email yet"}
          actions={
            filtered && (
              <Button
                onClick={() => {
                  setWords("");
                  set({ q: undefined, status: undefined, mailbox: undefined });
                }}
              >
                Show all
              </Button>
            )
          }
        >
          {!filtered && "Email appears here as soon as an enabled mailbox receives some."}
        </EmptyState>
      )}
      {(rows.length > 0 || search.open) && (
        <div className={mergeClasses(styles.columns, search.open && !compact && styles.two)}>
          {(!search.open || !compact) && (
            <div className={styles.list}>
              <VirtualTable
                label="Email activities"
                rows={rows}
                total={total}
                columns={COLUMNS}
                rowKey={(e) => e.id}
                rowName={(e) =>
                  `${e.subject || "no subject"}, ${e.direction === "outgoing" ? `to ${e.to}` : `from ${e.from}`}`
                }
                rowTestId={(e) => testIds.recordRow(e.id)}
                open={search.open ?? null}
                onOpen={(e) => set({ open: e.id })}
                compact={Boolean(search.open) || compact}
                onEnd={more}
              />
            </div>
          )}
          {search.open && (
            <ReadingPane
              key={search.open}
              id={search.open}
              onClose={() => set({ open: undefined })}
              onOpen={(id) => set({ open: id })}
            />
          )}
        </div>
      )}
    </Page>
  );
}
