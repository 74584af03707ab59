import type {
  MigrationCounts,
  MigrationFieldView,
  MigrationMailboxView,
  MigrationPlanView,
  MigrationRowView,
  MigrationSideView,
  MigrationSummaryView,
  RouterFileProblem,
} from "../bindings";
import { ago } from "./fake-data";

const side = (over: Partial<MigrationSideView>): MigrationSideView => ({
  kind: "pop3",
  kind_name: "POP3",
  location: "pop.contoso.com",
  port: 995,
  ssl: true,
  authentication: "Clear text",
  router: 1,
  line: 21,
  ...over,
});
const smtp = side({ kind: "smtp", kind_name: "SMTP", location: "smtp.contoso.com", port: 587, line: 52 });
const none = {
  routers: [1],
  users: 0,
  queues: 0,
  forward_mailboxes: 0,
  findings: [],
  migrate: true,
  cannot: null,
};

export const rows = (): MigrationRowView[] => [
  {
    ...none,
    id: 0,
    routers: [1, 2],
    incoming: side({}),
    outgoing: smtp,
    users: 212,
    queues: 9,
    profile: {
      name: "pop.contoso.com and smtp.contoso.com",
      existing: false,
      server_type: "pop3_smtp",
      incoming: { server: "pop.contoso.com", port: 995, security: "tls" },
      outgoing: { server: "smtp.contoso.com", port: 587, security: "starttls" },
      authenticate_using: "user_or_queue",
      user_name: null,
      process_emails_from: ago(60 * 24),
      cannot_enable: null,
    },
  },
  {
    ...none,
    id: 1,
    routers: [2],
    incoming: side({
      location: "mail-gateway-for-the-northern-region.services.fabrikam-international.example",
      router: 2,
      line: 84,
    }),
    outgoing: side({
      kind: "exchange_online",
      kind_name: "Exchange Online",
      location: "https://outlook.office365.com/EWS/Exchange.asmx",
      port: null,
      router: 2,
      line: 120,
    }),
    users: 18,
    queues: 1,
    forward_mailboxes: 1,
    findings: [
      {
        code: "pop3_and_exchange_online",
        text: "POP3 together with Exchange Online becomes an Exchange profile.",
        error_code: null,
      },
    ],
    profile: {
      name: "Fabrikam International, northern region, mail gateway and Exchange Online",
      existing: false,
      server_type: "exchange_online",
      incoming: { server: "outlook.office365.com", port: 443, security: "tls" },
      outgoing: { server: "outlook.office365.com", port: 443, security: "tls" },
      authenticate_using: "profile",
      user_name: "router@fabrikam.example",
      process_emails_from: ago(60 * 24),
      cannot_enable: "Exchange profiles can be kept, but not enabled by this version yet.",
    },
  },
  {
    ...none,
    id: 2,
    incoming: side({
      kind: "exchange_web_dav",
      kind_name: "Exchange 2003 or 2007 (WebDAV)",
      location: "http://exchange-2003/exchange",
      port: null,
      ssl: false,
      line: 150,
    }),
    outgoing: smtp,
    users: 4,
    profile: null,
    migrate: false,
    cannot:
      "WebDAV ended with Exchange 2007: nothing here can read it. Move these mailboxes to a newer server first.",
    findings: [
      {
        code: "web_dav",
        text: "Exchange 2003 and 2007 through WebDAV are not migrated.",
        error_code: "0x8005E234",
      },
    ],
  },
  {
    ...none,
    id: 3,
    incoming: side({ kind: "custom", kind_name: "Custom", location: "", port: null, ssl: null, line: 171 }),
    outgoing: side({ kind: "custom", kind_name: "Custom", location: "", port: null, ssl: null, line: 190 }),
    users: 1,
    profile: null,
    migrate: false,
    cannot: "A provider of another maker: what it does stands in its own program, not in these files.",
  },
];

const FIRST = ["Amy", "Ben", "Chris", "Dana", "Eli", "Fay", "Gus", "Hana", "Ivo", "Jil"];

