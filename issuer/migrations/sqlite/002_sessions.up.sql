-- A family is one sign-in: one row for its whole life, however often its refresh token rotates. That there is
-- exactly one current token per family follows from there being one row (sid is the primary key).
CREATE TABLE families (
    sid                 TEXT    NOT NULL PRIMARY KEY,    -- UUIDv7
    user_id             TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id           TEXT    NOT NULL,
    seq                 INTEGER NOT NULL CHECK (seq >= 0),
    current_digest      BLOB    NOT NULL CHECK (length(current_digest) = 32),   -- SHA-256 of the token
    previous_digest     BLOB    CHECK (previous_digest IS NULL OR length(previous_digest) = 32),
    sealed_next         BLOB,                            -- the successor under a key derived from its parent token; not written yet
    rotated_at_ms       INTEGER NOT NULL,                -- milliseconds
    confirmed           INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    idle_expires_at     INTEGER NOT NULL,
    absolute_expires_at INTEGER NOT NULL,
    auth_time           INTEGER NOT NULL,
    amr                 TEXT    NOT NULL,                -- separated by blanks
    acr                 TEXT    NOT NULL,
    device_digest       BLOB    NOT NULL CHECK (length(device_digest) = 32),
    device_name         TEXT    NOT NULL,
    user_agent          TEXT    NOT NULL,
    address_range       TEXT,                            -- /24 or /48, never the whole address
    created_at          INTEGER NOT NULL,
    last_used_at        INTEGER NOT NULL,
    revoked_at          INTEGER,                         -- a tombstone: nothing sets it back
    revoked_reason      TEXT,
    reuse_seen_at       INTEGER,
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
) STRICT;

CREATE INDEX families_of_user ON families (user_id, created_at);

CREATE TRIGGER families_stay_revoked
BEFORE UPDATE ON families
WHEN OLD.revoked_at IS NOT NULL
    AND (NEW.revoked_at IS NOT OLD.revoked_at OR NEW.seq IS NOT OLD.seq OR NEW.current_digest IS NOT OLD.current_digest)
BEGIN
    SELECT RAISE(ABORT, 'a revoked session stays revoked');
END;

-- The short session of the issuer's own pages; at most one for a family.
CREATE TABLE browser_sessions (
    digest              BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32), -- SHA-256 of the cookie's value
    sid                 TEXT    NOT NULL UNIQUE REFERENCES families (sid) ON DELETE CASCADE,
    created_at          INTEGER NOT NULL,
    last_used_at        INTEGER NOT NULL,
    idle_expires_at     INTEGER NOT NULL,
    absolute_expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
