-- +goose Up
-- Always empty: SQLite has no replicas. The table exists so that both engines have the same schema and stores.
CREATE TABLE last_writes (
    slot     INTEGER NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT last_writes_pkey PRIMARY KEY (slot)
) STRICT, WITHOUT ROWID;
