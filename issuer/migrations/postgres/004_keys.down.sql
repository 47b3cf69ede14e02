DROP TABLE edges;
DROP TABLE signing_keys;
