-- What views must know of the settings. An issuer writes it when it starts.
CREATE TABLE view_settings (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;

-- What each table and index took when it was measured last. SQLite only: no view of it may look into the file itself.
CREATE TABLE storage_sizes (
    name        TEXT    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL,
    bytes       INTEGER NOT NULL,
    measured_at INTEGER NOT NULL
) STRICT;

-- Sessions of the last day that refresh more than twice as often as the life of access tokens implies: once when each ends, and once
-- more for the one in use. Fewer than ten say nothing.
DROP VIEW security_refresh_rates;
CREATE VIEW security_refresh_rates AS
SELECT sid, user_id, device_name, refreshes, expected, created_at, last_used_at, revoked_at
FROM (SELECT sid, user_id, device_name, seq AS refreshes, created_at, last_used_at, revoked_at,
             max(last_used_at - created_at, 0)
                 / coalesce((SELECT value FROM view_settings WHERE name = 'tokens.access_seconds'), 600) + 1 AS expected
      FROM families
      WHERE last_used_at > unixepoch() - 86400) AS rates
WHERE refreshes >= 10 AND refreshes > 2 * expected;

CREATE VIEW security_storage AS
SELECT kind, name, bytes, CAST(NULL AS INTEGER) AS index_scans, CAST(NULL AS INTEGER) AS full_scans, measured_at
FROM storage_sizes;
