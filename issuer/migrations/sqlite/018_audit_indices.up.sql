-- The log without the indices of its hashes. Each entry fell into both at a random place, which on a large log were two more
-- pages to write for every act; and they guarded nothing that the trigger does not: an entry has the number after the last,
-- which is unique, and names the last one's hash, so the chain cannot fork. SQLite cannot drop them from a table.
CREATE TABLE audit_log_without_indices (
    seq           INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    entry         TEXT    NOT NULL CHECK (json_valid(entry)),
    previous_hash BLOB    NOT NULL CHECK (length(previous_hash) = 32),
    hash          BLOB    NOT NULL CHECK (length(hash) = 32),
    at            INTEGER GENERATED ALWAYS AS (json_extract(entry, '$.at')) VIRTUAL,
    actor         TEXT    GENERATED ALWAYS AS (json_extract(entry, '$.actor')) VIRTUAL,
    action        TEXT    GENERATED ALWAYS AS (json_extract(entry, '$.action')) VIRTUAL,
    outcome       TEXT    GENERATED ALWAYS AS (json_extract(entry, '$.outcome')) VIRTUAL,
    request_id    TEXT    GENERATED ALWAYS AS (json_extract(entry, '$.requestId')) VIRTUAL
) STRICT;

INSERT INTO audit_log_without_indices (seq, entry, previous_hash, hash)
SELECT seq, entry, previous_hash, hash FROM audit_log ORDER BY seq;

DROP TABLE audit_log;
ALTER TABLE audit_log_without_indices RENAME TO audit_log;

-- Also stops INSERT OR REPLACE, which deletes without asking a DELETE trigger: the number must be new, so that there is
-- never a row to replace.
CREATE TRIGGER audit_log_only_grows
BEFORE INSERT ON audit_log
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit_log)
    OR NEW.previous_hash IS NOT coalesce((SELECT hash FROM audit_log ORDER BY seq DESC LIMIT 1), zeroblob(32))
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
