DROP VIEW security_refresh_rates;
DROP VIEW security_reuse;
DROP VIEW security_lockouts;
DROP VIEW security_failures;
DROP TABLE security_events;
