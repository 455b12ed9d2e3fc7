-- +goose Up
-- The subjects of an entry: the patient that it names, and those in the response of a list or search. This table is an
-- index over audit_entries; only those are sealed.
CREATE TABLE audit_subjects (
    patient_id TEXT    NOT NULL,
    created_at TEXT    NOT NULL, -- of the entry
    id         TEXT    NOT NULL, -- of the entry
    chain      INTEGER NOT NULL,
    sequence   INTEGER NOT NULL,
    PRIMARY KEY (patient_id, created_at, id)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_subjects
    SELECT patient_id, created_at, id, chain, sequence FROM audit_entries WHERE patient_id IS NOT NULL
    UNION
    SELECT shown.value, created_at, audit_entries.id, chain, sequence
    FROM audit_entries, json_each('["' || replace(ids, ',', '","') || '"]') AS shown
    WHERE resource_type = 'Patient' AND length(shown.value) = 36;
-- +goose StatementBegin
CREATE TRIGGER audit_subjects_refuse_insert BEFORE INSERT ON audit_subjects
WHEN EXISTS (SELECT 1 FROM audit_subjects WHERE patient_id = new.patient_id AND created_at = new.created_at AND id = new.id)
BEGIN SELECT RAISE(ABORT, 'whom an audit entry is about is never replaced'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_subjects_refuse_update BEFORE UPDATE ON audit_subjects
BEGIN SELECT RAISE(ABORT, 'whom an audit entry is about is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_subjects_refuse_delete BEFORE DELETE ON audit_subjects
WHEN old.sequence > coalesce((SELECT anchor_sequence FROM audit_heads WHERE chain = old.chain), 0)
BEGIN SELECT RAISE(ABORT, 'whom an audit entry is about is deleted by pruning only'); END;
-- +goose StatementEnd

DROP INDEX audit_entries_patient_id_created_at_idx;
-- Finds rare actions, such as failed sign-ins, without scanning frequent ones.
CREATE INDEX audit_entries_action_created_at_idx ON audit_entries (action, created_at DESC, id DESC);
