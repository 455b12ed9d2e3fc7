-- +goose Up
CREATE TABLE doctors (id uuid PRIMARY KEY);
CREATE TABLE doctor_licenses (
    doctor_id uuid REFERENCES doctors (id),
    number text
);

-- +goose Down
DROP TABLE doctor_licenses;
DROP TABLE doctors;
