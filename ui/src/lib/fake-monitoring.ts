import type {
  CoverageView,
  ForecastRequest,
  ForecastView,
  HistoryView,
  HourView,
  MailboxView,
  MonitoringPage,
  MonitoringRequest,
  MonitoringRow,
  VerificationView,
} from "../bindings";
import { ago, ahead } from "./fake-data";

const HOUR = 3_600_000;

/** A day's hours: a working day's hill, and one hour with failures. */
function hours(workload: string | null, scale: number): HourView[] {
  const now = Math.floor(Date.now() / HOUR) * HOUR;
  return Array.from({ length: 24 }, (_, i) => ({
    hour: new Date(now - (23 - i) * HOUR).toISOString(),
    workload,
    cycles: 12 * scale,
    failures: i === 9 ? 2 : 0,
    messages: Math.round(scale * 40 * Math.max(0.05, Math.sin((i / 24) * Math.PI) ** 2)),
    average_ms: 180 + i * 3,
  }));
}

const nextWhy: Record<string, string> = {
  ok: "5 minutes after the last cycle ended (online policy).",
  late: "Tried again after a failure: attempt 3 of 10.",
  stopped: "Stopped: Test & Enable, or a new password, starts it again.",
  unproven: "Due: it waits for its turn.",
};

function rowsOf(mailboxes: MailboxView[]): MonitoringRow[] {
  return mailboxes.flatMap((mailbox) =>
    (["incoming", "outgoing"] as const)
      .map((name) => ({ name, state: mailbox.workloads[name] }))
      .filter(({ state }) => state.method === "server_side_sync")
      .map(({ name, state }): MonitoringRow => {
        const word = state.state === "off" ? "stopped" : state.state;
        const never = state.last_success === null;
        return {
          mailbox: mailbox.email,
          owner: mailbox.owner.name,
          profile: mailbox.profile,
          workload: name,
          state: word,
          since: word === "unproven" ? null : ago(word === "ok" ? 300 : 40),
          why: state.why,
          running: false,
          last_started: state.last_success,
          last_took_ms: never ? null : 240,
          last_items: never ? null : mailbox.email.length % 4,
          last_error: state.last_error,
          next_due: word === "stopped" ? null : (state.next_due ?? ahead(3)),
          next_why: nextWhy[word] ?? "",
          average_ms: never ? null : 150 + mailbox.email.length * 11,
          cycles_24h: never ? 0 : 288,
          failures_24h: word === "ok" ? 0 : 4,
          messages_24h: never ? 0 : mailbox.email.length * 3,
          messages_an_hour: never ? 0 : Math.round((mailbox.email.length * 30) / 24) / 10,
          waiting: name === "outgoing" && word !== "ok" ? 2 : 0,
          alerts: word === "stopped" ? 1 : 0,
        };
      }),
  );
}

const rank = (row: MonitoringRow) => ["stopped", "late", "unproven", "ok"].indexOf(row.state);
const text = (row: MonitoringRow) => `${row.mailbox} ${row.owner} ${row.profile}`.toLowerCase();
const passes = (row: MonitoringRow, filter: string) =>
  filter === "failing" ? row.last_error !== null : row.state === filter;

/** What Monitoring shows of these mailboxes. */
export function monitoring(mailboxes: MailboxView[], request: MonitoringRequest): MonitoringPage {
  const all = rowsOf(mailboxes);
  const words = (request.search ?? "").toLowerCase().split(/\s+/);
  const found = all.filter(
    (row) =>
      (!request.filter || passes(row, request.filter)) && words.every((word) => text(row).includes(word)),
  );
  const name = (a: MonitoringRow, b: MonitoringRow) => a.mailbox.localeCompare(b.mailbox);
  found.sort((a, b) => (request.sort === "name" ? name(a, b) : rank(a) - rank(b) || name(a, b)));
  if (request.descending) found.reverse();
  const many = (state: string) => all.filter((row) => row.state === state).length;
  return {
    at: ago(0),
    totals: {
      mailboxes: mailboxes.length,
      workloads: all.length,
      ok: many("ok"),
      late: many("late"),
      stopped: many("stopped"),
      unproven: many("unproven"),
      failing: all.filter((row) => row.last_error !== null).length,
      incoming_waiting: 3,
      outgoing_waiting: 1,
      operations_waiting: 0,
      emails_pending: all.reduce((sum, row) => sum + row.waiting, 0),
      emails_held: 0,
      messages_owed: 0,
      alerts: many("stopped"),
    },
    load: {
      pools: [
        { pool: "incoming", permits: 32, used: 4, waiting: 3 },
        { pool: "outgoing", permits: 16, used: 1, waiting: 1 },
        { pool: "operations", permits: 8, used: 0, waiting: 0 },
      ],
      profiles: [{ profile: "Contoso POP3", permits: 10, used: 5, listening: 2, waiting: 4 }],
      listening: [],
      waiting: [],
    },
    matching: found.length,
    rows: found.slice(request.offset ?? 0, (request.offset ?? 0) + (request.limit ?? 200)),
    hours: hours(null, Math.max(1, all.length)),
  };
}

export const history = (): HistoryView => ({
  kept_days: 30,
  hours: [...hours("incoming", 1), ...hours("outgoing", 1)],
});

const verified = (mailbox: string): VerificationView => ({
  mailbox,
  verified_at: ago(90),
  on_server: 214,
  seen: 213,
  waiting: 1,
  missing: 0,
  missing_identities: [],
  repaired: 0,
  extra: 0,
  complete: true,
  next_due: ahead(60 * 20),
  failure: null,
});

export const coverage = (mailbox: string): CoverageView => ({
  stretches: [
    { from: ago(60 * 24 * 14), until: ago(60 * 50), caught_up_at: null },
    { from: ago(60 * 50), until: ago(60 * 31), caught_up_at: ago(60 * 31) },
    { from: ago(60 * 31), until: ago(2), caught_up_at: null },
  ],
  verification: verified(mailbox),
});

export const verify = (addresses: string[]): VerificationView[] =>
  addresses.map((one) => ({ ...verified(one), verified_at: ago(0), on_server: 215, seen: 215, waiting: 0 }));

export const forecast = (wanted: ForecastRequest): ForecastView => ({
  profile: wanted.profile,
  max_concurrent_connections: 10,
  mailboxes: wanted.mailboxes,
  queues: wanted.queues ?? 0,
  messages: wanted.messages ?? 500,
  batches: Math.ceil(wanted.mailboxes / 200),
  batch_mailboxes: 200,
  batch_hours: 5,
  last_batch_after_seconds: (Math.ceil(wanted.mailboxes / 200) - 1) * 5 * 3600,
  queues_after_seconds: wanted.queues ? 120 : null,
  tested_after_seconds: (Math.ceil(wanted.mailboxes / 200) - 1) * 5 * 3600 + 420,
  synced_after_seconds: Math.ceil(wanted.mailboxes / 200) * 5 * 3600,
  most_connections: 10,
  cycles_per_minute_afterwards: Math.round((wanted.mailboxes * 2) / 5),
  lateness_afterwards_seconds: 12,
  keeps_up: true,
  assumes: ["Testing a mailbox takes 8 s.", "The server answers."],
});
