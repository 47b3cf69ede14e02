DELETE FROM revocations WHERE kind <> 'sid';
ALTER TABLE revocations DROP COLUMN kind;

DROP INDEX signing_keys_one_active;
ALTER TABLE signing_keys DROP COLUMN ended_at;
ALTER TABLE signing_keys DROP COLUMN stopped_at;
ALTER TABLE signing_keys DROP COLUMN signed_until;
ALTER TABLE signing_keys DROP COLUMN signs_from;
ALTER TABLE signing_keys DROP COLUMN published_at;
