-- +goose Up
-- Requests of patients and their delegates to correct a field of the record (45 CFR 164.526), with the decision of the
-- user who keeps the patient. The foreign key cascades, for releases before this table, which delete patients without
-- knowing it. Users have no foreign key: a decided correction outlives the account of the user who asked.
CREATE TABLE patient_corrections (
    id         TEXT    PRIMARY KEY,
    patient_id TEXT    NOT NULL
        CONSTRAINT patient_corrections_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    field      TEXT    NOT NULL
        CONSTRAINT patient_corrections_field_check CHECK (length(field) BETWEEN 1 AND 64),
    value      TEXT    NOT NULL, -- empty clears the field
    because    TEXT    NOT NULL,
    asked_by   TEXT    NOT NULL,
    asked_at   TEXT    NOT NULL,
    state      TEXT    NOT NULL
        CONSTRAINT patient_corrections_state_check CHECK (state IN ('pending', 'accepted', 'declined')),
    note       TEXT    NOT NULL, -- of the decision
    decided_by TEXT,
    decided_at TEXT,
    version    INTEGER NOT NULL,
    CONSTRAINT patient_corrections_decision_check CHECK (
        (state = 'pending') = (decided_at IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL))
) STRICT;
CREATE INDEX patient_corrections_patient_id_asked_at_idx ON patient_corrections (patient_id, asked_at DESC, id DESC);
