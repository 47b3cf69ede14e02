DROP INDEX families_of_device;
ALTER TABLE families DROP COLUMN signed_in_device;
CREATE INDEX families_of_device ON families (user_id, device_cookie_digest);
