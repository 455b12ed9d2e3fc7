-- +goose Up
-- For whom a user acts: the doctor whose record is linked to the account, or the user, once something was granted to
-- them. The foreign key cascades, for releases before this table.
CREATE TABLE acting (
    user_id      uuid NOT NULL CONSTRAINT acting_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    principal_id uuid NOT NULL,
    kind         text NOT NULL CONSTRAINT acting_kind_check CHECK (length(kind) BETWEEN 1 AND 32),
    since        timestamptz NOT NULL,
    PRIMARY KEY (user_id, principal_id)
);
CREATE INDEX acting_principal_id_idx ON acting (principal_id);
