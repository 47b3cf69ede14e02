-- What views must know of the settings. An issuer writes it when it starts.
CREATE TABLE view_settings (
    name  TEXT    NOT NULL PRIMARY KEY,
    value BIGINT  NOT NULL
);

-- What each table and index took when it was measured last: in SQLite, no view of which may look into the file itself. Here the view
-- looks itself, and the table stays empty; after an act found no room, a row is tried in it and taken back to see whether there is some.
CREATE TABLE storage_sizes (
    name        TEXT    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL,
    bytes       BIGINT  NOT NULL,
    measured_at BIGINT  NOT NULL
);

-- Sessions of the last day that refresh more than twice as often as the life of access tokens implies: once when each ends, and once
-- more for the one in use. Fewer than ten say nothing.
DROP VIEW security_refresh_rates;
CREATE VIEW security_refresh_rates AS
SELECT sid, user_id, device_name, refreshes, expected, created_at, last_used_at, revoked_at
FROM (SELECT sid, user_id, device_name, seq AS refreshes, created_at, last_used_at, revoked_at,
             greatest(last_used_at - created_at, 0)
                 / coalesce((SELECT value FROM view_settings WHERE name = 'tokens.access_seconds'), 600) + 1 AS expected
      FROM families
      WHERE last_used_at > extract(epoch FROM now())::bigint - 86400) AS rates
WHERE refreshes >= 10 AND refreshes > 2 * expected;

CREATE VIEW security_storage AS
SELECT 'table' AS kind, relname::text AS name, pg_table_size(relid)::bigint AS bytes,
    idx_scan::bigint AS index_scans, seq_scan::bigint AS full_scans, extract(epoch FROM now())::bigint AS measured_at
FROM pg_stat_user_tables
UNION ALL
SELECT 'index', indexrelname::text, pg_relation_size(indexrelid)::bigint, idx_scan::bigint, NULL::bigint,
    extract(epoch FROM now())::bigint
FROM pg_stat_user_indexes;
