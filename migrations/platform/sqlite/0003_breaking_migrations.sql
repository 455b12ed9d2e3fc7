-- +goose Up
-- The migrations with which older releases must not serve. Such a migration inserts its own row (migrations/README.md).
CREATE TABLE breaking_migrations (
    module  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT breaking_migrations_pkey PRIMARY KEY (module, version)
) STRICT, WITHOUT ROWID;
