-- Who holds the private half of a key that signs elsewhere, and under which name there, as kind:name. Its sealed_seed is empty.
ALTER TABLE signing_keys ADD COLUMN held_at TEXT;
