-- +goose Up
-- Requests of patients and their delegates to correct a field of the record (45 CFR 164.526), with the decision of the
-- user who keeps the patient. The foreign key cascades, for releases before this table, which delete patients without
-- knowing it. Users have no foreign key: a decided correction outlives the account of the user who asked.
CREATE TABLE patient_corrections (
    id         uuid        PRIMARY KEY,
    patient_id uuid        NOT NULL
        CONSTRAINT patient_corrections_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    field      text        NOT NULL
        CONSTRAINT patient_corrections_field_check CHECK (length(field) BETWEEN 1 AND 64),
    value      text        NOT NULL, -- empty clears the field
    because    text        NOT NULL,
    asked_by   uuid        NOT NULL,
    asked_at   timestamptz NOT NULL,
    state      text        NOT NULL
        CONSTRAINT patient_corrections_state_check CHECK (state IN ('pending', 'accepted', 'declined')),
    note       text        NOT NULL, -- of the decision
    decided_by uuid,
    decided_at timestamptz,
    version    integer     NOT NULL,
    CONSTRAINT patient_corrections_decision_check CHECK (
        (state = 'pending') = (decided_at IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL))
);
CREATE INDEX patient_corrections_patient_id_asked_at_idx ON patient_corrections (patient_id, asked_at DESC, id DESC);
