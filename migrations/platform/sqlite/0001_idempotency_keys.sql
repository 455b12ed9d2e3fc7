-- +goose Up
-- The responses to authenticated POST requests, for clients that did not receive them. Kept for a day.
CREATE TABLE idempotency_keys (
    user_id     TEXT        NOT NULL,
    route       TEXT        NOT NULL,
    key         TEXT        NOT NULL,
    fingerprint TEXT        NOT NULL, -- SHA-256 of the body, in hexadecimal
    status      INTEGER     NOT NULL,
    header      TEXT        NOT NULL, -- JSON
    body        BLOB        NOT NULL,
    expires_at  TEXT        NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, route, key)
) STRICT;
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);
