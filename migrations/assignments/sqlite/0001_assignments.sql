-- +goose Up
-- The foreign keys are checked immediately: an insert that lost a race against a deletion fails with the constraint's
-- name, and a deletion to which no module reacts fails. Nothing cascades: each module deletes its own rows.
CREATE TABLE assignments (
    id          TEXT        PRIMARY KEY,
    owner_id    TEXT        NOT NULL CONSTRAINT assignments_owner_id_fkey REFERENCES users (id), -- the patient's owner; never changes
    patient_id  TEXT        NOT NULL CONSTRAINT assignments_patient_id_fkey REFERENCES patients (id),
    doctor_id   TEXT        NOT NULL CONSTRAINT assignments_doctor_id_fkey REFERENCES doctors (id),
    assigned_at TEXT        NOT NULL,
    CONSTRAINT assignments_patient_id_doctor_id_key UNIQUE (patient_id, doctor_id)
) STRICT;
CREATE INDEX assignments_owner_id_assigned_at_idx ON assignments (owner_id, assigned_at DESC, id DESC);
CREATE INDEX assignments_patient_id_assigned_at_idx ON assignments (patient_id, assigned_at DESC, id DESC);
CREATE INDEX assignments_doctor_id_assigned_at_idx ON assignments (doctor_id, owner_id, assigned_at DESC, id DESC);
