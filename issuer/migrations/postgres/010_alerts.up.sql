-- Whose turn it is to count and to send: one row, taken by compare-and-swap, so that of several processes one does it.
CREATE TABLE alert_turn (
    one    BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    holder TEXT NOT NULL,
    until  BIGINT NOT NULL
);

-- Alerts that were raised. They are sent until a receiver takes them or they are given up, and they keep the same from being
-- told again until cools_at. The body may hold a client's address.
CREATE TABLE alerts (
    id           TEXT NOT NULL PRIMARY KEY,
    rule         TEXT NOT NULL,
    subject      TEXT NOT NULL,
    raised_at    BIGINT NOT NULL,
    cools_at     BIGINT NOT NULL,
    body         TEXT NOT NULL,
    tries        BIGINT NOT NULL CHECK (tries >= 0),
    next_try_at  BIGINT,                          -- NULL: taken or given up
    delivered_at BIGINT
);

CREATE INDEX alerts_by_rule ON alerts (rule, cools_at);
CREATE INDEX alerts_to_send ON alerts (next_try_at) WHERE next_try_at IS NOT NULL;
