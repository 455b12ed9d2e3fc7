-- +goose Up
-- Empty: SQLite has no replicas. It is here so that both engines have one schema, and one set of stores over it.
CREATE TABLE last_writes (
    slot     INTEGER NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT last_writes_pkey PRIMARY KEY (slot)
) STRICT, WITHOUT ROWID;
