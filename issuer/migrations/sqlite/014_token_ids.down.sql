DROP INDEX revocations_token_ids;
