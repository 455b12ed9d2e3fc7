-- +goose Up
-- Which doctors are assigned to which patients, for the filter of lists by doctor and never for permission: most
-- assignments of earlier releases grant nothing. Filled from the assignments at the first start.
CREATE TABLE patient_doctors (
    doctor_id     uuid NOT NULL,
    patient_id    uuid NOT NULL CONSTRAINT patient_doctors_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    assignment_id uuid NOT NULL,
    PRIMARY KEY (doctor_id, patient_id)
);
CREATE UNIQUE INDEX patient_doctors_assignment_id_idx ON patient_doctors (assignment_id);
CREATE INDEX patient_doctors_patient_id_idx ON patient_doctors (patient_id);
