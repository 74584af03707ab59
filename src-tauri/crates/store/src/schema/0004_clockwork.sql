-- The clockwork: policies, circuits of profiles, sending limits, messages that are owed, and what health is judged by.

ALTER TABLE organization ADD COLUMN frequency TEXT NOT NULL DEFAULT 'online';
ALTER TABLE organization ADD COLUMN max_incoming_cycles INTEGER NOT NULL DEFAULT 32;
ALTER TABLE organization ADD COLUMN max_outgoing_cycles INTEGER NOT NULL DEFAULT 16;
ALTER TABLE organization ADD COLUMN max_operations INTEGER NOT NULL DEFAULT 8;
ALTER TABLE organization ADD COLUMN cycle_seconds INTEGER NOT NULL DEFAULT 120;
ALTER TABLE organization ADD COLUMN cycle_mib INTEGER NOT NULL DEFAULT 1024;
ALTER TABLE organization ADD COLUMN cycle_timeout_minutes INTEGER NOT NULL DEFAULT 30;
ALTER TABLE organization ADD COLUMN connect_timeout_seconds INTEGER NOT NULL DEFAULT 20;
ALTER TABLE organization ADD COLUMN read_timeout_seconds INTEGER NOT NULL DEFAULT 60;
ALTER TABLE organization ADD COLUMN push INTEGER NOT NULL DEFAULT 1;
-- The interval is the policy's now; 0 says so. Another than the old default was somebody's wish and stays.
UPDATE organization SET cycle_interval_minutes = 0 WHERE cycle_interval_minutes = 5;

-- What the provider allows one sending account; absent is no limit.
ALTER TABLE profile ADD COLUMN send_limit_recipients_per_day INTEGER;
ALTER TABLE profile ADD COLUMN send_limit_messages_per_minute INTEGER;

-- The code of the failure that disabled it. Absent when a person did, and while it is enabled.
ALTER TABLE mailbox_workload ADD COLUMN stopped_by TEXT;
-- Finds proofs that are dated in the future.
CREATE INDEX mailbox_workload_by_success ON mailbox_workload (last_success_at) WHERE last_success_at IS NOT NULL;

-- Completed cycles in a row that found something, or nothing.
ALTER TABLE schedule ADD COLUMN busy_cycles INTEGER NOT NULL DEFAULT 0;
ALTER TABLE schedule ADD COLUMN idle_cycles INTEGER NOT NULL DEFAULT 0;
-- When the next completed cycle is due by the policy: what health is judged by. Retries do not move it.
ALTER TABLE schedule ADD COLUMN expected_at INTEGER;
UPDATE schedule SET expected_at = due_at;

-- The sending limit that holds it back until not_before.
ALTER TABLE email ADD COLUMN held_by TEXT;

-- The circuit of one direction of a profile. No row: closed.
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

-- What was submitted lately, for sending limits. A row is written before its attempt can have any effect.
CREATE TABLE submission (
    mailbox BLOB NOT NULL,
    submitted_at INTEGER NOT NULL,
    email INTEGER NOT NULL REFERENCES email (row) ON DELETE CASCADE,
    recipients INTEGER NOT NULL,
    PRIMARY KEY (mailbox, submitted_at, email)
) STRICT, WITHOUT ROWID;
CREATE INDEX submission_by_email ON submission (email);
INSERT INTO submission (mailbox, submitted_at, email, recipients)
    SELECT email.mailbox, email.submitted_at, email.row,
        (SELECT count(*) FROM email_recipient WHERE email_recipient.email = email.row AND state = 'accepted')
    FROM email WHERE direction = 'outgoing' AND submitted_at IS NOT NULL;

-- Messages that failed on their own and are owed: their ledger row says retrying.
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
