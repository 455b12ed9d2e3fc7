-- +goose Up
ALTER TABLE users ADD COLUMN role        TEXT    NOT NULL DEFAULT 'staff' CONSTRAINT users_role_check CHECK (length(role) BETWEEN 1 AND 32);
ALTER TABLE users ADD COLUMN version     INTEGER NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN search_text TEXT    NOT NULL DEFAULT ''; -- for searches: without case and accents
UPDATE users SET search_text = lower(name) || char(10) || lower(email);
-- For the orderings of the list.
CREATE INDEX users_created_at_idx ON users (created_at DESC, id DESC);
CREATE INDEX users_name_idx ON users (name, id);

-- A session is a family of refresh tokens. Tokens are not stored: each has a MAC, and the row has the number of the
-- current one. Tokens stored as hashes cannot be converted, so all users sign in again once.
DROP TABLE sessions;
CREATE TABLE sessions (
    id           TEXT        PRIMARY KEY,
    user_id      TEXT        NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id),
    generation   INTEGER     NOT NULL CONSTRAINT sessions_generation_check CHECK (generation >= 0), -- number of the current refresh token
    client       TEXT        NOT NULL, -- the User-Agent header
    address      TEXT        NOT NULL, -- of the client network: IPv4 /24, IPv6 /56
    created_at   TEXT        NOT NULL,
    last_used_at TEXT        NOT NULL, -- when the current refresh token was issued
    expires_at   TEXT        NOT NULL
) STRICT;
CREATE INDEX sessions_user_id_idx ON sessions (user_id, last_used_at);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
