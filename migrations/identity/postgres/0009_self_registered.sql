-- +goose Up
-- Whether the user registered the account. The default is that of rows of earlier releases: a claim of a patient's
-- record does not change the roles of these accounts.
ALTER TABLE users ADD COLUMN self_registered boolean NOT NULL DEFAULT false;
