-- How far each back-fill of older rows has come (store/backfill). A row appears when one begins.
CREATE TABLE backfills (
    name        TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    position    BIGINT NOT NULL,     -- the last row that was looked at
    until       BIGINT NOT NULL,     -- the last one that there was when it began
    filled      BIGINT NOT NULL,     -- how many were written
    finished_at BIGINT
);
