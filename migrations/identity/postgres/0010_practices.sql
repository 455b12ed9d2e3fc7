-- +goose Up
-- Members of practices and deputies act at a level, and deputies until a time. The defaults are those of rows of
-- earlier releases, whose kinds have no level and do not end.
ALTER TABLE acting ADD COLUMN level text NOT NULL DEFAULT ''
    CONSTRAINT acting_level_check CHECK (level IN ('', 'read', 'write', 'keep'));
ALTER TABLE acting ADD COLUMN until timestamptz;
CREATE TABLE practices (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL CONSTRAINT practices_name_check CHECK (length(name) BETWEEN 1 AND 255),
    created_at timestamptz NOT NULL
);
CREATE INDEX practices_name_idx ON practices (name, id);
CREATE INDEX practices_created_at_idx ON practices (created_at DESC, id DESC);
-- Invitations to act for a practice or for a colleague. The code is not stored. The foreign key cascades, for releases
-- before this table.
CREATE TABLE acting_invitations (
    id           uuid        PRIMARY KEY,
    principal_id uuid        NOT NULL, -- the practice or the colleague
    kind         text        NOT NULL
        CONSTRAINT acting_invitations_kind_check CHECK (kind IN ('practice', 'deputy')),
    level        text        NOT NULL
        CONSTRAINT acting_invitations_level_check CHECK (level IN ('read', 'write', 'keep')),
    until        timestamptz, -- the end of a deputy's capacity
    mac          bytea       NOT NULL CONSTRAINT acting_invitations_mac_key UNIQUE, -- of the code
    invited_by   uuid        NOT NULL
        CONSTRAINT acting_invitations_invited_by_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX acting_invitations_principal_id_idx ON acting_invitations (principal_id);
CREATE INDEX acting_invitations_invited_by_idx ON acting_invitations (invited_by);
