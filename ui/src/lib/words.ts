/** The engine's words, as people read them. Unknown words are shown as they are, so that nothing is hidden. */
const WORDS: Record<string, Record<string, string>> = {
  status: {
    ok: "Working",
    late: "Late",
    stopped: "Stopped",
    unproven: "Not proven yet",
    off: "Off",
    empty: "Not set up",
  },
  place: {
    window: "in this window",
    service: "as a service",
    terminal: "in a terminal (tandem run)",
    unknown: "in another process",
  },
  workload: { incoming: "Incoming", outgoing: "Outgoing", act: "Appointments, contacts and tasks" },
  approval: { pending: "Waits for approval", approved: "Approved", rejected: "Rejected" },
  serverType: {
    pop3_smtp: "POP3 and SMTP",
    imap_smtp: "IMAP and SMTP",
    exchange_online: "Exchange Online",
    exchange_server: "Exchange Server",
    gmail: "Gmail",
  },
  security: { tls: "TLS from the start", starttls: "STARTTLS", none: "None (readable on the way)" },
  authentication: {
    user_or_queue: "Each mailbox has its own credentials",
    profile: "One account of the profile",
    anonymous: "No credentials",
    windows_integrated: "Windows integrated",
    oauth: "OAuth",
  },
  method: {
    none: "None",
    outlook: "Outlook",
    server_side_sync: "Server-side synchronization",
    forward_mailbox: "Forward mailbox",
  },
  owner: { user: "User", queue: "Queue" },
  email: {
    draft: "Draft",
    received: "Received",
    pending_send: "Pending send",
    sending: "Sending",
    sent: "Sent",
    failed: "Failed",
    canceled: "Canceled",
  },
  decision: {
    promoted: "Promoted",
    duplicate: "Duplicate",
    not_accepted: "Not accepted",
    before_start: "Before start date",
    test_message: "Test message",
    quarantined: "Quarantined",
    too_large: "Too large",
    gone: "Gone",
    retrying: "Tried again later",
    undeliverable: "Undeliverable",
  },
  rung: {
    dns: "Find the server",
    tcp: "Connect",
    tls: "Secure the connection",
    login: "Sign in",
    list: "List messages",
    read: "Read a message",
    send: "Send a test message",
    round_trip: "See it arrive",
  },
  test: {
    waiting: "Waiting",
    running: "Being tested",
    succeeded: "Enabled",
    failed: "Failed",
    skipped: "Skipped",
    cancelled: "Cancelled",
  },
  testJob: { running: "Running", paused: "Paused", cancelled: "Cancelled", done: "Done" },
  filter: {
    all: "All email",
    replies: "Replies to tracked email",
    leads_contacts_accounts: "From leads, contacts and accounts",
    email_enabled: "From email-enabled records",
    none: "None",
  },
  correlation: {
    in_reply_to: "In-Reply-To header",
    tracking_token: "Tracking token",
    conversation_index: "Conversation index",
    smart_matching: "Smart matching",
  },
  level: { error: "Error", warning: "Warning", information: "Information" },
  who: {
    nobody: "Nobody",
    mailbox_owner: "Owner of the mailbox",
    administrator: "Administrator",
    computer_user: "You, at this computer",
    server_operator: "Whoever runs the server",
    support: "Tandem's support",
  },
  audience: {
    administrator: "administrators",
    profile_owner: "the profile's owner",
    mailbox_owner: "the mailbox's owner",
  },
  fate: { taken: "Taken", changed: "Changed", dropped: "Dropped", unreadable: "Unreadable" },
  routerFile: {
    key: "EncryptionKey.xml",
    state: "SystemState.xml",
    agent: "EmailAgent.xml",
  },
  migrationStep: {
    profiles: "Email server profiles",
    forward_mailboxes: "Forward mailboxes",
    mailboxes: "User and queue mailboxes",
    passwords: "Passwords",
  },
  about: {
    files: "Files",
    organization: "Organization",
    profiles: "Email server profiles",
    forward_mailboxes: "Forward mailboxes",
    mailboxes: "User and queue mailboxes",
    dates: "Process Emails From",
    passwords: "Passwords",
    conflicts: "Conflicts",
    after: "Afterwards",
  },
  dateFrom: {
    last_processed: "the router's last processed date",
    missing: "24 hours back: the router has no date",
    unreadable: "24 hours back: the router's date can't be read",
    never: "24 hours back: the router never processed it",
    future: "24 hours back: the router's date is in the future",
    not_needed: "it only sends",
  },
  mailboxKind: { user: "User", queue: "Queue", forward: "Forward mailbox" },
  conflict: {
    routers_disagree: "Two routers disagree",
    two_routers: "In two routers",
    same_address: "Shares an address or owner",
    owner_mapped: "Owner has another mailbox",
    unknown_owner: "Unknown here",
    kind_differs: "User there, queue here, or the reverse",
    no_address: "No usable address",
  },
  resolved: { user: "User", queue: "Queue", contact: "Contact", account: "Account", lead: "Lead" },
};

/** The word for people. */
export function word(of: keyof typeof WORDS | string, value: string): string {
  return WORDS[of]?.[value] ?? value.replaceAll("_", " ");
}

/** All words of a kind, in order: for choices. */
export function wordsOf(kind: string): [string, string][] {
  return Object.entries(WORDS[kind] ?? {});
}

/** The engine's reason, which it gives as a part of a sentence, standing alone. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "1 mailbox", "2 mailboxes". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString()} ${n === 1 ? one : many}`;
}
