-- +goose Up
ALTER TABLE users
    ALTER COLUMN name TYPE text COLLATE "C", -- lists are ordered by code point
    ADD COLUMN role        text    NOT NULL DEFAULT 'staff' CONSTRAINT users_role_check CHECK (length(role) BETWEEN 1 AND 32),
    ADD COLUMN version     integer NOT NULL DEFAULT 1,
    ADD COLUMN search_text text    NOT NULL DEFAULT ''; -- for searches: without case and accents
UPDATE users SET search_text = lower(name) || chr(10) || lower(email);
-- For the orderings of the list.
CREATE INDEX users_created_at_idx ON users (created_at DESC, id DESC);
CREATE INDEX users_name_idx ON users (name, id);
-- +goose StatementBegin
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX users_search_text_idx ON users USING gin (search_text gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE WARNING 'pg_trgm cannot be created: searches in users are not served by an index';
END $$;
-- +goose StatementEnd

-- A session is a family of refresh tokens. Tokens are not stored: each has a MAC, and the row has the number of the
-- current one. Tokens stored as hashes cannot be converted, so all users sign in again once.
DROP TABLE sessions;
CREATE TABLE sessions (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id),
    generation   integer     NOT NULL CONSTRAINT sessions_generation_check CHECK (generation >= 0), -- number of the current refresh token
    client       text        NOT NULL, -- the User-Agent header
    address      text        NOT NULL, -- of the client network: IPv4 /24, IPv6 /56
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL, -- when the current refresh token was issued
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id, last_used_at);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
