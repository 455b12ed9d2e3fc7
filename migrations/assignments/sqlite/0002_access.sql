-- +goose Up
-- What an assignment lets the doctor do with the patient. The default is none, for existing assignments and for those
-- of releases before this column: nobody who made them meant to disclose the patient.
ALTER TABLE assignments ADD COLUMN access TEXT NOT NULL DEFAULT 'none'
    CONSTRAINT assignments_access_check CHECK (access IN ('none', 'read', 'write'));
ALTER TABLE assignments ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
CREATE INDEX assignments_doctor_id_granted_assigned_at_idx
    ON assignments (doctor_id, assigned_at DESC, id DESC) WHERE access <> 'none';
