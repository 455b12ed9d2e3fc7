-- +goose Up
ALTER TABLE users ADD COLUMN role        TEXT    NOT NULL DEFAULT 'staff' CONSTRAINT users_role_check CHECK (length(role) BETWEEN 1 AND 32);
ALTER TABLE users ADD COLUMN version     INTEGER NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN search_text TEXT    NOT NULL DEFAULT ''; -- what the user is found by, without case and accents
UPDATE users SET search_text = lower(name) || char(10) || lower(email);
-- The list's orders.
CREATE INDEX users_created_at_idx ON users (created_at DESC, id DESC);
CREATE INDEX users_name_idx ON users (name, id);

-- A session is a family of refresh tokens. None of them is stored: they are MACed, and the row counts which one is live. Those that were stored as
-- hashes cannot be told any more, so everybody signs in again once.
DROP TABLE sessions;
CREATE TABLE sessions (
    id           TEXT        PRIMARY KEY,
    user_id      TEXT        NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id),
    generation   INTEGER     NOT NULL CONSTRAINT sessions_generation_check CHECK (generation >= 0), -- of the one live refresh token
    client       TEXT        NOT NULL, -- what the User-Agent header said
    address      TEXT        NOT NULL, -- the network it came from: IPv4 /24, IPv6 /56
    created_at   TEXT        NOT NULL,
    last_used_at TEXT        NOT NULL, -- when the live refresh token was made
    expires_at   TEXT        NOT NULL
) STRICT;
CREATE INDEX sessions_user_id_idx ON sessions (user_id, last_used_at);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
