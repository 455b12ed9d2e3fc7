-- +goose Up
CREATE TABLE patients (
    id                    uuid        PRIMARY KEY,
    owner_id              uuid        NOT NULL CONSTRAINT patients_owner_id_fkey REFERENCES users (id),
    name                  text        COLLATE "C" NOT NULL CONSTRAINT patients_name_check CHECK (length(name) BETWEEN 1 AND 255),
    gender                text        NOT NULL CONSTRAINT patients_gender_check CHECK (gender IN ('Male', 'Female', 'Other', 'Unknown')),
    age                   integer     CONSTRAINT patients_age_check CHECK (age BETWEEN 0 AND 150), -- whole years; only without a birth_date
    birth_date            date,
    email                 text        NOT NULL,
    phone                 text        NOT NULL,
    address               text        NOT NULL,
    medical_record_number text,
    notes                 text        NOT NULL,
    search_text           text        NOT NULL DEFAULT '', -- for searches: without case and accents
    version               integer     NOT NULL,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    CONSTRAINT patients_owner_id_medical_record_number_key UNIQUE (owner_id, medical_record_number),
    CONSTRAINT patients_age_or_birth_date_check CHECK ((age IS NULL) <> (birth_date IS NULL))
);
-- For the orderings of the list. No index starts with created_at: if owners have very different numbers of rows, a
-- generic plan would scan such an index over the rows of all owners.
CREATE INDEX patients_owner_id_created_at_idx ON patients (owner_id, created_at DESC, id DESC);
CREATE INDEX patients_owner_id_updated_at_idx ON patients (owner_id, updated_at DESC, id DESC);
CREATE INDEX patients_owner_id_name_idx ON patients (owner_id, name, id);
