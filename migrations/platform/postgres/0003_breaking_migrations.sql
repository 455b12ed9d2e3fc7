-- +goose Up
-- The migrations that releases which do not know them must not serve on. Such a migration inserts its own row. See modules/README.md.
CREATE TABLE breaking_migrations (
    module  text   NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT breaking_migrations_pkey PRIMARY KEY (module, version)
);
