-- +goose Up
-- The clients that signed in to an account within the last 30 days. The foreign key cascades, for releases before this
-- table.
CREATE TABLE known_clients (
    user_id      uuid        NOT NULL CONSTRAINT known_clients_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    client       text        NOT NULL, -- HMAC-SHA-256 of the client prefix, in hexadecimal; not an address
    signed_in_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, client)
);
CREATE INDEX known_clients_signed_in_at_idx ON known_clients (signed_in_at);
-- The share of its hourly limit of new accounts that a network has used.
CREATE TABLE registrations (
    network text        PRIMARY KEY, -- HMAC-SHA-256 of the network, in hexadecimal; not an address
    -- when the whole limit is available again; the row has no effect from then on
    full_at timestamptz NOT NULL
);
CREATE INDEX registrations_full_at_idx ON registrations (full_at);
