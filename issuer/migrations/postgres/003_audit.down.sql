DROP TABLE audit_log;
DROP FUNCTION audit_log_only_grows();
DROP FUNCTION audit_log_refuses();
