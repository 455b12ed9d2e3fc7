-- +goose Up
CREATE TABLE patients (
    id uuid PRIMARY KEY,
    doctor_id uuid REFERENCES doctors (id),
    license text REFERENCES doctor_licenses (number),
    other_id uuid REFERENCES "doctors",
    colour text CHECK (colour <> 'doctors') -- not like doctors
);
/* what doctors
   do */
INSERT INTO patients (id) SELECT id FROM Doctors;
CREATE UNLOGGED TABLE audit (id uuid);
CREATE TABLE visits (id uuid);

-- +goose Down
DELETE FROM doctor_licenses;
DROP TABLE patients;
