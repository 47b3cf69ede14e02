DROP TABLE revocations;
ALTER TABLE families DROP COLUMN handed_out_at_ms;
ALTER TABLE families DROP COLUMN device_cookie_digest;
