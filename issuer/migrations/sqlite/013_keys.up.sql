-- When verifiers could see the key; from when it signs (known before it does); up to which expiry it may have signed, written
-- before it signs; when another took its place; when it was retired or revoked.
ALTER TABLE signing_keys ADD COLUMN published_at INTEGER;
ALTER TABLE signing_keys ADD COLUMN signs_from   INTEGER;
ALTER TABLE signing_keys ADD COLUMN signed_until INTEGER;
ALTER TABLE signing_keys ADD COLUMN stopped_at   INTEGER;
ALTER TABLE signing_keys ADD COLUMN ended_at     INTEGER;
-- What an older program signed it did not write down: an hour is the longest life that a token can be given.
UPDATE signing_keys SET published_at = created_at, signs_from = created_at, signed_until = unixepoch() + 3600
    WHERE state = 'active';
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (alg) WHERE state = 'active';

-- What the entry is about: a session, or a key of ours. The column sid holds the one or the other.
ALTER TABLE revocations ADD COLUMN kind TEXT NOT NULL DEFAULT 'sid';
