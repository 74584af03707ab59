-- Which alerts are raised, for whom, and how long cleared ones are kept.
CREATE TABLE alert_settings (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    errors INTEGER NOT NULL,
    warnings INTEGER NOT NULL,
    information INTEGER NOT NULL,
    notify_mailbox_owner INTEGER NOT NULL,
    keep_cleared_days INTEGER NOT NULL
) STRICT;
INSERT INTO alert_settings (only_one, errors, warnings, information, notify_mailbox_owner, keep_cleared_days)
VALUES (1, 1, 1, 1, 0, 30);

-- What a profile has of its own about alerts; a profile without a row has no owner and sends nothing.
CREATE TABLE profile_alert (
    profile BLOB PRIMARY KEY REFERENCES profile (id) ON DELETE CASCADE,
    -- A user.
    owner BLOB REFERENCES directory_entry (id) ON DELETE SET NULL,
    send_alert_email INTEGER NOT NULL,
    -- When an email about it was last tried.
    last_email_at INTEGER
) STRICT, WITHOUT ROWID;

-- What failed lately, and what is old enough to be forgotten.
CREATE INDEX cycle_failed ON cycle (ended_at) WHERE failure IS NOT NULL;
CREATE INDEX alert_cleared ON alert (cleared_at) WHERE cleared_at IS NOT NULL;
