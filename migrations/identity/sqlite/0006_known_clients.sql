-- +goose Up
-- The clients that signed in to an account within the last 30 days. Deleting the account deletes them, also
-- by a release before this table.
CREATE TABLE known_clients (
    user_id      TEXT NOT NULL CONSTRAINT known_clients_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    client       TEXT NOT NULL, -- HMAC-SHA-256 of the client prefix, in hexadecimal: never an address
    signed_in_at TEXT NOT NULL,
    PRIMARY KEY (user_id, client)
) STRICT;
CREATE INDEX known_clients_signed_in_at_idx ON known_clients (signed_in_at);
-- How much of its accounts in an hour a network has used up.
CREATE TABLE registrations (
    network TEXT PRIMARY KEY, -- HMAC-SHA-256 of the network, in hexadecimal: never an address
    -- when the network may make as many accounts as one that made none; then the row does not count any more
    full_at TEXT NOT NULL
) STRICT;
CREATE INDEX registrations_full_at_idx ON registrations (full_at);
