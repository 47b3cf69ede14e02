CREATE TABLE signing_keys (
    kid         TEXT    NOT NULL PRIMARY KEY,            -- RFC 7638 thumbprint
    alg         TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    public_jwk  TEXT    NOT NULL,
    sealed_seed BLOB    NOT NULL,                        -- XChaCha20-Poly1305 under the key-encryption key, aad = kid
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE edges (
    name        TEXT    NOT NULL PRIMARY KEY,
    kid         TEXT    NOT NULL UNIQUE,
    public_jwk  TEXT    NOT NULL,
    enrolled_at INTEGER NOT NULL,
    revoked_at  INTEGER
) STRICT;
