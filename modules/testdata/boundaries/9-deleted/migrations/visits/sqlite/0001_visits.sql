-- +goose Up
CREATE TABLE visits (
    id         text PRIMARY KEY,
    before     text REFERENCES visits (id),
    patient_id text NOT NULL CONSTRAINT visits_patient_id_fkey REFERENCES patients (id),
    doctor_id  text NOT NULL, -- REFERENCES nobody yet
    FOREIGN KEY (doctor_id) REFERENCES "doctors" (id) ON DELETE CASCADE
);

-- +goose Down
CREATE TABLE old (doctor_id text REFERENCES doctors (id));
