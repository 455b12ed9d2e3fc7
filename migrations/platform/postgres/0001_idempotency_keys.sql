-- +goose Up
-- The responses to authenticated POST requests, for clients that did not receive them. Kept for a day.
CREATE TABLE idempotency_keys (
    user_id     uuid        NOT NULL,
    route       text        NOT NULL,
    key         text        NOT NULL,
    fingerprint text        NOT NULL, -- SHA-256 of the body, in hexadecimal
    status      integer     NOT NULL,
    header      text        NOT NULL, -- JSON
    body        bytea       NOT NULL,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, route, key)
);
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);
