-- When a refresh from somewhere else made the person's identity doubtful. It stays until the family ends, which a step-up does.
ALTER TABLE families ADD COLUMN step_up_demanded_at BIGINT;
