import type {
  AlertView,
  ApiError,
  Certificate,
  DiagnosticsResult,
  Discovered,
  EmailView,
  LedgerView,
  MailboxView,
  ProfileAlertsView,
  ProfileView,
  QuarantineView,
  RuleView,
  WorkloadView,
} from "../bindings";

const MINUTE = 60_000;

/** Minutes before now, as an instant. */
export const ago = (minutes: number): string => new Date(Date.now() - minutes * MINUTE).toISOString();
export const ahead = (minutes: number): string => ago(-minutes);

export const certificate: Certificate = {
  host: "mail.contoso.test",
  subject: "CN=mail.contoso.test, O=Contoso Ltd",
  names: ["mail.contoso.test", "pop.contoso.test"],
  issuer: "CN=Contoso Internal CA, O=Contoso Ltd",
  not_before: "2026-01-04T00:00:00Z",
  not_after: "2028-01-03T23:59:59Z",
  sha256: "9f2a41c05be77d138a60f4d2c95e1b8830aa6cf17e42d9b5036f8c1d24e7ba90",
  why: "It is signed by an authority that this computer does not know.",
};

/** A domain that names IMAP servers in its autoconfig file. */
export function discovered(address: string): Discovered {
  const domain = address.split("@")[1] ?? "";
  const at = (server: string, port: number, security: string) => ({
    server: `${server}.${domain}`,
    port,
    security,
    ca_file: null,
    trusted_certificate_sha256: [],
  });
  return {
    domain,
    proposals: [
      {
        server_type: "imap_smtp",
        incoming: at("mail", 993, "tls"),
        outgoing: at("mail", 465, "tls"),
        user_name: address,
        takes_password: true,
        source: "autoconfig",
      },
    ],
    hosted_by: null,
    advice: null,
    asked: [
      {
        source: `https://autoconfig.${domain}/mail/config-v1.1.xml`,
        outcome: "names servers for 1 kinds of profiles",
      },
      { source: `SRV _imaps._tcp.${domain}`, outcome: "does not exist" },
    ],
  };
}

export function failure(over: Partial<ApiError>): ApiError {
  return {
    code: "unknown",
    message: "Something went wrong.",
    remedy: "Try again.",
    object: "Tandem",
    server_said: null,
    retry_at: null,
    certificate: null,
    ...over,
  };
}

export const certificateRefused = failure({
  code: "certificate_refused",
  object: "mail.contoso.test:995",
  message: "The certificate of mail.contoso.test is signed by an authority that this computer does not know.",
  remedy:
    "Compare the fingerprint with your mail administrator, or choose the authority's CA file in the profile.",
  server_said: "invalid peer certificate: UnknownIssuer",
  certificate,
});

export const wrongPassword = failure({
  code: "authentication_failed",
  object: "ben@contoso.test",
  message: "The server refused the user name or the password of ben@contoso.test.",
  remedy: "Enter the password again in the mailbox. If two-step sign-in is on, use an app password.",
  server_said: "-ERR [AUTH] Authentication failed.",
});

export function workload(over: Partial<WorkloadView> = {}): WorkloadView {
  return {
    method: "server_side_sync",
    status: "success",
    enabled: true,
    state: "ok",
    why: "The last cycle completed 2 minutes ago.",
    next_due: ahead(3),
    last_success: ago(2),
    last_error: null,
    tested_at: ago(60 * 26),
    ...over,
  };
}

const off = workload({
  method: "none",
  status: "not_run",
  enabled: false,
  state: "off",
  why: "Not synchronized.",
  next_due: null,
  last_success: null,
  tested_at: null,
});

export function mailbox(email: string, name: string, over: Partial<MailboxView> = {}): MailboxView {
  return {
    id: `mailbox-${email}`,
    email,
    owner: { type: "user", id: `user-${name}`, name },
    incoming_filter: "all",
    profile: "Contoso POP3",
    approval: "approved",
    status: "ok",
    user_name: email,
    password_set: true,
    allow_credentials: true,
    delete_after_processing: false,
    process_emails_from: ago(60 * 24 * 20),
    workloads: { incoming: workload(), outgoing: workload(), act: off },
    ...over,
  };
}

export const newWorkload = workload({
  status: "not_run",
  enabled: false,
  state: "unproven",
  why: "It was never tested.",
  next_due: null,
  last_success: null,
  tested_at: null,
});

const NAMES = [
  "Amy Alberts",
  "Ben Burton",
  "Chris Gray",
  "Dana Birkby",
  "Eric Boocock",
  "Fang Wu",
  "Gabriela Novak",
];

