-- +goose Up
CREATE TABLE assignments (
    id text PRIMARY KEY,
    patient_id text NOT NULL CONSTRAINT assignments_patient_id_fkey REFERENCES patients (id) DEFERRABLE INITIALLY DEFERRED,
    doctor_id text NOT NULL,
    note text CHECK (note <> 'patients''doctors'),
    FOREIGN KEY (doctor_id) REFERENCES "doctors"("id")
);

-- +goose Down
DROP TABLE assignments;
