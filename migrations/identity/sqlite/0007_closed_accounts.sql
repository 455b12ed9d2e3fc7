-- +goose Up
-- Accounts whose owners have left while their patients are still being removed by a job. Their rows in users
-- hold nothing personal any more, so that releases before this table show none of it either; this release shows
-- no row at all.
CREATE TABLE closed_accounts (
    user_id    TEXT PRIMARY KEY CONSTRAINT closed_accounts_user_id_fkey REFERENCES users (id),
    session_id TEXT NOT NULL, -- in which the user left, for the audit trail
    role       TEXT NOT NULL CONSTRAINT closed_accounts_role_check CHECK (length(role) BETWEEN 1 AND 32),
    closed_at  TEXT NOT NULL
) STRICT;
