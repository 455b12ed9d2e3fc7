-- +goose Up
-- The account that is linked to a doctor's record. The foreign keys cascade: releases before these tables delete doctors
-- and users without knowing them.
CREATE TABLE doctor_links (
    doctor_id uuid        PRIMARY KEY CONSTRAINT doctor_links_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    user_id   uuid        NOT NULL CONSTRAINT doctor_links_user_id_key UNIQUE
        CONSTRAINT doctor_links_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    linked_by uuid        NOT NULL, -- the administrator who invited; kept after the account is deleted
    linked_at timestamptz NOT NULL
);
-- The open invitation of a doctor to link their account. The code is not stored.
CREATE TABLE doctor_invitations (
    doctor_id  uuid        PRIMARY KEY
        CONSTRAINT doctor_invitations_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    id         uuid        NOT NULL CONSTRAINT doctor_invitations_id_key UNIQUE,
    mac        bytea       NOT NULL CONSTRAINT doctor_invitations_mac_key UNIQUE, -- of the code
    invited_by uuid        NOT NULL, -- the administrator; kept after the account is deleted
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