export function mailboxes(): MigrationMailboxView[] {
  return Array.from({ length: 241 }, (_, id): MigrationMailboxView => {
    const queue = id < 10;
    const name = queue ? `queue-${id + 1}` : `${FIRST[id % 10]?.toLowerCase()}.${id}`;
    const unknown = id % 40 === 12;
    const twice = id === 15;
    const old = id % 60 === 20;
    const skipped = id === 33;
    const found = unknown
      ? null
      : { kind: queue ? "queue" : "user", id: `owner-${id}`, name: `${FIRST[id % 10]} ${id}` };
    return {
      id,
      kind: id === 240 ? "forward" : queue ? "queue" : "user",
      address: skipped ? null : `${name}@contoso.com`,
      source_id: `7f6f0c52-2c1d-e511-80c2-${String(id).padStart(12, "0")}`,
      found,
      found_by: found ? "address" : null,
      existing: null,
      decision: skipped ? "skip" : unknown ? "create" : "match",
      owner: found,
      skip_reason: skipped ? "It has no usable address." : null,
      migrated: !skipped,
      candidates: (twice ? [1, 2] : [1]).map((router, at) => ({
        row: at,
        profile: rows()[at]?.profile?.name ?? null,
        router,
        user_name: `contoso\\${name}`,
      })),
      chosen: 0,
      process_emails_from: ago(60 * (old ? 24 * 40 : 30)),
      date: id % 7 === 3 ? "missing" : "last_processed",
      last_error: id === 16 ? "The remote server returned an error: (401) Unauthorized." : null,
      delete_after_processing: id % 9 === 0,
      findings: old
        ? [
            {
              code: "older_than_two_weeks",
              text: "It was processed last 40 days ago: its filter may pick up more than two weeks of mail.",
              error_code: null,
            },
          ]
        : [],
      conflicts: [
        ...(unknown
          ? [
              {
                kind: "unknown_owner",
                text: `Nobody here has the address ${name}@contoso.com; a user is created from it.`,
              },
            ]
          : []),
        ...(twice
          ? [
              {
                kind: "routers_disagree",
                text: "Email Router 1 and Email Router 2 have different settings for it; those of Email Router 1 are used.",
              },
            ]
          : []),
      ],
    };
  });
}

const FIELDS: [string, string | null, string, string][] = [
  ["IncomingServerType", "POP3", "taken", "Server type of the profile"],
  [
    "EmailServer",
    "POP.Contoso.com.",
    "changed",
    "Incoming server, in small letters and without the last dot",
  ],
  ["EmailPort", "995", "taken", "Incoming port"],
  ["EmailUseSSL", "true", "changed", "Security: TLS from the start"],
  ["EmailUser", "contoso\\amy", "taken", "User name of the mailbox"],
  ["EmailPassword", null, "dropped", "Enter it again: how it is encrypted is not public"],
  ["PollingPeriod", "60000", "dropped", "The interval of sync cycles is set for the whole organization"],
  ["LastProcessed", "31/02/2016", "unreadable", "No date; 24 hours back is used"],
];

export function fields(): MigrationFieldView[] {
  return Array.from({ length: 1_928 }, (_, n): MigrationFieldView => {
    const [field, value, fate, target] = FIELDS[n % FIELDS.length] as (typeof FIELDS)[number];
    const file = field === "LastProcessed" ? "state" : "agent";
    return { router: n < 1_000 ? 1 : 2, file, line: 20 + n, field, value, fate, target };
  });
}

export const provenanceCounts = (all: MigrationFieldView[]) => {
  const of = (fate: string) => all.filter((f) => f.fate === fate).length;
  return {
    fields: all.length,
    taken: of("taken"),
    changed: of("changed"),
    dropped: of("dropped"),
    unreadable: of("unreadable"),
  };
};

export const noCounts: MigrationCounts = {
  profiles_created: 0,
  profiles_used: 0,
  rows_declined: 0,
  rows_impossible: 0,
  users_created: 0,
  users_matched: 0,
  queues_created: 0,
  queues_matched: 0,
  forward_mailboxes: 0,
  mailboxes_created: 0,
  mailboxes_updated: 0,
  mailboxes_skipped: 0,
  dates_taken: 0,
  dates_fallback: 0,
  older_than_two_weeks: 0,
  not_reached: 0,
  passwords_recovered: 0,
  passwords_to_enter: 0,
  conflicts: 0,
};

