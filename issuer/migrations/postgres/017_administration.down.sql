DROP INDEX user_roles_by_role;
DROP INDEX users_by_last_name;
DROP INDEX users_by_full_name;
DROP VIEW sought_names;
