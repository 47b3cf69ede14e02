ALTER TABLE audit_log
    ADD CONSTRAINT audit_log_previous_hash_key UNIQUE (previous_hash),
    ADD CONSTRAINT audit_log_hash_key UNIQUE (hash);
