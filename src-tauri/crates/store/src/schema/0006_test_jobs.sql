-- Test & Enable as a job: batches with their dates, and one row per mailbox and workload.

ALTER TABLE organization ADD COLUMN test_batch_mailboxes INTEGER NOT NULL DEFAULT 200;
ALTER TABLE organization ADD COLUMN test_batch_hours INTEGER NOT NULL DEFAULT 5;

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

-- Keeps the address, so that the result stays when the mailbox goes.
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

-- A test that never began is no failed rung: until now a mailbox without approval got one.
DELETE FROM test_rung
WHERE name = 'dns' AND outcome = 'failed' AND took_ms = 0
  AND failure ->> 'code' IN ('not_approved', 'profile_missing', 'not_supported', 'plain_not_allowed',
    'password_missing', 'keychain_locked', 'keychain_absent');