export function healthyMailboxes(): MailboxView[] {
  const first = [
    mailbox("support@contoso.test", "Support", {
      owner: { type: "queue", id: "queue-support", name: "Support" },
    }),
    ...NAMES.map((name) =>
      mailbox(`${name.split(" ")[0]?.toLowerCase()}@contoso.test`, name, {
        incoming_filter: "leads_contacts_accounts",
      }),
    ),
  ];
  const many = Array.from({ length: 232 }, (_, i) =>
    mailbox(`sales.${String(i + 1).padStart(3, "0")}@contoso.test`, `Sales agent ${i + 1}`, {
      profile: "Contoso IMAP",
    }),
  );
  return [...first, ...many];
}

export function brokenMailboxes(): MailboxView[] {
  const all = healthyMailboxes();
  const change = (email: string, over: Partial<MailboxView>) => {
    const at = all.findIndex((m) => m.email === email);
    const found = all[at];
    if (found) all[at] = { ...found, ...over };
  };
  change("ben@contoso.test", {
    status: "stopped",
    workloads: {
      incoming: workload({
        status: "failure",
        state: "stopped",
        why: "The server refuses the password since 40 minutes ago.",
        last_error: wrongPassword.message,
        last_success: ago(42),
        next_due: null,
      }),
      outgoing: workload({
        state: "stopped",
        why: "The server refuses the password.",
        last_error: wrongPassword.message,
      }),
      act: off,
    },
  });
  change("chris@contoso.test", {
    status: "late",
    workloads: {
      incoming: workload({
        state: "late",
        why: "Due 12 minutes ago; the server answers slowly.",
        next_due: ago(12),
        last_success: ago(17),
      }),
      outgoing: workload(),
      act: off,
    },
  });
  change("dana@contoso.test", {
    approval: "pending",
    status: "unproven",
    workloads: { incoming: newWorkload, outgoing: newWorkload, act: off },
  });
  change("eric@contoso.test", {
    password_set: false,
    status: "unproven",
    workloads: { incoming: newWorkload, outgoing: newWorkload, act: off },
  });
  return all;
}

export function profile(name: string, over: Partial<ProfileView> = {}): ProfileView {
  return {
    id: `profile-${name}`,
    name,
    description: "Our own mail server in the cellar",
    server_type: "pop3_smtp",
    active: true,
    incoming: {
      server: "mail.contoso.test",
      port: 995,
      security: "tls",
      ca_file: null,
      trusted_certificate_sha256: [],
    },
    outgoing: {
      server: "mail.contoso.test",
      port: 587,
      security: "starttls",
      ca_file: null,
      trusted_certificate_sha256: [],
    },
    authenticate_using: "user_or_queue",
    user_name: null,
    password_set: false,
    process_emails_from: ago(60 * 24 * 14),
    max_concurrent_connections: 10,
    min_polling_interval_minutes: 0,
    send_limit_recipients_per_day: null,
    send_limit_messages_per_minute: null,
    mailboxes: 8,
    status: "ok",
    since: null,
    why: "All 16 workloads of its mailboxes are synchronized in time.",
    ...over,
  };
}

export const twoProfiles = (): ProfileView[] => [
  profile("Contoso POP3"),
  profile("Contoso IMAP", {
    server_type: "imap_smtp",
    description: "Sales, in the new data center",
    incoming: {
      server: "imap.contoso.test",
      port: 993,
      security: "tls",
      ca_file: "/etc/ssl/contoso-ca.pem",
      trusted_certificate_sha256: [],
    },
    outgoing: {
      server: "smtp.contoso.test",
      port: 465,
      security: "tls",
      ca_file: "/etc/ssl/contoso-ca.pem",
      trusted_certificate_sha256: [],
    },
    mailboxes: 232,
  }),
];

export const noOwner = (profile: string): ProfileAlertsView => ({
  profile,
  owner: null,
  owner_email: null,
  send_alert_email: false,
});

