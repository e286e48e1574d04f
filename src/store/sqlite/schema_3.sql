-- Format 3: what came together is packed together. Records of earlier formats, and
-- those that fill a pack alone, keep their bytes in their own row.

CREATE TABLE packs (
  -- The JSON of several records, one after the other. A pack goes with its last record.
  id   INTEGER PRIMARY KEY, -- inside this file only: records.pack
  body BLOB NOT NULL        -- zstd
) STRICT;

-- The pack that holds a record; then its own body is empty.
ALTER TABLE records ADD COLUMN pack INTEGER;
-- Where in it: the first byte, and how many.
ALTER TABLE records ADD COLUMN start INTEGER;
ALTER TABLE records ADD COLUMN length INTEGER;
CREATE INDEX records_by_pack ON records (pack) WHERE pack IS NOT NULL;
