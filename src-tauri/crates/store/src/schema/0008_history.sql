-- What cycles did, hour by hour: for longer than the cycles themselves are kept.

ALTER TABLE organization ADD COLUMN history_days INTEGER NOT NULL DEFAULT 30;

-- One row for each workload of a mailbox, with its latest cycle; without a mailbox, that of all mailboxes together.
CREATE TABLE history (
    row INTEGER PRIMARY KEY,
    mailbox BLOB REFERENCES mailbox (id) ON DELETE CASCADE,
    workload TEXT NOT NULL CHECK (workload IN ('incoming', 'outgoing', 'act')),
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    items INTEGER NOT NULL,
    failed INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX history_by_workload ON history (coalesce(mailbox, x''), workload);
CREATE INDEX history_by_mailbox ON history (mailbox);

-- The cycles that ended in an hour, counted in hours since 1970. An hour in which nothing ended has no row.
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

INSERT INTO history (mailbox, workload, started_at, ended_at, items, failed)
    SELECT mailbox, workload, started_at, ended_at, items, failure IS NOT NULL FROM cycle
    WHERE row IN (SELECT max(row) FROM cycle GROUP BY mailbox, workload) AND mailbox IN (SELECT id FROM mailbox);
INSERT INTO history (workload, started_at, ended_at, items, failed)
    SELECT workload, started_at, ended_at, items, failure IS NOT NULL FROM cycle
    WHERE row IN (SELECT max(row) FROM cycle GROUP BY workload);
INSERT INTO history_hour (history, hour, cycles, failures, items, took_ms)
    SELECT history.row, cycle.ended_at / 3600000, count(*), sum(cycle.failure IS NOT NULL), sum(cycle.items),
        sum(max(0, cycle.ended_at - cycle.started_at))
    FROM history JOIN cycle ON cycle.workload = history.workload
        AND (history.mailbox IS NULL OR cycle.mailbox = history.mailbox)
    GROUP BY history.row, cycle.ended_at / 3600000;
