-- +goose Up
ALTER TABLE audit RENAME TO trail;
DROP TABLE IF EXISTS visits;
