ALTER TABLE families DROP COLUMN step_up_demanded_at;
