-- Version 12. Written by a test (UPDATE_SCHEMA=1); change src/schema instead.

CREATE TABLE alert (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    level TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('email', 'mailbox', 'profile')),
    object BLOB NOT NULL,
    -- Empty where the object has none.
    workload TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    retry_at INTEGER,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    cleared_at INTEGER
) STRICT;

CREATE INDEX alert_by_time ON alert (last_seen_at);

CREATE INDEX alert_cleared ON alert (cleared_at) WHERE cleared_at IS NOT NULL;

CREATE UNIQUE INDEX alert_open ON alert (scope, object, workload, code) WHERE cleared_at IS NULL;

CREATE TABLE alert_settings (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    errors INTEGER NOT NULL,
    warnings INTEGER NOT NULL,
    information INTEGER NOT NULL,
    notify_mailbox_owner INTEGER NOT NULL,
    keep_cleared_days INTEGER NOT NULL
) STRICT;

CREATE TABLE attachment (
    email INTEGER NOT NULL REFERENCES email (row) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    content_id TEXT,
    -- Decoded.
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    -- Where it stands, encoded, in the raw message.
    "offset" INTEGER NOT NULL,
    length INTEGER NOT NULL,
    encoding TEXT NOT NULL CHECK (encoding IN ('identity', 'base64', 'quoted_printable')),
    PRIMARY KEY (email, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE circuit (
    profile BLOB NOT NULL REFERENCES profile (id) ON DELETE CASCADE,
    workload TEXT NOT NULL CHECK (workload IN ('incoming', 'outgoing', 'act')),
    -- The mailbox that met a failure of the server since it last answered, and which.
    suspect BLOB,
    suspect_code TEXT,
    -- Open since then; absent while it is closed.
    since INTEGER,
    -- A failure as JSON.
    failure TEXT,
    failed_probes INTEGER NOT NULL DEFAULT 0,
    -- Absent while it is open: a person must act first.
    probe_at INTEGER,
    -- The mailbox that tries now.
    probing BLOB,
    PRIMARY KEY (profile, workload)
) STRICT, WITHOUT ROWID;

CREATE TABLE coverage (
    mailbox BLOB NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    -- When a later cycle saw it; absent where cycles ran at their pace.
    caught_up_at INTEGER,
    PRIMARY KEY (mailbox, from_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE cycle (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    mailbox BLOB NOT NULL,
    workload TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    items INTEGER NOT NULL,
    failure TEXT
, cycles INTEGER NOT NULL DEFAULT 1) STRICT;

CREATE INDEX cycle_by_workload ON cycle (mailbox, workload);

CREATE INDEX cycle_failed ON cycle (ended_at) WHERE failure IS NOT NULL;

CREATE TABLE directory_address (
    address TEXT NOT NULL,
    entry BLOB NOT NULL REFERENCES directory_entry (id) ON DELETE CASCADE,
    -- 0 is the primary address.
    position INTEGER NOT NULL,
    PRIMARY KEY (address, entry)
) STRICT, WITHOUT ROWID;

CREATE INDEX directory_address_by_entry ON directory_address (entry, position);

CREATE TABLE directory_entry (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'queue', 'contact', 'account', 'lead')),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    incoming_filter TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX directory_entry_by_name ON directory_entry (kind, name_key);

CREATE TABLE email (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    direction TEXT NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
    status TEXT NOT NULL,
    message_id TEXT,
    subject TEXT NOT NULL,
    -- Message ids, one a line.
    in_reply_to TEXT NOT NULL,
    "references" TEXT NOT NULL,
    owner BLOB NOT NULL,
    owner_kind TEXT NOT NULL,
    mailbox BLOB NOT NULL,
    accepting_entity BLOB,
    accepting_entity_kind TEXT,
    regarding BLOB,
    regarding_kind TEXT,
    correlation_method TEXT,
    correlation_email BLOB,
    -- Received or made: the order in which people read.
    happened_at INTEGER NOT NULL,
    received_at INTEGER,
    -- The Date header.
    dated_at INTEGER,
    -- When a server accepted it.
    submitted_at INTEGER,
    send_after INTEGER,
    not_before INTEGER,
    mail_from TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_failure TEXT,
    auto_submitted TEXT,
    conversation_index TEXT,
    -- One a line.
    defects TEXT NOT NULL,
    raw_message INTEGER NOT NULL,
    -- The cycle that made it.
    cycle BLOB
, held_by TEXT) STRICT;

CREATE INDEX email_by_conversation ON email (correlation_email) WHERE correlation_email IS NOT NULL;

CREATE INDEX email_by_mailbox ON email (mailbox, happened_at);

CREATE UNIQUE INDEX email_by_message_id ON email (message_id) WHERE message_id IS NOT NULL;

CREATE INDEX email_by_time ON email (happened_at);

CREATE INDEX email_outgoing ON email (status, mailbox) WHERE direction = 'outgoing';

CREATE TABLE email_party (
    email INTEGER NOT NULL REFERENCES email (row) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    role TEXT NOT NULL,
    written TEXT NOT NULL,
    address TEXT,
    name TEXT NOT NULL,
    PRIMARY KEY (email, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE email_party_match (
    email INTEGER NOT NULL,
    position INTEGER NOT NULL,
    record BLOB NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (email, position, record),
    FOREIGN KEY (email, position) REFERENCES email_party (email, position) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE email_recipient (
    email INTEGER NOT NULL REFERENCES email (row) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    address TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'accepted', 'refused')),
    failure TEXT,
    PRIMARY KEY (email, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE folder (
    row INTEGER PRIMARY KEY,
    mailbox BLOB NOT NULL,
    name TEXT NOT NULL,
    cursor TEXT,
    UNIQUE (mailbox, name)
) STRICT;

CREATE TABLE "history" (
    -- The mailbox; empty: all of them together.
    owner BLOB NOT NULL,
    workload TEXT NOT NULL CHECK (workload IN ('incoming', 'outgoing', 'act')),
    row INTEGER NOT NULL UNIQUE,
    mailbox BLOB AS (nullif(owner, x'')) REFERENCES mailbox (id) ON DELETE CASCADE,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    items INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    -- The hour that runs, counted since 1970, and what was done in it. It is not in `history_hour`.
    hour INTEGER NOT NULL,
    hour_cycles INTEGER NOT NULL,
    hour_failures INTEGER NOT NULL,
    hour_items INTEGER NOT NULL,
    hour_took_ms INTEGER NOT NULL,
    -- The row of `cycle` that began with the first of the cycles that find nothing, when the latest cycle is one of them, and
    -- how many they are. They end with the latest cycle.
    quiet_row INTEGER,
    quiet_cycles INTEGER NOT NULL,
    PRIMARY KEY (owner, workload)
) STRICT, WITHOUT ROWID;

CREATE INDEX history_by_mailbox ON history (mailbox);

CREATE TABLE history_hour (
    history INTEGER NOT NULL REFERENCES history (row) ON DELETE CASCADE,
    hour INTEGER NOT NULL,
    cycles INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    -- Messages decided, or emails attempted.
    items INTEGER NOT NULL,
    -- How long its cycles took together, in milliseconds.
    took_ms INTEGER NOT NULL,
    PRIMARY KEY (history, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE item_retry (
    folder INTEGER NOT NULL REFERENCES folder (row),
    identity TEXT NOT NULL,
    size INTEGER NOT NULL,
    received_at INTEGER,
    failures INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    -- A failure as JSON.
    failure TEXT NOT NULL,
    PRIMARY KEY (folder, identity)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    row INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES folder (row),
    identity TEXT NOT NULL,
    message_id TEXT,
    received_at INTEGER,
    size INTEGER NOT NULL,
    decision TEXT NOT NULL,
    -- The rules asked, as JSON: [[rule, outcome, detail], ...].
    trace TEXT NOT NULL,
    email BLOB,
    cycle BLOB NOT NULL,
    decided_at INTEGER NOT NULL,
    server_copy TEXT NOT NULL CHECK (server_copy IN ('kept', 'to_delete', 'deleted')),
    deleted_at INTEGER,
    UNIQUE (folder, identity)
) STRICT;

CREATE INDEX ledger_by_message_id ON ledger (message_id) WHERE message_id IS NOT NULL;

CREATE INDEX ledger_to_delete ON ledger (folder) WHERE server_copy = 'to_delete';

CREATE TABLE mailbox (
    id BLOB PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    owner BLOB NOT NULL UNIQUE REFERENCES directory_entry (id),
    owner_kind TEXT NOT NULL CHECK (owner_kind IN ('user', 'queue')),
    profile BLOB REFERENCES profile (id),
    approval TEXT NOT NULL,
    user_name TEXT,
    allow_credentials INTEGER NOT NULL,
    delete_after_processing INTEGER NOT NULL,
    process_emails_from INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX mailbox_by_profile ON mailbox (profile);

CREATE TABLE mailbox_workload (
    mailbox BLOB NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    workload TEXT NOT NULL CHECK (workload IN ('incoming', 'outgoing', 'act')),
    method TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('not_run', 'success', 'failure')),
    enabled INTEGER NOT NULL,
    last_failure TEXT,
    last_failure_at INTEGER,
    tested_at INTEGER, stopped_by TEXT,
    PRIMARY KEY (mailbox, workload)
) STRICT, WITHOUT ROWID;

CREATE TABLE organization (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    allow_plain_connections INTEGER NOT NULL,
    require_approval INTEGER NOT NULL,
    cycle_interval_minutes INTEGER NOT NULL,
    max_delivery_attempts INTEGER NOT NULL,
    max_message_bytes INTEGER NOT NULL
, frequency TEXT NOT NULL DEFAULT 'online', max_incoming_cycles INTEGER NOT NULL DEFAULT 32, max_outgoing_cycles INTEGER NOT NULL DEFAULT 16, max_operations INTEGER NOT NULL DEFAULT 8, cycle_seconds INTEGER NOT NULL DEFAULT 120, cycle_mib INTEGER NOT NULL DEFAULT 1024, cycle_timeout_minutes INTEGER NOT NULL DEFAULT 30, connect_timeout_seconds INTEGER NOT NULL DEFAULT 20, read_timeout_seconds INTEGER NOT NULL DEFAULT 60, push INTEGER NOT NULL DEFAULT 1, test_batch_mailboxes INTEGER NOT NULL DEFAULT 200, test_batch_hours INTEGER NOT NULL DEFAULT 5, process_email_using TEXT NOT NULL DEFAULT 'server_side_synchronization', history_days INTEGER NOT NULL DEFAULT 30) STRICT;

CREATE TABLE pack (
    number INTEGER PRIMARY KEY,
    -- So many bytes from its start are messages. What lies behind them was never committed and is written over.
    length INTEGER NOT NULL
) STRICT;

CREATE TABLE profile (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    -- The name without case, as it is compared.
    name_key TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    server_type TEXT NOT NULL,
    active INTEGER NOT NULL,
    authenticate_using TEXT NOT NULL,
    user_name TEXT,
    process_emails_from INTEGER,
    max_concurrent_connections INTEGER NOT NULL,
    min_polling_interval_minutes INTEGER NOT NULL
, send_limit_recipients_per_day INTEGER, send_limit_messages_per_minute INTEGER) STRICT, WITHOUT ROWID;

CREATE TABLE profile_alert (
    profile BLOB PRIMARY KEY REFERENCES profile (id) ON DELETE CASCADE,
    -- A user.
    owner BLOB REFERENCES directory_entry (id) ON DELETE SET NULL,
    send_alert_email INTEGER NOT NULL,
    -- When an email about it was last tried.
    last_email_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE profile_endpoint (
    profile BLOB NOT NULL REFERENCES profile (id) ON DELETE CASCADE,
    direction TEXT NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
    server TEXT NOT NULL,
    port INTEGER NOT NULL,
    security TEXT NOT NULL,
    ca_file TEXT,
    -- Lower-case hex, one a line.
    pinned_sha256 TEXT NOT NULL,
    PRIMARY KEY (profile, direction)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    folder INTEGER NOT NULL REFERENCES folder (row),
    identity TEXT NOT NULL,
    reason TEXT NOT NULL,
    parser_version TEXT NOT NULL,
    quarantined_at INTEGER NOT NULL,
    raw_message INTEGER NOT NULL,
    UNIQUE (folder, identity)
) STRICT;

CREATE TABLE raw_chunk (
    raw_message INTEGER NOT NULL REFERENCES raw_message (row) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (raw_message, position)
) STRICT;

CREATE TABLE raw_message (
    row INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,
    bytes BLOB
, pack INTEGER REFERENCES pack (number), pack_offset INTEGER) STRICT;

CREATE TABLE router_migration (
    row INTEGER PRIMARY KEY,
    -- SHA-256 of the plan.
    plan TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    undone_at INTEGER,
    -- The configuration before it, as `export --records` wrote it.
    export_before TEXT NOT NULL,
    -- What undoing it takes (JSON).
    undo TEXT NOT NULL,
    -- What came of it (JSON).
    result TEXT NOT NULL
) STRICT;

CREATE TABLE schedule (
    mailbox BLOB NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    workload TEXT NOT NULL,
    -- Absent: not before something makes it due.
    due_at INTEGER,
    -- Asked for while a cycle was running: the next one starts then at the latest.
    wake_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until INTEGER,
    last_completed_start INTEGER, busy_cycles INTEGER NOT NULL DEFAULT 0, idle_cycles INTEGER NOT NULL DEFAULT 0, expected_at INTEGER, last_success_at INTEGER,
    PRIMARY KEY (mailbox, workload)
) STRICT, WITHOUT ROWID;

CREATE INDEX schedule_by_due ON schedule (due_at) WHERE due_at IS NOT NULL;

CREATE INDEX schedule_by_success ON schedule (last_success_at) WHERE last_success_at IS NOT NULL;

CREATE TABLE send_attempt (
    email INTEGER NOT NULL REFERENCES email (row) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    cycle BLOB NOT NULL,
    started_at INTEGER NOT NULL,
    -- From then on the server may have accepted it.
    committing_at INTEGER,
    ended_at INTEGER,
    outcome TEXT CHECK (outcome IN ('sent', 'postponed', 'failed', 'unconfirmed', 'not_accepted')),
    server_said TEXT,
    failure TEXT,
    PRIMARY KEY (email, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE submission (
    mailbox BLOB NOT NULL,
    submitted_at INTEGER NOT NULL,
    email INTEGER NOT NULL REFERENCES email (row) ON DELETE CASCADE,
    recipients INTEGER NOT NULL,
    PRIMARY KEY (mailbox, submitted_at, email)
) STRICT, WITHOUT ROWID;

CREATE INDEX submission_by_email ON submission (email);

CREATE TABLE test_job (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    -- What was asked for, in words.
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'cancelled', 'done')),
    -- The rules that it was planned by.
    batch_mailboxes INTEGER NOT NULL,
    batch_hours INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- The latest start of a batch, a restart, or when it was resumed.
    moving_since INTEGER,
    ended_at INTEGER
) STRICT;

CREATE TABLE test_job_batch (
    job INTEGER NOT NULL REFERENCES test_job (row) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    started_at INTEGER,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE test_job_item (
    job INTEGER NOT NULL REFERENCES test_job (row) ON DELETE CASCADE,
    -- The mailbox's place in the plan.
    position INTEGER NOT NULL,
    workload TEXT NOT NULL CHECK (workload IN ('incoming', 'outgoing', 'act')),
    mailbox BLOB NOT NULL,
    address TEXT NOT NULL,
    owner_kind TEXT NOT NULL CHECK (owner_kind IN ('user', 'queue')),
    -- Absent where nothing is tested.
    batch INTEGER,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'skipped', 'cancelled')),
    -- A failure as JSON.
    failure TEXT,
    -- The rung that broke; absent when nothing was tried.
    broke_at TEXT,
    skipped_because TEXT,
    -- The test message that was about to be sent, for a restart to look for: its mark and the inbox's cursor.
    sent_mark TEXT,
    sent_cursor TEXT,
    started_at INTEGER,
    ended_at INTEGER,
    PRIMARY KEY (job, position, workload)
) STRICT, WITHOUT ROWID;

CREATE INDEX test_job_item_open ON test_job_item (job, batch, position) WHERE state = 'waiting';

CREATE INDEX test_job_item_running ON test_job_item (mailbox) WHERE state = 'running';

CREATE TABLE test_rung (
    mailbox BLOB NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    workload TEXT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('passed', 'failed', 'skipped')),
    failure TEXT,
    skipped_because TEXT,
    took_ms INTEGER NOT NULL,
    server_said TEXT NOT NULL,
    climbed_at INTEGER NOT NULL,
    PRIMARY KEY (mailbox, workload, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE verification (
    mailbox BLOB PRIMARY KEY REFERENCES mailbox (id) ON DELETE CASCADE,
    verified_at INTEGER NOT NULL,
    next_due_at INTEGER NOT NULL,
    on_server INTEGER NOT NULL,
    decided INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    -- The first of them, one a line.
    missing_identities TEXT NOT NULL,
    repaired INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    failure TEXT
) STRICT, WITHOUT ROWID;
