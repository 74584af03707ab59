-- What every cycle changes lies in the order of the mailboxes, whose turns come in that order: those that end together share
-- pages. `row` is the number by which the hours name it.
CREATE TABLE history_in_order (
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

INSERT INTO history_in_order (owner, workload, row, started_at, ended_at, items, failed, hour, hour_cycles, hour_failures,
        hour_items, hour_took_ms, quiet_row, quiet_cycles)
    SELECT coalesce(mailbox, x''), workload, row, started_at, ended_at, items, failed, hour, hour_cycles, hour_failures,
        hour_items, hour_took_ms, quiet_row, quiet_cycles
    FROM history ORDER BY 1, 2;
-- Foreign keys are not enforced while a database is upgraded: the hours stay, and name the table that takes its place.
DROP TABLE history;
ALTER TABLE history_in_order RENAME TO history;
CREATE INDEX history_by_mailbox ON history (mailbox);
