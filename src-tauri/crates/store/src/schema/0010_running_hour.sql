-- What every cycle changes stands in one row of its workload, and goes into the tables of hours and of cycles when the hour
-- is over, and when cycles that found nothing have come to their end. Such an hour is not in `history_hour`.
ALTER TABLE history ADD COLUMN hour INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN hour_cycles INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN hour_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN hour_items INTEGER NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN hour_took_ms INTEGER NOT NULL DEFAULT 0;
-- The row of `cycle` that began with the first of the cycles that find nothing, when the latest cycle is one of them, and how
-- many they are. They end with the latest cycle.
ALTER TABLE history ADD COLUMN quiet_row INTEGER;
ALTER TABLE history ADD COLUMN quiet_cycles INTEGER NOT NULL DEFAULT 0;
