-- When a workload last completed a cycle stands beside when it is due: the end of a cycle writes both.
ALTER TABLE schedule ADD COLUMN last_success_at INTEGER;
INSERT INTO schedule (mailbox, workload) SELECT mailbox, workload FROM mailbox_workload WHERE true ON CONFLICT DO NOTHING;
UPDATE schedule SET last_success_at = (
    SELECT state.last_success_at FROM mailbox_workload AS state
    WHERE state.mailbox = schedule.mailbox AND state.workload = schedule.workload);
DROP INDEX mailbox_workload_by_success;
ALTER TABLE mailbox_workload DROP COLUMN last_success_at;
CREATE INDEX schedule_by_success ON schedule (last_success_at) WHERE last_success_at IS NOT NULL;
