-- +goose Up
-- The foreign keys are checked at once, not at commit: the insert that lost against a delete learns it by the constraint's name, and a
-- module that forgets to react to a deletion fails that deletion. Nothing cascades: what is deleted, is deleted by its own module.
CREATE TABLE assignments (
    id          uuid        PRIMARY KEY,
    owner_id    uuid        NOT NULL CONSTRAINT assignments_owner_id_fkey REFERENCES users (id), -- the patient's owner, who never changes
    patient_id  uuid        NOT NULL CONSTRAINT assignments_patient_id_fkey REFERENCES patients (id),
    doctor_id   uuid        NOT NULL CONSTRAINT assignments_doctor_id_fkey REFERENCES doctors (id),
    assigned_at timestamptz NOT NULL,
    CONSTRAINT assignments_patient_id_doctor_id_key UNIQUE (patient_id, doctor_id)
);
CREATE INDEX assignments_owner_id_assigned_at_idx ON assignments (owner_id, assigned_at DESC, id DESC);
CREATE INDEX assignments_patient_id_assigned_at_idx ON assignments (patient_id, assigned_at DESC, id DESC);
CREATE INDEX assignments_doctor_id_assigned_at_idx ON assignments (doctor_id, owner_id, assigned_at DESC, id DESC);
