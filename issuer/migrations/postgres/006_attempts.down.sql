DROP INDEX families_of_device;
DROP TABLE attempt_counters;
