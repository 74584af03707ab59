-- Cycles of a workload that completed one after the other and found nothing are one row: from the start of the first to
-- the end of the last.
ALTER TABLE cycle ADD COLUMN cycles INTEGER NOT NULL DEFAULT 1;
