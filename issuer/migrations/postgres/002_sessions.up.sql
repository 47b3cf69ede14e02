-- A family is one sign-in: one row for its whole life, however often its refresh token rotates. That there is
-- exactly one current token per family follows from there being one row (sid is the primary key).
CREATE TABLE families (
    sid                 TEXT   COLLATE "C" NOT NULL PRIMARY KEY,  -- UUIDv7
    user_id             TEXT   COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id           TEXT   NOT NULL,
    seq                 BIGINT NOT NULL CHECK (seq >= 0),
    current_digest      BYTEA  NOT NULL CHECK (length(current_digest) = 32),  -- SHA-256 of the token
    previous_digest     BYTEA  CHECK (previous_digest IS NULL OR length(previous_digest) = 32),
    sealed_next         BYTEA,  -- the successor under a key derived from its parent token; not written yet
    rotated_at_ms       BIGINT NOT NULL,  -- milliseconds
    confirmed           BIGINT NOT NULL CHECK (confirmed IN (0, 1)),
    idle_expires_at     BIGINT NOT NULL,
    absolute_expires_at BIGINT NOT NULL,
    auth_time           BIGINT NOT NULL,
    amr                 TEXT   NOT NULL,  -- separated by blanks
    acr                 TEXT   NOT NULL,
    device_digest       BYTEA  NOT NULL CHECK (length(device_digest) = 32),
    device_name         TEXT   NOT NULL,
    user_agent          TEXT   NOT NULL,
    address_range       TEXT,  -- /24 or /48, never the whole address
    created_at          BIGINT NOT NULL,
    last_used_at        BIGINT NOT NULL,
    revoked_at          BIGINT,  -- a tombstone: nothing sets it back
    revoked_reason      TEXT,
    reuse_seen_at       BIGINT,
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
) WITH (fillfactor = 80);  -- a rotation changes no indexed column: with room in its page the row stays there and no index grows

CREATE INDEX families_of_user ON families (user_id, created_at);

CREATE FUNCTION families_stay_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a revoked session stays revoked';
END
$$;

CREATE TRIGGER families_stay_revoked
BEFORE UPDATE ON families
FOR EACH ROW
WHEN (OLD.revoked_at IS NOT NULL
    AND (NEW.revoked_at IS DISTINCT FROM OLD.revoked_at OR NEW.seq IS DISTINCT FROM OLD.seq
        OR NEW.current_digest IS DISTINCT FROM OLD.current_digest))
EXECUTE FUNCTION families_stay_revoked();

-- The short session of the issuer's own pages; at most one for a family.
CREATE TABLE browser_sessions (
    digest              BYTEA  NOT NULL PRIMARY KEY CHECK (length(digest) = 32),  -- SHA-256 of the cookie's value
    sid                 TEXT   COLLATE "C" NOT NULL UNIQUE REFERENCES families (sid) ON DELETE CASCADE,
    created_at          BIGINT NOT NULL,
    last_used_at        BIGINT NOT NULL,
    idle_expires_at     BIGINT NOT NULL,
    absolute_expires_at BIGINT NOT NULL
);
