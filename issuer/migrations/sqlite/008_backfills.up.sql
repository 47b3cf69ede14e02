-- How far each back-fill of older rows has come (store/backfill). A row appears when one begins.
CREATE TABLE backfills (
    name        TEXT    NOT NULL PRIMARY KEY,
    position    INTEGER NOT NULL,     -- the last row that was looked at
    until       INTEGER NOT NULL,     -- the last one that there was when it began
    filled      INTEGER NOT NULL,     -- how many were written
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
