import { makeStyles, mergeClasses, SearchBox, Text, ToggleButton, tokens } from "@fluentui/react-components";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { MigrationMailboxView, MigrationPlanView } from "../../bindings";
import { ErrorPanel } from "../../components/ErrorPanel";
import { Loading } from "../../components/Page";
import { StatusLabel } from "../../components/StatusLabel";
import { type Column, VirtualTable } from "../../components/VirtualTable";
import { useCompact } from "../../lib/appearance";
import { call } from "../../lib/backend";
import { useSettled } from "../../lib/queries";
import { testIds } from "../../lib/testids";
import { word } from "../../lib/words";
import { decided } from "./decide";
import { MailboxPanel } from "./MailboxPanel";
import { useWizardStyles } from "./styles";

const useStyles = makeStyles({
  table: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS, height: "440px" },
  columns: { height: "520px" },
  search: { flex: "1 1 200px", maxWidth: "320px" },
});

/** The mailboxes of the plan: those with something to decide first. */
export function MailboxDecisions({ plan }: { plan: MigrationPlanView }) {
  const styles = useStyles();
  const shared = useWizardStyles();
  const { counts } = plan;
  const filters = (
    [
      ["conflicts", "To decide", counts.conflicts],
      ["older_than_two_weeks", "Older than two weeks", counts.older_than_two_weeks],
      ["dates_fallback", "24 hours back", counts.dates_fallback],
      ["not_reached", "Profile starts later", counts.not_reached],
      ["skipped", "Left as they are", counts.mailboxes_skipped],
      ["all", "All", plan.mailboxes],
    ] as const
  ).filter(([id, , n]) => n > 0 || id === "all");
  const [chosen, setChosen] = useState<string | null>(null);
  const only = filters.some(([id]) => id === chosen) ? chosen : (filters[0]?.[0] ?? "all");
  const [search, setSearch] = useState("");
  const wanted = useSettled(search);
  const [open, setOpen] = useState<number | null>(null);
  const stacked = useCompact(1100);
  const compact = useCompact(1000);
  const pages = useInfiniteQuery({
    queryKey: ["migration_mailboxes", only, wanted],
    queryFn: ({ pageParam }) =>
      call("migration_mailboxes", { only, search: wanted || null, offset: pageParam, limit: 200 }),
    initialPageParam: 0,
    getNextPageParam: (last, all) => {
      const shown = all.reduce((n, page) => n + page.mailboxes.length, 0);
      return shown < last.total ? shown : undefined;
    },
  });
  const mailboxes = pages.data?.pages.flatMap((page) => page.mailboxes) ?? [];
  const opened = mailboxes.find((one) => one.id === open);
  const columns: Column<MigrationMailboxView>[] = [
    {
      id: "address",
      title: "Mailbox",
      width: "minmax(170px, 1.2fr)",
      cell: (m) => (
        <div className={shared.cell} title={name(m)}>
          <span className={shared.line}>{name(m)}</span>
          <span className={mergeClasses(shared.line, shared.quiet)}>{word("mailboxKind", m.kind)}</span>
        </div>
      ),
    },
    {
      id: "why",
      title: "To know",
      width: "minmax(160px, 1.6fr)",
      cell: (m) => <Why mailbox={m} />,
      extra: true,
    },
    {
      id: "decision",
      title: "Decision",
      width: "minmax(150px, 1fr)",
      cell: (m) => <StatusLabel status={m.migrated ? "ok" : "canceled"} text={decided(m)} />,
    },
  ];
  if (plan.mailboxes === 0) return null;
  return (
    <section className={shared.card} aria-label="Mailboxes">
      <Text as="h3" weight="semibold">
        {counts.conflicts > 0 ? "Decide about mailboxes" : "Mailboxes"}
      </Text>
      {counts.conflicts > 0 && (
        <Text>
          Each has a safe decision already: {plan.conflicts.map(conflictText).join("; ")}. Open one to decide
          otherwise.
        </Text>
      )}
      <div className={shared.bar}>
        <SearchBox
          className={styles.search}
          size="small"
          placeholder="Search address or owner"
          aria-label="Search mailboxes of the plan"
          value={search}
          onChange={(_, d) => setSearch(d.value)}
        />
        {filters.map(([id, title, n]) => (
          <ToggleButton
            key={id}
            size="small"
            shape="circular"
            checked={only === id}
            onClick={() => setChosen(id)}
            data-testid={testIds.migrationOnly(id)}
          >
            {title} {n.toLocaleString()}
          </ToggleButton>
        ))}
      </div>
      {pages.error && <ErrorPanel error={pages.error} onRetry={() => void pages.refetch()} />}
      {pages.isPending && <Loading what="mailboxes" />}
      {pages.data && mailboxes.length === 0 && <Text>No mailbox passes the filter.</Text>}
      {mailboxes.length > 0 && (
        <div className={mergeClasses(shared.columns, styles.columns, opened && !stacked && shared.two)}>
          {(!opened || !stacked) && (
            <div className={shared.stack}>
              <VirtualTable
                label="Mailboxes of the plan"
                rows={mailboxes}
                total={pages.data?.pages[0]?.total}
                columns={columns}
                rowKey={(m) => String(m.id)}
                rowName={(m) => `${name(m)}: ${decided(m)}`}
                rowTestId={(m) => testIds.migrationMailbox(m.id)}
                open={opened ? String(opened.id) : null}
                onOpen={(m) => setOpen(m.id)}
                onEnd={() => {
                  if (pages.hasNextPage && !pages.isFetchingNextPage) void pages.fetchNextPage();
                }}
                compact={Boolean(opened) || compact}
                lines={2}
              />
            </div>
          )}
          {opened && <MailboxPanel key={opened.id} mailbox={opened} onClose={() => setOpen(null)} />}
        </div>
      )}
    </section>
  );
}

const name = (m: MigrationMailboxView) => m.address ?? `${m.source_id ?? "unknown"} (no address)`;
const conflictText = (one: { kind: string; count: number }) =>
  `${word("conflict", one.kind).toLowerCase()}: ${one.count.toLocaleString()}`;

function Why({ mailbox }: { mailbox: MigrationMailboxView }) {
  const styles = useWizardStyles();
  const texts = [...mailbox.conflicts, ...mailbox.findings].map((one) => one.text);
  const first = texts[0] ?? (mailbox.skip_reason || `Starts at ${word("dateFrom", mailbox.date)}.`);
  return (
    <span className={styles.clampTwo} title={texts.join(" ") || first}>
      {first}
    </span>
  );
}
