-- "EDGW": tells our file from any other SQLite file.
PRAGMA application_id = 1162102615;

-- Times are whole seconds since the epoch (UTC) unless the column ends in _ms.
CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,          -- UUIDv7
    email         TEXT    NOT NULL UNIQUE,               -- normalised, see domain/accounts.rs
    first_name    TEXT    NOT NULL,
    last_name     TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,                      -- PHC string
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE user_roles (
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT    NOT NULL,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, role)
) STRICT, WITHOUT ROWID;
