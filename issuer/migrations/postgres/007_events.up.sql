-- Security events. An event of an act has the number of the act's entry in the audit log and was written with it; the
-- others are refusals that changed nothing. Rows hold personal data and end after events.retention_days; the log does neither.
CREATE TABLE security_events (
    id         BIGINT  NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at         BIGINT NOT NULL,
    type       TEXT    NOT NULL,
    category   TEXT    NOT NULL,
    severity   TEXT    NOT NULL,
    user_id    TEXT,                                   -- no reference: the event outlives the account
    email      TEXT,
    address    TEXT,
    user_agent TEXT,
    path       TEXT,                                   -- the pattern of the route
    method     TEXT,
    success    BIGINT NOT NULL CHECK (success IN (0, 1)),
    message    TEXT    NOT NULL,
    metadata   TEXT    NOT NULL,
    request_id TEXT,
    audit_seq  BIGINT UNIQUE                          -- audit_log.seq; the log may be purged, so no reference
);

CREATE INDEX security_events_by_time ON security_events (at);
CREATE INDEX security_events_by_type ON security_events (type, at);

-- Who is guessing, and whose password.
CREATE VIEW security_failures AS
SELECT email, address, count(*) AS failures, min(at) AS first_at, max(at) AS last_at
FROM security_events
WHERE at > extract(epoch FROM now())::bigint - 86400 AND type IN ('login.failed')
GROUP BY email, address
HAVING count(*) >= 5;

CREATE VIEW security_lockouts AS
SELECT id, at, user_id, email, address, metadata
FROM security_events
WHERE at > extract(epoch FROM now())::bigint - 7 * 86400 AND type = 'account.locked';

CREATE VIEW security_reuse AS
SELECT id, at, user_id, email, address, user_agent, metadata
FROM security_events
WHERE type = 'refresh.reused';

-- How often each session that was used in the last day has been refreshed in its whole life.
CREATE VIEW security_refresh_rates AS
SELECT sid, user_id, device_name, seq AS refreshes, created_at, last_used_at, revoked_at
FROM families
WHERE last_used_at > extract(epoch FROM now())::bigint - 86400 AND seq > 0;
