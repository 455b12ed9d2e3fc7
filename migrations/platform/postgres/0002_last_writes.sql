-- +goose Up
-- The position in PostgreSQL's log at the last write of sessions, which read only from replicas that have replayed it.
-- Sessions share 4,096 rows, so the table does not grow. Unlogged: a row costs no flush, and a row that is lost in a
-- crash counts as a write.
CREATE UNLOGGED TABLE last_writes (
    slot     integer NOT NULL,
    position bigint  NOT NULL, -- a pg_lsn, in bytes
    CONSTRAINT last_writes_pkey PRIMARY KEY (slot)
);
