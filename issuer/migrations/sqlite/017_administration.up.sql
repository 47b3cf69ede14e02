-- Looking for people. Names are compared in lower case, of which lower() here and under "C" in PostgreSQL mean the same: A to Z.
CREATE VIEW sought_names AS
SELECT id AS user_id, lower(first_name || ' ' || last_name) AS full_name, lower(last_name) AS last_name FROM users;

CREATE INDEX users_by_full_name ON users (lower(first_name || ' ' || last_name));
CREATE INDEX users_by_last_name ON users (lower(last_name));

-- Who holds a role, and which roles there are.
CREATE INDEX user_roles_by_role ON user_roles (role, user_id);
