-- +goose Up
-- Invitations to see a patient. An accepted one is the source of its grant, and is deleted when the grant ends. Of a
-- code only a MAC is stored. The foreign key cascades, for releases before this table, which delete patients without
-- knowing it.
CREATE TABLE patient_invitations (
    id          uuid        PRIMARY KEY,
    patient_id  uuid        NOT NULL
        CONSTRAINT patient_invitations_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    mac         bytea       NOT NULL CONSTRAINT patient_invitations_mac_key UNIQUE,
    basis       text        NOT NULL
        CONSTRAINT patient_invitations_basis_check CHECK (basis IN ('self', 'delegate')),
    until       timestamptz, -- the end that the keeper chose
    invited_by  uuid        NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    failures    integer     NOT NULL, -- claims with a wrong birth date
    accepted_by uuid,
    accepted_at timestamptz,
    ends_at     timestamptz -- the end of the grant
);
CREATE INDEX patient_invitations_patient_id_idx ON patient_invitations (patient_id);
CREATE INDEX patient_invitations_accepted_idx ON patient_invitations (id) WHERE accepted_by IS NOT NULL;
