-- +goose Up
-- From whom a patient is hidden: a doctor's record or a user, in every capacity. The foreign key cascades, for releases
-- before this table, which delete patients without knowing it.
CREATE TABLE patient_restrictions (
    grantee_id uuid        NOT NULL,
    patient_id uuid        NOT NULL
        CONSTRAINT patient_restrictions_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    kind       text        NOT NULL CONSTRAINT patient_restrictions_kind_check CHECK (kind IN ('doctor', 'user')),
    said_by    uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (grantee_id, patient_id)
);
CREATE INDEX patient_restrictions_patient_id_idx ON patient_restrictions (patient_id);
-- Accesses in emergencies, for 15 to 240 minutes, and their reviews. There is no foreign key: an access is reviewed
-- also after the patient was deleted, and after the account of the user was removed.
CREATE TABLE emergency_accesses (
    id          uuid        PRIMARY KEY,
    patient_id  uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    reason      text        NOT NULL CONSTRAINT emergency_accesses_reason_check CHECK (length(reason) BETWEEN 1 AND 32),
    explanation text        NOT NULL,
    opened_at   timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    ended_at    timestamptz, -- before until
    verdict     text        CONSTRAINT emergency_accesses_verdict_check CHECK (length(verdict) BETWEEN 1 AND 32),
    note        text        NOT NULL,
    reviewed_by uuid,
    reviewed_at timestamptz,
    version     integer     NOT NULL,
    CONSTRAINT emergency_accesses_review_check CHECK (
        (verdict IS NULL) = (reviewed_at IS NULL) AND (reviewed_by IS NULL) = (reviewed_at IS NULL))
);
CREATE INDEX emergency_accesses_opened_at_idx ON emergency_accesses (opened_at DESC, id DESC);
CREATE INDEX emergency_accesses_user_id_opened_at_idx ON emergency_accesses (user_id, opened_at DESC, id DESC);
CREATE INDEX emergency_accesses_patient_id_opened_at_idx ON emergency_accesses (patient_id, opened_at DESC, id DESC);
CREATE INDEX emergency_accesses_unreviewed_idx ON emergency_accesses (opened_at, id) WHERE reviewed_at IS NULL;
