-- +goose Up
-- Invitations to see a patient. An accepted one is the source of its grant, and is deleted when the grant ends. Of a
-- code only a MAC is stored. The foreign key cascades, for releases before this table, which delete patients without
-- knowing it.
CREATE TABLE patient_invitations (
    id          TEXT    PRIMARY KEY,
    patient_id  TEXT    NOT NULL
        CONSTRAINT patient_invitations_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    mac         BLOB    NOT NULL CONSTRAINT patient_invitations_mac_key UNIQUE,
    basis       TEXT    NOT NULL
        CONSTRAINT patient_invitations_basis_check CHECK (basis IN ('self', 'delegate')),
    until       TEXT, -- the end that the keeper chose
    invited_by  TEXT    NOT NULL,
    created_at  TEXT    NOT NULL,
    expires_at  TEXT    NOT NULL,
    failures    INTEGER NOT NULL, -- claims with a wrong birth date
    accepted_by TEXT,
    accepted_at TEXT,
    ends_at     TEXT -- the end of the grant
) STRICT;
CREATE INDEX patient_invitations_patient_id_idx ON patient_invitations (patient_id);
CREATE INDEX patient_invitations_accepted_idx ON patient_invitations (id) WHERE accepted_by IS NOT NULL;
