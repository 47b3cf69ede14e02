-- The families of a user that may live, without all those that have ended: who signs in is counted among them. It holds no
-- moment that a refresh moves, so refreshes write nothing into it.
CREATE INDEX families_open ON families (user_id, absolute_expires_at) WHERE revoked_at IS NULL;
