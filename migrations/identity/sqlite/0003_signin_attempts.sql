-- +goose Up
CREATE TABLE signin_attempts (
    key          TEXT        PRIMARY KEY, -- HMAC-SHA-256 of the account, the client prefix or both, in hexadecimal; not an address
    failures     INTEGER     NOT NULL CONSTRAINT signin_attempts_failures_check CHECK (failures >= 0),
    first_at     TEXT, -- NULL without failures
    last_at      TEXT, -- NULL without failures
    succeeded_at TEXT, -- the last sign-in to an account from a client prefix
    expires_at   TEXT        NOT NULL -- when the row has no effect any more
) STRICT;
CREATE INDEX signin_attempts_expires_at_idx ON signin_attempts (expires_at);
