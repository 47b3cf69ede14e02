-- An older program could not sign with them, nor read those of other algorithms: their tokens end with them.
DELETE FROM signing_keys WHERE held_at IS NOT NULL OR alg <> 'EdDSA';
ALTER TABLE signing_keys DROP COLUMN held_at;
