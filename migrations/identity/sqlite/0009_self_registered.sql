-- +goose Up
-- Whether the user registered the account. The default is that of rows of earlier releases: a claim of a patient's
-- record does not change the roles of these accounts.
ALTER TABLE users ADD COLUMN self_registered INTEGER NOT NULL DEFAULT 0
    CONSTRAINT users_self_registered_check CHECK (self_registered IN (0, 1));
