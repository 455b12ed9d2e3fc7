-- +goose Up
-- Who may see a patient beside the owner, and because of what. A grantee is a party for whom users act: a doctor's
-- record or a user. The foreign key cascades, for releases before this table, which delete patients without knowing it.
CREATE TABLE patient_grants (
    patient_id         TEXT NOT NULL
        CONSTRAINT patient_grants_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    grantee_id         TEXT NOT NULL,
    basis              TEXT NOT NULL CONSTRAINT patient_grants_basis_check CHECK (length(basis) BETWEEN 1 AND 32),
    source_id          TEXT NOT NULL, -- such as the assignment
    level              TEXT NOT NULL
        CONSTRAINT patient_grants_level_check CHECK (level IN ('read', 'write', 'keep')),
    granted_by         TEXT NOT NULL,
    granted_at         TEXT NOT NULL,
    expires_at         TEXT,
    -- copies for the orders of lists, written by a trigger when the patient changes
    patient_created_at TEXT NOT NULL,
    patient_updated_at TEXT NOT NULL,
    patient_name       TEXT NOT NULL,
    PRIMARY KEY (patient_id, grantee_id, basis, source_id)
) STRICT;
CREATE INDEX patient_grants_grantee_id_patient_created_at_idx
    ON patient_grants (grantee_id, patient_created_at DESC, patient_id DESC);
CREATE INDEX patient_grants_grantee_id_patient_updated_at_idx
    ON patient_grants (grantee_id, patient_updated_at DESC, patient_id DESC);
CREATE INDEX patient_grants_grantee_id_patient_name_idx ON patient_grants (grantee_id, patient_name, patient_id);
CREATE INDEX patient_grants_source_id_idx ON patient_grants (source_id);
CREATE INDEX patient_grants_expires_at_idx ON patient_grants (expires_at) WHERE expires_at IS NOT NULL;
CREATE UNIQUE INDEX patient_grants_self_idx ON patient_grants (patient_id) WHERE basis = 'self';
-- A trigger, because releases before this table change patients as well.
-- +goose StatementBegin
CREATE TRIGGER patients_change_grants AFTER UPDATE OF name, updated_at ON patients
    WHEN OLD.name <> NEW.name OR OLD.updated_at <> NEW.updated_at
BEGIN
    UPDATE patient_grants SET patient_updated_at = NEW.updated_at, patient_name = NEW.name WHERE patient_id = NEW.id;
END;
-- +goose StatementEnd
