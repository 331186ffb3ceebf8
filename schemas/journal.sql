-- The journal of a backup that is under way: what of it is durable in the store.
-- Version 1. One transaction a durable step; docs/format.md §6.

PRAGMA application_id = 0x54414A4E;  -- "TAJN"
PRAGMA user_version = 1;

-- Which run this is: store, set, snapshot, source, options, layout (`run`, closed by `seal`); with a
-- row `given_up` nobody goes on from it.
CREATE TABLE run (
  name  TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE volume (
  number      INTEGER NOT NULL PRIMARY KEY,
  phase       INTEGER NOT NULL,  -- 0 open, 1 closing: its tail is beside the journal, 2 done
  upload      TEXT NOT NULL,     -- of the store; empty: none was begun
  codec       BLOB NOT NULL,     -- engine, version, level, geometry, part size
  position    BLOB NOT NULL,     -- of the tape stream at the slice's first byte
  summary     BLOB NOT NULL,     -- from phase 1 on: sizes, offsets, records, digests
  seal        INTEGER NOT NULL   -- XXH3-64 of the columns in front
) STRICT;

CREATE TABLE part (
  volume INTEGER NOT NULL,
  number INTEGER NOT NULL,       -- from 1
  offset INTEGER NOT NULL,       -- in the object
  size   INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  etag   TEXT NOT NULL,
  seal   INTEGER NOT NULL,
  PRIMARY KEY (volume, number)
) STRICT, WITHOUT ROWID;

-- The one resume point: the state behind the last part that is durable.
CREATE TABLE checkpoint (
  id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  volume   INTEGER NOT NULL,
  position BLOB NOT NULL,        -- of the tape stream
  writer   BLOB NOT NULL,        -- of the volume; empty: at the slice's first byte
  carry    BLOB NOT NULL,        -- bytes already made, from carry_offset of the object on; parts
                                 -- behind the one that came with this row are in it
  carry_offset INTEGER NOT NULL,
  seal     INTEGER NOT NULL
) STRICT;

-- Members that are not as recorded.
CREATE TABLE outcome (
  tape_offset INTEGER NOT NULL PRIMARY KEY,
  tape_end    INTEGER NOT NULL,
  path        BLOB NOT NULL,     -- below the root
  outcome     INTEGER NOT NULL,
  why         BLOB NOT NULL,
  seal        INTEGER NOT NULL
) STRICT;

-- Leaf nodes of the open volume's member index, by their place behind its last page.
CREATE TABLE leaf (
  volume INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  node   BLOB NOT NULL,
  seal   INTEGER NOT NULL,
  PRIMARY KEY (volume, offset)
) STRICT, WITHOUT ROWID;
