-- A store of scrape, format 1.
-- Text compares by its bytes everywhere. JSON is compressed with zstd where a
-- column says so. Comments stand inside the tables so that `.schema` shows them.

CREATE TABLE meta (
  -- Book-keeping of the runs: effective params, source, limits.
  -- 'revision' counts the commits that changed what outputs are made of;
  -- 'last_seq' is the greatest number of a request whose reply is in the store.
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE partitions (
  -- How far each partition of a stream is.
  stream    TEXT NOT NULL,
  partition TEXT NOT NULL,
  state     TEXT NOT NULL,    -- running, complete, limited, incomplete, failed
  expected  INTEGER,          -- records that the server says there are
  checked   TEXT,             -- how that was checked: count, sweep
  max_records INTEGER,        -- the --limit that it was cut at
  reason    TEXT,             -- why it failed or is incomplete
  PRIMARY KEY (stream, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursors (
  -- Where a partition goes on; one row, or one for each range of keys.
  stream       TEXT NOT NULL,
  partition    TEXT NOT NULL,
  range_number INTEGER NOT NULL,
  position     TEXT NOT NULL, -- JSON, its shape is the pagination's own
  done         INTEGER NOT NULL,
  PRIMARY KEY (stream, partition, range_number)
) STRICT, WITHOUT ROWID;

CREATE TABLE records (
  -- Every record that the server sent, in its newest version.
  id          INTEGER PRIMARY KEY, -- inside this file only: child_items.record
  stream      TEXT NOT NULL,
  primary_key TEXT NOT NULL,
  partition   TEXT NOT NULL,
  sort_key    TEXT NOT NULL,       -- encoded: bytes compare as the keys do
  version     TEXT NOT NULL,       -- encoded likewise; '' where there is none
  seq         INTEGER NOT NULL,    -- the number of the request that brought it
  seen        INTEGER NOT NULL,    -- of the latest that brought it, in any version
  gone        INTEGER NOT NULL,    -- 1: the server no longer lists it
  body        BLOB NOT NULL,       -- JSON, zstd
  original    BLOB                 -- the bytes before they were repaired, zstd
) STRICT;
CREATE UNIQUE INDEX records_by_key ON records (stream, primary_key);
-- The order of outputs; counts and comparisons of keys need nothing else.
CREATE INDEX records_in_order ON records (stream, partition, sort_key, primary_key, gone);

CREATE TABLE children (
  -- Lists that belong to a record and are fetched apart.
  stream      TEXT NOT NULL,
  partition   TEXT NOT NULL,       -- this, the sort key, the primary key: the parent's
  sort_key    TEXT NOT NULL,
  primary_key TEXT NOT NULL,
  child       TEXT NOT NULL,       -- the list's name
  state       TEXT NOT NULL,       -- pending, fetched, failed
  position    TEXT,                -- JSON: where to go on
  reason      TEXT,                -- why it failed
  PRIMARY KEY (stream, partition, sort_key, primary_key, child)
) STRICT, WITHOUT ROWID;
CREATE INDEX children_pending ON children (stream, partition, sort_key, primary_key, child)
  WHERE state = 'pending';

CREATE TABLE child_items (
  -- The items of such lists.
  id          INTEGER PRIMARY KEY, -- within a list: the server's order
  record      INTEGER NOT NULL,    -- records.id of the parent
  child       TEXT NOT NULL,
  primary_key TEXT NOT NULL,       -- of the item, inside its list
  body        BLOB NOT NULL        -- JSON, zstd
) STRICT;
CREATE UNIQUE INDEX child_items_by_key ON child_items (record, child, primary_key);
CREATE INDEX child_items_in_order ON child_items (record, child);

CREATE TABLE rejects (
  -- What came and could not be used. A row goes when the same thing arrives whole.
  id          INTEGER PRIMARY KEY,
  stream      TEXT NOT NULL,
  parent      TEXT NOT NULL,       -- of an item: the parent's primary key; else ''
  child       TEXT NOT NULL,       -- of an item: the list's name; else ''
  key         TEXT NOT NULL,       -- the primary key, or 'hash:' and a hash
  partition   TEXT NOT NULL,
  seq         INTEGER NOT NULL,    -- the number of the request that brought it
  stage       TEXT NOT NULL,
  reason      TEXT NOT NULL,       -- a fixed word
  message     TEXT NOT NULL,       -- a sentence
  pointer     TEXT,                -- JSON pointer to what is wrong
  raw         BLOB                 -- the bytes as they came
) STRICT;
CREATE UNIQUE INDEX rejects_by_key ON rejects (stream, parent, child, key);
CREATE INDEX rejects_in_order ON rejects (stream, partition, key, child, parent);

CREATE TABLE outputs (
  -- Every file that a build ever made of this store, below its folder.
  file     TEXT NOT NULL PRIMARY KEY,
  build    TEXT NOT NULL,          -- the build that wrote it last
  finished INTEGER NOT NULL        -- 0: that build was cut while it renamed its files
) STRICT, WITHOUT ROWID;
