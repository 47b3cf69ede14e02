DROP TABLE browser_sessions;
DROP TABLE families;
