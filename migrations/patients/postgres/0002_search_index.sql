-- +goose Up
-- A trigram index finds parts of words. If the role may not create the extension, searches work without the index;
-- cmd/healthcare/POSTGRESQL.md describes how to add both later.
-- +goose StatementBegin
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX patients_search_text_idx ON patients USING gin (search_text gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE WARNING 'pg_trgm cannot be created: searches in patients are not served by an index';
END $$;
-- +goose StatementEnd
