DROP VIEW security_storage;
DROP VIEW security_refresh_rates;
CREATE VIEW security_refresh_rates AS
SELECT sid, user_id, device_name, seq AS refreshes, created_at, last_used_at, revoked_at
FROM families
WHERE last_used_at > unixepoch() - 86400 AND seq > 0;
DROP TABLE storage_sizes;
DROP TABLE view_settings;
