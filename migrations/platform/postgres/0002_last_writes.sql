-- +goose Up
-- How far the log of PostgreSQL had come when sessions last wrote, so that they read from a replica only what it has replayed. One row
-- for every 4,096th of the sessions: nothing grows. Unlogged: a row costs no flush, and one that is lost in a crash counts as a write.
CREATE UNLOGGED TABLE last_writes (
    slot     integer NOT NULL,
    position bigint  NOT NULL, -- a pg_lsn, in bytes
    CONSTRAINT last_writes_pkey PRIMARY KEY (slot)
);
