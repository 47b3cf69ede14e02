DROP INDEX families_open;
