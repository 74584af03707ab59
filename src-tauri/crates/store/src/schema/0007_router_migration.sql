-- Who processes email: server-side synchronization, or the old Email Router, so that nothing is processed here.
ALTER TABLE organization ADD COLUMN process_email_using TEXT NOT NULL DEFAULT 'server_side_synchronization';

-- Email Router migrations that were applied, the latest last. Never a secret.
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
