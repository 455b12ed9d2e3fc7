-- +goose Up
-- The subjects of an entry: the patient that it names, and those in the response of a list or search. This table is an
-- index over audit_entries; only those are sealed.
CREATE TABLE audit_subjects (
    patient_id uuid        NOT NULL,
    created_at timestamptz NOT NULL, -- of the entry
    id         uuid        NOT NULL, -- of the entry
    chain      integer     NOT NULL,
    sequence   bigint      NOT NULL,
    PRIMARY KEY (patient_id, created_at, id)
);
INSERT INTO audit_subjects
    SELECT patient_id, created_at, id, chain, sequence FROM audit_entries WHERE patient_id IS NOT NULL
    UNION
    SELECT shown::uuid, created_at, id, chain, sequence FROM audit_entries, unnest(string_to_array(ids, ',')) AS shown
    WHERE resource_type = 'Patient' AND shown ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
CREATE TRIGGER audit_subjects_refuse BEFORE UPDATE OR DELETE ON audit_subjects FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_subjects_refuse_truncate BEFORE TRUNCATE ON audit_subjects EXECUTE FUNCTION audit_refuse();

DROP INDEX audit_entries_patient_id_created_at_idx;
-- Finds rare actions, such as failed sign-ins, without scanning frequent ones.
CREATE INDEX audit_entries_action_created_at_idx ON audit_entries (action, created_at DESC, id DESC);
