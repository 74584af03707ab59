-- Bulk mail stands in append-only files beside the database, `messages/NUMBER.pack` (docs/adr/0007-packs.md).

CREATE TABLE pack (
    number INTEGER PRIMARY KEY,
    -- So many bytes from its start are messages. What lies behind them was never committed and is written over.
    length INTEGER NOT NULL
) STRICT;

-- Where the bytes are when they stand neither here nor in chunks.
ALTER TABLE raw_message ADD COLUMN pack INTEGER REFERENCES pack (number);
ALTER TABLE raw_message ADD COLUMN pack_offset INTEGER;
