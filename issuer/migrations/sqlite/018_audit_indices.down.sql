CREATE TABLE audit_log_with_indices (
    seq           INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    entry         TEXT    NOT NULL CHECK (json_valid(entry)),
    previous_hash BLOB    NOT NULL UNIQUE CHECK (length(previous_hash) = 32),
    hash          BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    at            INTEGER GENERATED ALWAYS AS (json_extract(entry, '$.at')) VIRTUAL,
    actor         TEXT    GENERATED ALWAYS AS (json_extract(entry, '$.actor')) VIRTUAL,
    action        TEXT    GENERATED ALWAYS AS (json_extract(entry, '$.action')) VIRTUAL,
    outcome       TEXT    GENERATED ALWAYS AS (json_extract(entry, '$.outcome')) VIRTUAL,
    request_id    TEXT    GENERATED ALWAYS AS (json_extract(entry, '$.requestId')) VIRTUAL
) STRICT;

INSERT INTO audit_log_with_indices (seq, entry, previous_hash, hash)
SELECT seq, entry, previous_hash, hash FROM audit_log ORDER BY seq;

DROP TABLE audit_log;
ALTER TABLE audit_log_with_indices RENAME TO audit_log;

CREATE TRIGGER audit_log_only_grows
BEFORE INSERT ON audit_log
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit_log)
    OR NEW.previous_hash IS NOT coalesce((SELECT hash FROM audit_log ORDER BY seq DESC LIMIT 1), zeroblob(32))
    OR EXISTS (SELECT 1 FROM audit_log WHERE hash = NEW.hash OR previous_hash = NEW.previous_hash)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_log_refuses_update
BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_log_refuses_delete
BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
