-- The secrets of CSRF and refresh tokens, in generations; the columns of a life are those of signing_keys.
CREATE TABLE token_secrets (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,  -- the purpose, and some bytes of a digest of the secret
    purpose      TEXT NOT NULL,
    state        TEXT NOT NULL,
    sealed       BYTEA NOT NULL,  -- as signing_keys.sealed_seed, for the id; empty when it is retired or revoked
    created_at   BIGINT NOT NULL,
    published_at BIGINT,
    makes_from   BIGINT,  -- from when it makes tokens, known before it does
    good_until   BIGINT,  -- until when the last token may be good that it made, known when it stops
    stopped_at   BIGINT,
    ended_at     BIGINT
);
CREATE UNIQUE INDEX token_secrets_one_active ON token_secrets (purpose) WHERE state = 'active';
