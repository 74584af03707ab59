import type {
  EmailRow,
  EmailView,
  EngineView,
  Home,
  MailboxDetail,
  MailboxView,
  ProfileView,
} from "../bindings";
import * as data from "./fake-data";

/** What the pretended engine knows when a page is asked for. */
type Told = {
  readonly scenario: string;
  readonly profiles: ProfileView[];
  readonly mailboxes: MailboxView[];
  readonly practicing: boolean;
  readonly engine: EngineView;
};

/** The rungs of a ladder, from the ground up. */
export const RUNGS: Record<string, string[]> = {
  incoming: ["dns", "tcp", "tls", "login", "list", "read"],
  outgoing: ["dns", "tcp", "tls", "login", "send", "round_trip"],
};
/** What a server that works says at each rung. */
export const SAID: Record<string, string> = {
  dns: "mail.contoso.test is 192.0.2.25",
  tcp: "+OK Contoso mail server ready",
  tls: "TLS 1.3, certificate of mail.contoso.test valid until 3 January 2028",
  login: "+OK Logged in.",
  list: "214 messages",
  read: "+OK 3,412 octets follow",
  send: "250 2.0.0 Ok: queued as 4D1B2",
  round_trip: "Seen in the mailbox after 1.4 s",
};

/** The first page. */
export function homeOf(fake: Told): Home {
  const broken = fake.scenario === "broken";
  const enabled = fake.mailboxes.filter((m) => m.workloads.incoming.enabled || m.workloads.outgoing.enabled);
  const empty = fake.mailboxes.length === 0;
  return {
    status: empty ? "empty" : broken ? "stopped" : "ok",
    headline: empty
      ? "Nothing is set up yet"
      : broken
        ? "One mailbox is stopped: its mail is neither fetched nor sent"
        : `All ${enabled.length} mailboxes are in step`,
    since: empty ? null : data.ago(broken ? 40 : 60 * 5),
    engine_running: fake.engine.running && fake.scenario !== "standing",
    engine: fake.engine,
    practice: fake.practicing,
    secrets: broken
      ? {
          name: "Secret Service",
          state: "locked",
          message:
            "The keyring is locked, so new passwords can't be stored. Unlock it by signing in, or in the system's password settings.",
        }
      : { name: "Secret Service", state: "ready", message: "" },
    needs_attention: broken ? data.alerts().filter((a) => a.level !== "information") : [],
    running: empty
      ? []
      : [
          {
            mailbox: "support@contoso.test",
            workload: "incoming",
            kind: "cycle",
            done: 1240,
            total: 4000,
            since: data.ago(1),
          },
          {
            mailbox: "sales.014@contoso.test",
            workload: "outgoing",
            kind: "cycle",
            done: 3,
            total: null,
            since: data.ago(0),
          },
        ],
    mailboxes: fake.mailboxes.length,
    mailboxes_enabled: enabled.length,
    mailboxes_pending_approval: fake.mailboxes.filter((m) => m.approval === "pending").length,
    profiles: fake.profiles.length,
    received_today: empty ? 0 : 1318,
    sent_today: empty ? 0 : 204,
    waiting_to_send: empty ? 0 : 2,
    failed_to_send: broken ? 1 : 0,
    quarantined: broken ? 2 : 0,
    next_due: empty ? null : data.ahead(2),
    mailbox_overview: [...fake.mailboxes].sort((a, b) => rank(a) - rank(b)).slice(0, 8),
  };
}

/** A mailbox's page: its last test broke at the password when it is stopped. */
export function detailOf(mailbox: MailboxView): MailboxDetail {
  const stopped = mailbox.status === "stopped";
  const outcome = (at: number) => (!stopped || at < 3 ? "passed" : at === 3 ? "failed" : "skipped");
  return {
    mailbox,
    last_test: mailbox.workloads.incoming.tested_at
      ? [
          {
            object: mailbox.email,
            workload: "incoming",
            status: stopped ? "failure" : "success",
            reason: null,
            rungs: (RUNGS.incoming ?? []).map((name, i) => ({
              name,
              status: outcome(i),
              took_ms: 9 + i * 17,
              server_said:
                outcome(i) === "failed" ? "-ERR [AUTH] Authentication failed." : (SAID[name] ?? ""),
              error: outcome(i) === "failed" ? data.wrongPassword : null,
            })),
          },
        ]
      : [],
    cycles: mailbox.workloads.incoming.last_success
      ? Array.from({ length: 6 }, (_, i) => ({
          id: `cycle-${i}`,
          workload: i % 2 ? "outgoing" : "incoming",
          started_at: data.ago(2 + i * 5 + (i === 2 ? 235 : 0)),
          ended_at: data.ago(2 + i * 5),
          cycles: i === 2 ? 48 : 1,
          items: i === 2 ? 0 : (i * 7) % 5,
          error: i === 4 ? "The server closed the connection." : null,
        }))
      : [],
  };
}

/** An email as a list shows it. */
export function row(email: EmailView): EmailRow {
  return {
    id: email.id,
    subject: email.subject,
    direction: email.direction,
    status: email.status,
    from: email.from[0]?.name || email.from[0]?.address || "",
    to: email.to.map((p) => p.name || p.address).join(", "),
    sent_on: email.sent_on,
    received_on: email.received_on,
    mailbox: email.receiving_mailbox ?? "",
    owner: email.owner.name,
    has_attachments: email.attachments.length > 0,
    correlated: email.correlation !== null,
    regarding: email.regarding?.name ?? null,
  };
}

const rank = (m: MailboxView) => ["stopped", "late", "unproven", "ok", "off"].indexOf(m.status);
