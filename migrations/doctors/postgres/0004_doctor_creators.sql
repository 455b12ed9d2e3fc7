-- +goose Up
-- The user who added a doctor, for the limit on doctors per user. Doctors added by earlier releases or administrators
-- have no row and are not counted. The foreign keys cascade: earlier releases delete doctors and users without knowing
-- this table.
CREATE TABLE doctor_creators (
    doctor_id uuid PRIMARY KEY CONSTRAINT doctor_creators_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    user_id   uuid NOT NULL CONSTRAINT doctor_creators_user_id_fkey REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX doctor_creators_user_id_idx ON doctor_creators (user_id);
