-- +goose Up
-- Invitations of colleagues, whose grants can have the level write. Releases before it take a missing level as read, and
-- may lower an accepted one to it until this release compares it the next time. SQLite cannot replace a constraint.
CREATE TABLE patient_invitations_new (
    id          TEXT    PRIMARY KEY,
    patient_id  TEXT    NOT NULL
        CONSTRAINT patient_invitations_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    mac         BLOB    NOT NULL CONSTRAINT patient_invitations_mac_key UNIQUE,
    basis       TEXT    NOT NULL
        CONSTRAINT patient_invitations_basis_check CHECK (length(basis) BETWEEN 1 AND 32),
    until       TEXT, -- the end that the keeper chose
    invited_by  TEXT    NOT NULL,
    created_at  TEXT    NOT NULL,
    expires_at  TEXT    NOT NULL,
    failures    INTEGER NOT NULL, -- claims with a wrong birth date
    accepted_by TEXT,
    accepted_at TEXT,
    ends_at     TEXT, -- the end of the grant
    level       TEXT    NOT NULL DEFAULT 'read'
        CONSTRAINT patient_invitations_level_check CHECK (level IN ('read', 'write'))
) STRICT;
INSERT INTO patient_invitations_new (id, patient_id, mac, basis, until, invited_by, created_at, expires_at, failures,
    accepted_by, accepted_at, ends_at)
SELECT id, patient_id, mac, basis, until, invited_by, created_at, expires_at, failures, accepted_by, accepted_at, ends_at
FROM patient_invitations;
DROP TABLE patient_invitations;
ALTER TABLE patient_invitations_new RENAME TO patient_invitations;
CREATE INDEX patient_invitations_patient_id_idx ON patient_invitations (patient_id);
CREATE INDEX patient_invitations_accepted_idx ON patient_invitations (id) WHERE accepted_by IS NOT NULL;
