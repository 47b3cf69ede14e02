-- Whether one token was revoked is asked at each use of one, and hardly any ever is.
CREATE INDEX revocations_token_ids ON revocations (sid) WHERE kind = 'jti';
