-- +goose Up
CREATE TABLE signin_attempts (
    key          text        PRIMARY KEY, -- HMAC-SHA-256 of the account, the client prefix or both, in hexadecimal; not an address
    failures     integer     NOT NULL CONSTRAINT signin_attempts_failures_check CHECK (failures >= 0),
    first_at     timestamptz, -- NULL without failures
    last_at      timestamptz, -- NULL without failures
    succeeded_at timestamptz, -- the last sign-in to an account from a client prefix
    expires_at   timestamptz NOT NULL -- when the row has no effect any more
);
CREATE INDEX signin_attempts_expires_at_idx ON signin_attempts (expires_at);
