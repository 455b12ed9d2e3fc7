-- +goose Up
-- Invitations of colleagues, whose grants can have the level write. Releases before it take a missing level as read, and
-- may lower an accepted one to it until this release compares it the next time.
ALTER TABLE patient_invitations
    ADD COLUMN level text NOT NULL DEFAULT 'read'
        CONSTRAINT patient_invitations_level_check CHECK (level IN ('read', 'write')),
    DROP CONSTRAINT patient_invitations_basis_check,
    ADD CONSTRAINT patient_invitations_basis_check CHECK (length(basis) BETWEEN 1 AND 32);
