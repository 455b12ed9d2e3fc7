-- +goose Up
CREATE TABLE users (
    id            uuid        PRIMARY KEY,
    name          text        NOT NULL CONSTRAINT users_name_check CHECK (length(name) BETWEEN 1 AND 255),
    email         text        NOT NULL CONSTRAINT users_email_check CHECK (length(email) BETWEEN 3 AND 254),
    mailbox       text        NOT NULL, -- the address in lower case; one account per mailbox
    username      text        NOT NULL CONSTRAINT users_username_check CHECK (length(username) BETWEEN 1 AND 150),
    password_hash text        NOT NULL, -- PHC string
    active        boolean     NOT NULL,
    token_version integer     NOT NULL, -- access tokens of other versions are rejected
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT users_mailbox_key UNIQUE (mailbox),
    CONSTRAINT users_username_key UNIQUE (username)
);

CREATE TABLE sessions (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id),
    refresh_hash text        NOT NULL, -- SHA-256 of the current refresh token, in hexadecimal
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    CONSTRAINT sessions_refresh_hash_key UNIQUE (refresh_hash)
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
