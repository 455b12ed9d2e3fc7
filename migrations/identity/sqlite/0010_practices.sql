-- +goose Up
-- Members of practices and deputies act at a level, and deputies until a time. The defaults are those of rows of
-- earlier releases, whose kinds have no level and do not end.
ALTER TABLE acting ADD COLUMN level TEXT NOT NULL DEFAULT ''
    CONSTRAINT acting_level_check CHECK (level IN ('', 'read', 'write', 'keep'));
ALTER TABLE acting ADD COLUMN until TEXT;
CREATE TABLE practices (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL CONSTRAINT practices_name_check CHECK (length(name) BETWEEN 1 AND 255),
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX practices_name_idx ON practices (name, id);
CREATE INDEX practices_created_at_idx ON practices (created_at DESC, id DESC);
-- Invitations to act for a practice or for a colleague. The code is not stored. The foreign key cascades, for releases
-- before this table.
CREATE TABLE acting_invitations (
    id           TEXT PRIMARY KEY,
    principal_id TEXT NOT NULL, -- the practice or the colleague
    kind         TEXT NOT NULL
        CONSTRAINT acting_invitations_kind_check CHECK (kind IN ('practice', 'deputy')),
    level        TEXT NOT NULL
        CONSTRAINT acting_invitations_level_check CHECK (level IN ('read', 'write', 'keep')),
    until        TEXT, -- the end of a deputy's capacity
    mac          BLOB NOT NULL CONSTRAINT acting_invitations_mac_key UNIQUE, -- of the code
    invited_by   TEXT NOT NULL
        CONSTRAINT acting_invitations_invited_by_fkey REFERENCES users (id) ON DELETE CASCADE,
    created_at   TEXT NOT NULL,
    expires_at   TEXT NOT NULL
) STRICT;
CREATE INDEX acting_invitations_principal_id_idx ON acting_invitations (principal_id);
CREATE INDEX acting_invitations_invited_by_idx ON acting_invitations (invited_by);
