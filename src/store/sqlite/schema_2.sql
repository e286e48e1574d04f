-- Format 2: what sinks that put rows by key have confirmed.

CREATE TABLE sinks (
  -- One row for each target that such a sink has written to.
  id     INTEGER PRIMARY KEY, -- inside this file only: sent.sink
  name   TEXT NOT NULL,       -- the sink, and what feeds it
  target TEXT NOT NULL        -- of its options, and of what the target says it is
) STRICT;
CREATE UNIQUE INDEX sinks_by_target ON sinks (name, target);

CREATE TABLE sent (
  -- The rows of a target as they were last confirmed, after the sink had committed,
  -- and those of which that is in doubt: a build that was cut has put or removed them.
  sink INTEGER NOT NULL,
  key  TEXT NOT NULL,         -- JSON: stream, primary key, task, number of the example
  hash BLOB NOT NULL,         -- of the row's bytes, XXH3 of 128 bits; empty: in doubt
  PRIMARY KEY (sink, key)
) STRICT, WITHOUT ROWID;
