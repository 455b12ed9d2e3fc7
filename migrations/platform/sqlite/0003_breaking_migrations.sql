-- +goose Up
-- The migrations that releases which do not know them must not serve on. Such a migration inserts its own row. See modules/README.md.
CREATE TABLE breaking_migrations (
    module  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT breaking_migrations_pkey PRIMARY KEY (module, version)
) STRICT, WITHOUT ROWID;