export const alerts = (): AlertView[] => [
  {
    id: "alert-1",
    level: "error",
    scope: "mailbox",
    object: "ben@contoso.test",
    object_id: "mailbox-ben@contoso.test",
    workload: "incoming",
    code: "authentication_failed",
    message:
      "The server refused the user name or the password of ben@contoso.test. Its mail is not fetched and not sent.",
    remedy:
      "Enter the password again, then test the mailbox. If two-step sign-in is on, use an app password.",
    action: "enter_password",
    who: "mailbox_owner",
    needs_person: true,
    audience: ["administrator", "mailbox_owner"],
    profile: "Contoso POP3",
    server_said: "-ERR [AUTH] Authentication failed.",
    certificate: null,
    first_seen: ago(40),
    last_seen: ago(5),
    count: 8,
    retry_at: null,
    cleared_at: null,
  },
  {
    id: "alert-2",
    level: "error",
    scope: "email",
    object: "Offer for Fabrikam, signed",
    object_id: "email-3",
    workload: "outgoing",
    code: "delivery_unconfirmed",
    message:
      "The connection was lost after the email was handed over, so it is not known whether the server took it.",
    remedy:
      "Ask the recipient, then open the email and say whether it arrived. Tandem does not send it twice by itself.",
    action: "retry_item",
    who: "mailbox_owner",
    needs_person: true,
    audience: ["administrator"],
    profile: "Contoso POP3",
    server_said: null,
    certificate: null,
    first_seen: ago(18),
    last_seen: ago(18),
    count: 1,
    retry_at: null,
    cleared_at: null,
  },
  {
    id: "alert-3",
    level: "warning",
    scope: "profile",
    object: "Contoso IMAP",
    object_id: "profile-Contoso IMAP",
    workload: null,
    code: "certificate_refused",
    message: "The server imap.contoso.test shows another certificate than before.",
    remedy: "Compare the fingerprint with your mail administrator before you trust it.",
    action: "trust_certificate",
    who: "administrator",
    needs_person: false,
    audience: ["administrator", "profile_owner"],
    profile: "Contoso IMAP",
    server_said: "invalid peer certificate: UnknownIssuer",
    certificate: { ...certificate, host: "imap.contoso.test", subject: "CN=imap.contoso.test" },
    first_seen: ago(130),
    last_seen: ago(10),
    count: 12,
    retry_at: ahead(5),
    cleared_at: null,
  },
  {
    id: "alert-4",
    level: "information",
    scope: "mailbox",
    object: "amy@contoso.test",
    object_id: "mailbox-amy@contoso.test",
    workload: "outgoing",
    code: "workload_enabled",
    message: "Test & Enable succeeded for amy@contoso.test: it is synchronized from now on.",
    remedy: "Nothing needs to be done.",
    action: "nothing",
    who: "nobody",
    needs_person: false,
    audience: ["administrator", "mailbox_owner"],
    profile: "Contoso POP3",
    server_said: null,
    certificate: null,
    first_seen: ago(240),
    last_seen: ago(240),
    count: 1,
    retry_at: null,
    cleared_at: null,
  },
];

export const trace: RuleView[] = [
  { rule: "already recorded", outcome: "passed", detail: "No record has this Message-ID." },
  { rule: "process emails from", outcome: "passed", detail: "Received after the start date of the mailbox." },
  {
    rule: "correlation",
    outcome: "noted",
    detail: "Answers “Delivery on Thursday”, found by its In-Reply-To header.",
  },
  { rule: "incoming filtering method", outcome: "decided", detail: "Amy Alberts takes all email messages." },
];

const SUBJECTS = [
  "Re: Delivery on Thursday",
  "Question about invoice 20394",
  "Offer for Fabrikam, signed",
  "New opening hours from December",
  "Complaint: two chairs arrived damaged",
  "Minutes of our call",
  "Re: Re: Spare parts for model C4",
  "Your order 88213 was shipped",
];
const PEOPLE = [
  "Susan Burk",
  "Jim Glynn",
  "Maria Campbell",
  "Nancy Anderson",
  "Patrick Sands",
  "Rene Valdes",
];

