-- +goose Up
CREATE TABLE doctors (
    id             TEXT        PRIMARY KEY,
    name           TEXT        NOT NULL CONSTRAINT doctors_name_check CHECK (length(name) BETWEEN 1 AND 255),
    specialization TEXT        NOT NULL CONSTRAINT doctors_specialization_check CHECK (length(specialization) BETWEEN 1 AND 255),
    experience     INTEGER     NOT NULL CONSTRAINT doctors_experience_check CHECK (experience BETWEEN 0 AND 80), -- whole years
    email          TEXT        NOT NULL,
    phone          TEXT        NOT NULL,
    license_number TEXT,
    search_text    TEXT        NOT NULL DEFAULT '', -- for searches: without case and accents
    version        INTEGER     NOT NULL,
    created_at     TEXT        NOT NULL,
    updated_at     TEXT        NOT NULL,
    CONSTRAINT doctors_license_number_key UNIQUE (license_number)
) STRICT;
-- For the orderings of the list.
CREATE INDEX doctors_created_at_idx ON doctors (created_at DESC, id DESC);
CREATE INDEX doctors_updated_at_idx ON doctors (updated_at DESC, id DESC);
CREATE INDEX doctors_name_idx ON doctors (name, id);
CREATE INDEX doctors_specialization_idx ON doctors (specialization, id);
CREATE INDEX doctors_experience_idx ON doctors (experience, id);
