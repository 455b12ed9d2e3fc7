-- +goose Up
ALTER TABLE users
    ALTER COLUMN name TYPE text COLLATE "C", -- lists order by code point
    ADD COLUMN role        text    NOT NULL DEFAULT 'staff' CONSTRAINT users_role_check CHECK (length(role) BETWEEN 1 AND 32),
    ADD COLUMN version     integer NOT NULL DEFAULT 1,
    ADD COLUMN search_text text    NOT NULL DEFAULT ''; -- what the user is found by, without case and accents
UPDATE users SET search_text = lower(name) || chr(10) || lower(email);
-- The list's orders.
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

-- A session is a family of refresh tokens. None of them is stored: they are MACed, and the row counts which one is live. Those that were stored as
-- hashes cannot be told any more, so everybody signs in again once.
DROP TABLE sessions;
CREATE TABLE sessions (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id),
    generation   integer     NOT NULL CONSTRAINT sessions_generation_check CHECK (generation >= 0), -- of the one live refresh token
    client       text        NOT NULL, -- what the User-Agent header said
    address      text        NOT NULL, -- the network it came from: IPv4 /24, IPv6 /56
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL, -- when the live refresh token was made
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id, last_used_at);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
