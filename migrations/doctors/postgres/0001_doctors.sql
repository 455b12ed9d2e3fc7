-- +goose Up
CREATE TABLE doctors (
    id             uuid        PRIMARY KEY,
    name           text        NOT NULL CONSTRAINT doctors_name_check CHECK (length(name) BETWEEN 1 AND 255),
    specialization text        NOT NULL CONSTRAINT doctors_specialization_check CHECK (length(specialization) BETWEEN 1 AND 255),
    experience     integer     NOT NULL CONSTRAINT doctors_experience_check CHECK (experience BETWEEN 0 AND 80), -- whole years
    email          text        NOT NULL,
    phone          text        NOT NULL,
    license_number text,
    version        integer     NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT doctors_license_number_key UNIQUE (license_number)
);
CREATE INDEX doctors_created_at_idx ON doctors (created_at DESC, id DESC);
