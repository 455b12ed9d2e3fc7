-- +goose Up
CREATE TABLE doctors (
    id             uuid        PRIMARY KEY,
    name           text        COLLATE "C" NOT NULL CONSTRAINT doctors_name_check CHECK (length(name) BETWEEN 1 AND 255),
    specialization text        COLLATE "C" NOT NULL CONSTRAINT doctors_specialization_check CHECK (length(specialization) BETWEEN 1 AND 255),
    experience     integer     NOT NULL CONSTRAINT doctors_experience_check CHECK (experience BETWEEN 0 AND 80), -- whole years
    email          text        NOT NULL,
    phone          text        NOT NULL,
    license_number text,
    search_text    text        NOT NULL DEFAULT '', -- for searches: without case and accents
    version        integer     NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT doctors_license_number_key UNIQUE (license_number)
);
-- For the orderings of the list.
CREATE INDEX doctors_created_at_idx ON doctors (created_at DESC, id DESC);
CREATE INDEX doctors_updated_at_idx ON doctors (updated_at DESC, id DESC);
CREATE INDEX doctors_name_idx ON doctors (name, id);
CREATE INDEX doctors_specialization_idx ON doctors (specialization, id);
CREATE INDEX doctors_experience_idx ON doctors (experience, id);
