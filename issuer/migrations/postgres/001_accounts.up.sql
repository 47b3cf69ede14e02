-- Times are whole seconds since the epoch (UTC) unless the column ends in _ms.
-- Keys are COLLATE "C", which compares bytes: the order is SQLite's, and an index outlives new collations of the
-- server's operating system.
CREATE TABLE users (
    id            TEXT   COLLATE "C" NOT NULL PRIMARY KEY,  -- UUIDv7
    email         TEXT   COLLATE "C" NOT NULL UNIQUE,  -- normalised, see domain/accounts.rs
    first_name    TEXT   NOT NULL,
    last_name     TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,  -- PHC string
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

CREATE TABLE user_roles (
    user_id    TEXT   COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT   COLLATE "C" NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, role)
);
