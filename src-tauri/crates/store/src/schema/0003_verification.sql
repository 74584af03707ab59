-- Completeness: what the last comparison with the server found, and of which times everything was seen.

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

-- Stretches of time of which everything was seen, without gaps between them.
CREATE TABLE coverage (
    mailbox BLOB NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    -- When a later cycle saw it; absent where cycles ran at their pace.
    caught_up_at INTEGER,
    PRIMARY KEY (mailbox, from_at)
) STRICT, WITHOUT ROWID;
