-- +goose Up
-- The doctors whose removal has begun. They get no new assignments while a job ends or moves the existing ones. The row
-- is deleted with the doctor, also by earlier releases. A doctor who receives assignments cannot be deleted meanwhile.
CREATE TABLE doctor_removals (
    doctor_id   TEXT PRIMARY KEY CONSTRAINT doctor_removals_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    reassign_to TEXT CONSTRAINT doctor_removals_reassign_to_fkey REFERENCES doctors (id), -- NULL: the assignments end
    user_id     TEXT NOT NULL, -- the administrator, for the audit trail; kept after the account is deleted
    session_id  TEXT NOT NULL,
    role        TEXT NOT NULL CONSTRAINT doctor_removals_role_check CHECK (length(role) BETWEEN 1 AND 64),
    started_at  TEXT NOT NULL
) STRICT;
CREATE INDEX doctor_removals_reassign_to_idx ON doctor_removals (reassign_to);