export function planOf(
  rows: MigrationRowView[],
  boxes: MigrationMailboxView[],
  file: string | null,
): MigrationPlanView {
  const taken = rows.filter((row) => row.migrate);
  const conflicts = boxes.filter((m) => m.conflicts.length > 0);
  const kinds = [...new Set(conflicts.flatMap((m) => m.conflicts.map((c) => c.kind)))];
  const users = taken.reduce((n, row) => n + row.users + row.queues, 0);
  const left = boxes.filter((m) => m.decision === "skip").length;
  const counts: MigrationCounts = {
    ...noCounts,
    profiles_created: taken.length,
    rows_declined: rows.filter((row) => row.profile && !row.migrate).length,
    rows_impossible: rows.filter((row) => row.cannot).length,
    users_created: boxes.filter((m) => m.decision === "create").length,
    users_matched: boxes.filter((m) => m.decision === "match").length,
    forward_mailboxes: taken.reduce((n, row) => n + row.forward_mailboxes, 0),
    mailboxes_created: Math.max(0, users - left),
    mailboxes_skipped: left,
    dates_taken: boxes.filter((m) => m.date === "last_processed").length,
    dates_fallback: boxes.filter((m) => m.date === "missing").length,
    older_than_two_weeks: boxes.filter((m) => m.findings.length > 0).length,
    passwords_to_enter: 3,
    conflicts: conflicts.length,
  };
  return {
    made_at: ago(2),
    file,
    routers: [
      { number: 1, providers: 142, state_entries: 221 },
      { number: 2, providers: 20, state_entries: 19 },
    ],
    organizations: [
      { key: "crm.contoso.com/contoso", name: "Contoso", providers: 155, taken: true },
      { key: "crm.contoso.com/fabrikam", name: "Fabrikam", providers: 7, taken: false },
    ],
    organization_unconfirmed: false,
    unnamed: "treat_as_this",
    profile_date: "one_day_back",
    rows,
    mailboxes: boxes.length,
    credentials: PASSWORDS.map((p) => ({
      id: p.credential,
      server: p.server,
      user_name: p.user_name,
      must_be_entered: true,
      reason: p.reason,
      profiles: p.profiles.length,
      mailboxes: p.mailboxes.length,
    })),
    conflicts: kinds.map((kind) => ({
      kind,
      count: conflicts.filter((m) => m.conflicts.some((c) => c.kind === kind)).length,
    })),
    unused: [{ router: 1, line: 402, why: "No user and no queue has it." }],
    unused_total: 1,
    provenance: provenanceCounts(fields()),
    has_provenance: file === null,
    counts,
    sentences: [
      {
        about: "files",
        attention: false,
        text: "Email Router 1: SystemState.xml and EmailAgent.xml were chosen for each other's place and were put right.",
      },
      {
        about: "organization",
        attention: true,
        text: "7 providers of another organization are left out: Fabrikam.",
      },
      { about: "profiles", attention: false, text: `${taken.length} email server profiles are created.` },
      { about: "profiles", attention: true, text: "2 pairs cannot be migrated; their rows say why." },
      {
        about: "forward_mailboxes",
        attention: true,
        text: "1 forward mailbox is created, without processing for now.",
      },
      {
        about: "mailboxes",
        attention: false,
        text: `${counts.mailboxes_created} mailboxes are created and 0 updated; ${left} left as they are.`,
      },
      {
        about: "dates",
        attention: false,
        text: `Profiles start 24 hours before this plan was made; ${counts.dates_taken} mailboxes start with the last processed date, ${counts.dates_fallback} mailboxes 24 hours back.`,
      },
      {
        about: "dates",
        attention: true,
        text: `${counts.older_than_two_weeks} mailboxes have a last processed date older than two weeks: check that their filters do not pick up more than you want.`,
      },
      { about: "passwords", attention: true, text: "3 passwords must be entered again." },
      { about: "conflicts", attention: true, text: `${counts.conflicts} mailboxes need a look.` },
      {
        about: "after",
        attention: false,
        text: "Forwarding rules that were deployed into users' mailboxes stay there; Outlook-synchronized users have nothing to migrate.",
      },
    ],
    differences: [],
    configuration: "c0ffee",
    nothing_to_do: taken.length === 0,
    cannot_apply: null,
  };
}

const REASON = "It is encrypted in a way that is not public.";
export const PASSWORDS = [
  {
    credential: 0,
    server: "pop.contoso.com",
    user_name: "contoso\\amy",
    profiles: [],
    mailboxes: ["amy@contoso.com"],
    is_set: false,
    reason: REASON,
  },
  {
    credential: 1,
    server: "pop.contoso.com",
    user_name: "contoso\\shared-mail-account-of-all-service-queues",
    profiles: [],
    mailboxes: ["queue-1@contoso.com", "queue-2@contoso.com", "queue-3@contoso.com"],
    is_set: false,
    reason: REASON,
  },
  {
    credential: 2,
    server: "outlook.office365.com",
    user_name: "router@fabrikam.example",
    profiles: ["Fabrikam International"],
    mailboxes: [],
    is_set: false,
    reason: REASON,
  },
];

export const noSummary: MigrationSummaryView = {
  status: "none",
  applied_at: null,
  undone_at: null,
  changed: false,
  counts: noCounts,
  sentences: [],
  profiles: [],
  skipped: [],
  passwords: [],
  passwords_missing: 0,
  queues_to_test: 0,
  users_to_test: 0,
  to_test: [],
  to_approve: [],
  can_undo: false,
  undo_refused: null,
  process_email_using: "email_router",
  delivery_switch:
    "Only one of the two may process this organization's email. With Server-Side Synchronization the Email Router stops for this organization.",
};

/** What is wrong with files whose name says so. */
export function damageOf(path: string, router: number, slot: string, file: string): RouterFileProblem | null {
  const DAMAGES: Record<string, [number | null, string]> = {
    empty: [null, "the file is empty"],
    cut_short: [38, "the file is cut short: it ends in the middle"],
    dtd: [2, "the file has a document type definition (DTD), which is refused"],
  };
  const found = Object.entries(DAMAGES).find(([name]) => path.includes(name));
  if (!found) return null;
  const [name, [line, words]] = found;
  return {
    router,
    slot,
    file,
    line,
    class: name,
    code: "0x8005F032",
    message: `Router ${router}, ${file}${line ? `, line ${line}` : ""}: ${words}.`,
    remedy: "Copy the file again from the router's Service folder.",
  };
}
