-- Failed attempts to prove a password. The keys are HMACs under a secret outside the database: nobody reads here whose
-- addresses were tried. Rows end at forget_at, and new rows take ended ones away.
CREATE TABLE attempt_counters (
    key           BYTEA  NOT NULL PRIMARY KEY CHECK (length(key) = 32),
    account       BYTEA  CHECK (account IS NULL OR length(account) = 32),  -- the key of the name it belongs to
    failures      BIGINT NOT NULL CHECK (failures >= 0),
    claims        BIGINT NOT NULL CHECK (claims >= 0),  -- attempts whose password is being compared
    claims_end_at BIGINT NOT NULL,
    locked_until  BIGINT NOT NULL,                      -- 0: not locked
    forget_at     BIGINT NOT NULL
);

CREATE INDEX attempt_counters_of_account ON attempt_counters (account);
CREATE INDEX attempt_counters_to_forget ON attempt_counters (forget_at);

-- A browser that signed in before is asked for at each sign-in that brings a device cookie.
CREATE INDEX families_of_device ON families (user_id, device_cookie_digest);
