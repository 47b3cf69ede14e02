-- Whose turn it is to count and to send: one row, taken by compare-and-swap, so that of several processes one does it.
CREATE TABLE alert_turn (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    holder TEXT NOT NULL,
    until  INTEGER NOT NULL
) STRICT;

-- Alerts that were raised. They are sent until a receiver takes them or they are given up, and they keep the same from being
-- told again until cools_at. The body may hold a client's address.
CREATE TABLE alerts (
    id           TEXT NOT NULL PRIMARY KEY,
    rule         TEXT NOT NULL,
    subject      TEXT NOT NULL,
    raised_at    INTEGER NOT NULL,
    cools_at     INTEGER NOT NULL,
    body         TEXT NOT NULL,
    tries        INTEGER NOT NULL CHECK (tries >= 0),
    next_try_at  INTEGER,                          -- NULL: taken or given up
    delivered_at INTEGER
) STRICT;

CREATE INDEX alerts_by_rule ON alerts (rule, cools_at);
CREATE INDEX alerts_to_send ON alerts (next_try_at) WHERE next_try_at IS NOT NULL;
