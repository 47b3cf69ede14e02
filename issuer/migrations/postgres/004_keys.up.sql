CREATE TABLE signing_keys (
    kid         TEXT   COLLATE "C" NOT NULL PRIMARY KEY,  -- RFC 7638 thumbprint
    alg         TEXT   NOT NULL,
    state       TEXT   NOT NULL,
    public_jwk  TEXT   NOT NULL,
    sealed_seed BYTEA  NOT NULL,  -- XChaCha20-Poly1305 under the key-encryption key, aad = kid
    created_at  BIGINT NOT NULL
);

CREATE TABLE edges (
    name        TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    kid         TEXT   COLLATE "C" NOT NULL UNIQUE,
    public_jwk  TEXT   NOT NULL,
    enrolled_at BIGINT NOT NULL,
    revoked_at  BIGINT
);
