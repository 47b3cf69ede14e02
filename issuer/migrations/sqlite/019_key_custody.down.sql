ALTER TABLE signing_keys DROP COLUMN destroyed_at;
-- An older program would open the proofs of rows as if private keys were in them.
UPDATE signing_keys SET sealed_seed = x'' WHERE held_at IS NOT NULL;
