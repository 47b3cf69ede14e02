-- The device cookie that the last rotation came with; NULL where there is none, then device_digest tells.
ALTER TABLE families ADD COLUMN device_cookie_digest BLOB
    CHECK (device_cookie_digest IS NULL OR length(device_cookie_digest) = 32);
-- When the current token was handed out last while it was unconfirmed; NULL is as rotated_at_ms.
ALTER TABLE families ADD COLUMN handed_out_at_ms INTEGER;
