-- When the private half of a key that was held elsewhere was destroyed there. Its sealed_seed is from now on the proof of its row: an
-- envelope without a secret, bound to kid, alg, public_jwk and held_at.
ALTER TABLE signing_keys ADD COLUMN destroyed_at BIGINT;
