-- Registrations whose address is not confirmed yet. There is no account before: nobody can sign in to it, and whoever
-- takes somebody else's address keeps nobody from it.
CREATE TABLE registrations (
    id            TEXT   COLLATE "C" NOT NULL PRIMARY KEY,          -- UUIDv7
    email         TEXT   COLLATE "C" NOT NULL,                      -- normalised, see domain/accounts.rs
    first_name    TEXT    NOT NULL,
    last_name     TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,                      -- PHC string
    device_digest BYTEA  NOT NULL CHECK (length(device_digest) = 32), -- SHA-256 of the device cookie of the browser
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);

CREATE INDEX registrations_of_email ON registrations (email);
CREATE INDEX registrations_to_end ON registrations (expires_at);

-- Secrets that were mailed, as digests. One is used by deleting its row.
CREATE TABLE mail_links (
    digest          BYTEA  NOT NULL PRIMARY KEY CHECK (length(digest) = 32), -- SHA-256 of purpose and token
    purpose         TEXT    NOT NULL CHECK (purpose IN ('confirm-address', 'reset-password')),
    registration_id TEXT   COLLATE "C" REFERENCES registrations (id) ON DELETE CASCADE,
    user_id         TEXT   COLLATE "C" REFERENCES users (id) ON DELETE CASCADE,
    expires_at      BIGINT NOT NULL,
    CHECK ((purpose = 'confirm-address') = (registration_id IS NOT NULL)),
    CHECK ((purpose = 'reset-password') = (user_id IS NOT NULL))
);

CREATE INDEX mail_links_of_registration ON mail_links (registration_id);
CREATE INDEX mail_links_of_user ON mail_links (user_id);
CREATE INDEX mail_links_to_end ON mail_links (expires_at);

-- Mails that wait, and for some days those that were sent or given up. No secret is in here: links are made when a mail
-- is sent.
CREATE TABLE outbox (
    id              TEXT   COLLATE "C" NOT NULL PRIMARY KEY,        -- UUIDv7
    kind            TEXT   COLLATE "C" NOT NULL,
    recipient       TEXT   COLLATE "C" NOT NULL,
    registration_id TEXT   COLLATE "C",                                -- may be gone: then there is nothing to confirm any more
    device          TEXT,                                -- what the mail says of a sign-in
    place           TEXT,                                -- a range of addresses, never a whole one
    state           TEXT    NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts        BIGINT NOT NULL CHECK (attempts >= 0), -- counted when one begins; whoever settles must know the number
    due_at          BIGINT NOT NULL,                    -- of one that is being sent: the end of the lease
    ends_at         BIGINT NOT NULL,                    -- not worth sending any more
    last_error      TEXT,                                -- a class, never what a server said
    created_at      BIGINT NOT NULL,
    settled_at      BIGINT,
    CHECK ((state = 'waiting') = (settled_at IS NULL))
);

CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'waiting';
CREATE INDEX outbox_of_recipient ON outbox (recipient, kind, created_at);
CREATE INDEX outbox_to_end ON outbox (settled_at);
