-- Format 4: a page whose records are read one after the other stays as the server packed
-- it, with what was around its records.

ALTER TABLE packs ADD COLUMN coding TEXT NOT NULL DEFAULT 'zstd'
  /* of body: zstd, or gzip for a page as it came */;
