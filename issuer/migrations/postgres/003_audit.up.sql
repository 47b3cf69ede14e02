-- Append-only. `entry` is the canonical text that the hash covers (domain/audit.rs); the other columns are filled from it
-- by the trigger, whatever a statement gives for them, so that what is searched and what is hashed cannot differ.
CREATE TABLE audit_log (
    seq           BIGINT NOT NULL PRIMARY KEY CHECK (seq > 0),
    entry         TEXT   NOT NULL,
    previous_hash BYTEA  NOT NULL UNIQUE CHECK (length(previous_hash) = 32),  -- unique: the chain cannot fork
    hash          BYTEA  NOT NULL UNIQUE CHECK (length(hash) = 32),
    at            BIGINT,
    actor         TEXT,
    action        TEXT,
    outcome       TEXT,
    request_id    TEXT
);

-- The writers take turns by a lock of their own; this holds for whoever does not.
CREATE FUNCTION audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
    parts json := NEW.entry::json;
BEGIN
    SELECT seq, hash INTO last FROM audit_log ORDER BY seq DESC LIMIT 1;
    IF NEW.seq IS DISTINCT FROM coalesce(last.seq, 0) + 1
        OR NEW.previous_hash IS DISTINCT FROM coalesce(last.hash, decode(repeat('00', 32), 'hex'))
    THEN
        RAISE EXCEPTION 'the audit log is append-only';
    END IF;
    NEW.at := (parts ->> 'at')::bigint;
    NEW.actor := parts ->> 'actor';
    NEW.action := parts ->> 'action';
    NEW.outcome := parts ->> 'outcome';
    NEW.request_id := parts ->> 'requestId';
    RETURN NEW;
END
$$;

CREATE FUNCTION audit_log_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;

CREATE TRIGGER audit_log_only_grows
BEFORE INSERT ON audit_log
FOR EACH ROW EXECUTE FUNCTION audit_log_only_grows();

CREATE TRIGGER audit_log_refuses_change
BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuses();
