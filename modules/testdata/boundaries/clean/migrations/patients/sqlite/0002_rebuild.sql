-- +goose Up
CREATE TABLE new_patients (id text PRIMARY KEY, name text);
INSERT INTO new_patients SELECT id, '' FROM patients;
DROP TABLE patients;
ALTER TABLE new_patients RENAME TO patients;
ALTER TABLE patients RENAME COLUMN name TO full_name;
ALTER TABLE notes RENAME TO visits;

-- +goose Down
CREATE TABLE old_visits (id text);