export function emails(): EmailView[] {
  return Array.from({ length: 640 }, (_, i) => {
    const outgoing = i % 4 === 2;
    const status = outgoing
      ? (["sending", "sent", "pending_send", "failed", "sent"][(i - 2) % 5] ?? "sent")
      : "received";
    const who = PEOPLE[i % PEOPLE.length] ?? "Susan Burk";
    const address = `${who.toLowerCase().replace(" ", ".")}@fabrikam.test`;
    const contact = {
      address,
      name: who,
      resolved: i % 5 === 4 ? [] : [{ type: "contact", id: `contact-${who}`, name: who }],
      delivery: outgoing && status === "failed" ? "refused" : null,
      delivery_said: outgoing && status === "failed" ? "550 5.1.1 No such user here" : null,
    };
    const amy = {
      address: "amy@contoso.test",
      name: "Amy Alberts",
      resolved: [{ type: "user", id: "user-Amy", name: "Amy Alberts" }],
      delivery: null,
      delivery_said: null,
    };
    const at = ago(7 + i * 47);
    return {
      id: `email-${i + 1}`,
      subject: SUBJECTS[i % SUBJECTS.length] ?? "",
      direction: outgoing ? "outgoing" : "incoming",
      status,
      message_id: `${i + 1}.20261118@fabrikam.test`,
      in_reply_to: i % 3 === 0 ? `${i}.20261117@contoso.test` : null,
      sent_on: status === "pending_send" || status === "failed" ? null : at,
      received_on: outgoing ? null : at,
      owner: { type: "user", id: "user-Amy", name: "Amy Alberts" },
      from: [outgoing ? amy : contact],
      to: [outgoing ? contact : amy],
      cc:
        i % 6 === 0
          ? [{ ...contact, address: "logistics@fabrikam.test", name: "Logistics", resolved: [] }]
          : [],
      bcc: [],
      regarding: i % 4 === 0 ? { type: "account", id: "account-fabrikam", name: "Fabrikam, Inc." } : null,
      correlation: i % 3 === 0 ? { method: "in_reply_to", email_id: `email-${i + 2}` } : null,
      tracking_token: null,
      accepting_entity: { type: "user", id: "user-Amy", name: "Amy Alberts" },
      receiving_mailbox: "amy@contoso.test",
      attachments:
        i % 3 === 0
          ? [
              {
                id: `attachment-${i}-1`,
                name: "delivery-note.pdf",
                mime_type: "application/pdf",
                size: 184_223,
                sha256: "ab".repeat(32),
                dropped_reason: null,
              },
              {
                id: `attachment-${i}-2`,
                name: "warehouse.tiff",
                mime_type: "image/tiff",
                size: 48_300_112,
                sha256: "cd".repeat(32),
                dropped_reason: "It is larger than 25 MB.",
              },
            ]
          : [],
      body_text: "Hello Amy,\n\nthe truck comes on Thursday between 9 and 11.\n\nBest regards\nSusan",
      body_html: "<p>Hello</p>",
      delivery_attempts: outgoing ? 1 : 0,
      last_attempt:
        status === "sending"
          ? "The connection was lost after the email was handed over: it is not known whether the server took it."
          : status === "failed"
            ? "The server refused the recipient: 550 5.1.1 No such user here."
            : null,
      send_after: null,
      held: null,
      size: 23_412,
      conversation: [],
    };
  });
}

export function ledger(): LedgerView[] {
  const decisions = [
    "promoted",
    "promoted",
    "promoted",
    "duplicate",
    "before_start",
    "not_accepted",
    "promoted",
    "quarantined",
    "test_message",
    "too_large",
  ];
  return Array.from({ length: 3200 }, (_, i) => {
    const decision = decisions[i % decisions.length] ?? "promoted";
    const reasons: Record<string, string> = {
      promoted: "Amy Alberts takes all email messages.",
      duplicate: "A record with this Message-ID exists: it was received in support@contoso.test first.",
      before_start: "It was received before the start date of the mailbox.",
      not_accepted: "No recipient takes email from unknown senders.",
      quarantined: "A header line of 1.2 MB could not be read.",
      test_message: "It is Tandem's own test message.",
      too_large: "It has 61 MB; the limit is 50 MB.",
    };
    return {
      mailbox: i % 2 ? "amy@contoso.test" : "support@contoso.test",
      folder: "INBOX",
      uid: `${9000 - i}`,
      message_id: decision === "quarantined" ? null : `${i + 1}.20261118@fabrikam.test`,
      received_at: ago(6 + i * 9),
      size: 3_200 + ((i * 7919) % 90_000),
      decision,
      reason: reasons[decision] ?? "",
      trace:
        decision === "promoted"
          ? trace
          : trace
              .slice(0, 2)
              .concat({ rule: "decision", outcome: "decided", detail: reasons[decision] ?? "" }),
      email_id: decision === "promoted" ? `email-${(i % 640) + 1}` : null,
      cycle_id: `cycle-${Math.floor(i / 40)}`,
      decided_at: ago(5 + i * 9),
    };
  });
}

export const quarantine = (): QuarantineView[] => [
  {
    kind: "unreadable",
    id: "quarantine-1",
    mailbox: "support@contoso.test",
    uid: "8993",
    reason: "A header line of 1.2 MB could not be read.",
    parser_version: "0.1.0",
    size: 1_300_214,
    quarantined_at: ago(190),
    preview:
      "Received: from unknown (HELO x) (10.0.0.7)\nSubject: =?utf-8?B?AAAAAAAAAAAAAAAAAAAAAAAAAAA\nX-Pad: ................................",
  },
  {
    kind: "unreadable",
    id: "quarantine-2",
    mailbox: "amy@contoso.test",
    uid: "77",
    reason: "The message ends inside an attachment, and its length is not the one the server announced.",
    parser_version: "0.1.0",
    size: 88_120,
    quarantined_at: ago(60 * 30),
    preview: "From: scanner@contoso.test\nTo: amy@contoso.test\nContent-Type: multipart/mixed; boundary=abc",
  },
];

/** A bundle of diagnostics in which one part could not be looked up. */
export const bundle = (path: string): DiagnosticsResult => ({
  path,
  files: ["about.json", "alerts.json"],
  missing: ["alerts.json"],
});
