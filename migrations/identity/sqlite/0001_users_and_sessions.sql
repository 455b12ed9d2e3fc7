-- +goose Up
CREATE TABLE users (
    id            TEXT        PRIMARY KEY,
    name          TEXT        NOT NULL CONSTRAINT users_name_check CHECK (length(name) BETWEEN 1 AND 255),
    email         TEXT        NOT NULL CONSTRAINT users_email_check CHECK (length(email) BETWEEN 3 AND 254),
    mailbox       TEXT        NOT NULL, -- the address in lower case; one account per mailbox
    username      TEXT        NOT NULL CONSTRAINT users_username_check CHECK (length(username) BETWEEN 1 AND 150),
    password_hash TEXT        NOT NULL, -- PHC string
    active        INTEGER     NOT NULL CONSTRAINT users_active_check CHECK (active IN (0, 1)),
    token_version INTEGER     NOT NULL, -- access tokens of other versions are rejected
    created_at    TEXT        NOT NULL,
    updated_at    TEXT        NOT NULL,
    CONSTRAINT users_mailbox_key UNIQUE (mailbox),
    CONSTRAINT users_username_key UNIQUE (username)
) STRICT;

CREATE TABLE sessions (
    id           TEXT        PRIMARY KEY,
    user_id      TEXT        NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id),
    refresh_hash TEXT        NOT NULL, -- SHA-256 of the current refresh token, in hexadecimal
    created_at   TEXT        NOT NULL,
    last_used_at TEXT        NOT NULL,
    expires_at   TEXT        NOT NULL,
    CONSTRAINT sessions_refresh_hash_key UNIQUE (refresh_hash)
) STRICT;
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
