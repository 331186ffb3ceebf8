-- A tape catalog: the sealed state of a tree and the layout of its tar stream (docs/format.md, "Catalog").
-- Written new in one transaction, synced, renamed; never changed afterwards.
PRAGMA application_id = 0x54415045;  -- "TAPE"
PRAGMA user_version = 1;

-- One row: what holds for the whole tape.
CREATE TABLE tape (
  root              BLOB    NOT NULL,  -- absolute, resolved
  single_file       INTEGER NOT NULL,  -- 1: root is one file, there is no root member
  prefix            BLOB    NOT NULL,  -- without final `/`
  metadata          TEXT    NOT NULL,  -- portable | full
  profile           TEXT    NOT NULL,  -- ragtape | tartape
  source_date_epoch INTEGER,           -- later mtimes count as this second
  tape_size         INTEGER NOT NULL,  -- bytes, end blocks included
  entries           INTEGER NOT NULL,
  fingerprint       BLOB    NOT NULL,  -- 16 bytes: XXH3-128 of the layout
  state             BLOB    NOT NULL,  -- 16 bytes: XXH3-128 of what the scan saw
  hashed            INTEGER NOT NULL,  -- 1: contents were read
  contents          BLOB    NOT NULL,  -- 16 bytes: XXH3-128 of the hashes
  started_s         INTEGER NOT NULL,  -- begin of the scan
  started_ns        INTEGER NOT NULL,
  problems          INTEGER NOT NULL,  -- rows of table problem but sockets
  skipped_sockets   INTEGER NOT NULL,
  skipped_devices   INTEGER NOT NULL,  -- metadata portable
  skipped_own_files INTEGER NOT NULL,
  excluded          INTEGER NOT NULL,  -- entries that a source option left out
  seal              BLOB    NOT NULL   -- 16 bytes: XXH3-128 of the columns above, of tables source_option and problem
) STRICT;

-- The source options of the scan, in the order typed: long names without hyphens.
CREATE TABLE source_option (
  id    INTEGER PRIMARY KEY,
  name  TEXT NOT NULL,
  value BLOB NOT NULL
) STRICT;

-- One row a member, in tape order. Header fields follow from a row, `tape.metadata`, `tape.profile`, `tape.prefix` and
-- `tape.source_date_epoch`; nothing is stored twice.
CREATE TABLE entry (
  tape_offset   INTEGER PRIMARY KEY,  -- of the first header block
  header_blocks INTEGER NOT NULL,
  path          BLOB    NOT NULL,     -- below the root; empty: the root; of a single file: its name
  type          TEXT    NOT NULL,     -- typeflag of the inode: 0 2 3 4 5 6
  first         INTEGER,              -- hard link: tape_offset of the member with the inode's first name
  mode          INTEGER NOT NULL,     -- st_mode & 07777
  uid           INTEGER NOT NULL,
  gid           INTEGER NOT NULL,
  uname         BLOB    NOT NULL,     -- metadata full
  gname         BLOB    NOT NULL,
  size          INTEGER NOT NULL,     -- of a regular file's content
  mtime_s       INTEGER NOT NULL,     -- floor
  mtime_ns      INTEGER NOT NULL,
  ctime_s       INTEGER NOT NULL,
  ctime_ns      INTEGER NOT NULL,
  device        INTEGER NOT NULL,     -- st_dev and st_ino, as signed 64 bits
  inode         INTEGER NOT NULL,
  rdev_major    INTEGER NOT NULL,
  rdev_minor    INTEGER NOT NULL,
  target        BLOB,                 -- of a symlink
  xattrs        BLOB,                 -- metadata full: u32 length, name, u32 length, value, ... (big endian)
  hash          BLOB                  -- 16 bytes: XXH3-128 of a regular file's content
) STRICT;
CREATE UNIQUE INDEX entry_path ON entry (path);
CREATE INDEX entry_first ON entry (first) WHERE first IS NOT NULL;

-- What is in the tree but not on the tape, or not whole: reported, in the order of the scan.
CREATE TABLE problem (
  id     INTEGER PRIMARY KEY,
  path   BLOB NOT NULL,
  reason TEXT NOT NULL
) STRICT;
