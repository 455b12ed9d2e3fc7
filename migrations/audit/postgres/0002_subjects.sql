-- +goose Up
-- Whom an entry is about: the patient it names, and those that a list or a search showed. It is an index over audit_entries, which alone are sealed.
CREATE TABLE audit_subjects (
    patient_id uuid        NOT NULL,
    created_at timestamptz NOT NULL, -- the entry's
    id         uuid        NOT NULL, -- the entry's
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
-- What is rare, such as failed logins, is found without walking through what is not.
CREATE INDEX audit_entries_action_created_at_idx ON audit_entries (action, created_at DESC, id DESC);
