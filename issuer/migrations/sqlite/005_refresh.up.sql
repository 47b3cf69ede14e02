-- The device cookie that the last rotation came with; NULL where there is none, then device_digest tells.
ALTER TABLE families ADD COLUMN device_cookie_digest BLOB
    CHECK (device_cookie_digest IS NULL OR length(device_cookie_digest) = 32);
-- When the current token was handed out last while it was unconfirmed; NULL is as rotated_at_ms.
ALTER TABLE families ADD COLUMN handed_out_at_ms INTEGER;

-- What edges must hear of, in the order of the commits: numbered under the same lock as the audit log. Rows go when no
-- access token of the family can be accepted any more, but for the last one, which keeps the number.
CREATE TABLE revocations (
    seq    INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    sid    TEXT NOT NULL,
    at     INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
