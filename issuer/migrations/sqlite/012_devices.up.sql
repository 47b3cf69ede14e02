-- The device that signed in, by which it is known again. device_cookie_digest moves with each refresh, which a thief may make.
ALTER TABLE families ADD COLUMN signed_in_device BLOB
    CHECK (signed_in_device IS NULL OR length(signed_in_device) = 32);
-- Of rows from before nothing better is known.
UPDATE families SET signed_in_device = device_cookie_digest WHERE device_cookie_digest IS NOT NULL;
DROP INDEX families_of_device;
CREATE INDEX families_of_device ON families (user_id, signed_in_device);
