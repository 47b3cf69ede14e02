DROP TABLE browser_sessions;
DROP TABLE families;
DROP FUNCTION families_stay_revoked();
