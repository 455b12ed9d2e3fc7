-- +goose Up
-- Closed accounts whose patients a job is still removing. Their rows in users contain no personal data, because
-- releases before this table show them; this release does not.
CREATE TABLE closed_accounts (
    user_id    uuid        PRIMARY KEY CONSTRAINT closed_accounts_user_id_fkey REFERENCES users (id),
    session_id uuid        NOT NULL, -- the session that closed the account, for the audit trail
    role       text        NOT NULL CONSTRAINT closed_accounts_role_check CHECK (length(role) BETWEEN 1 AND 32),
    closed_at  timestamptz NOT NULL
);
