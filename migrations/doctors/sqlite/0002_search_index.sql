-- +goose Up
-- SQLite has no trigram index on a column: a search reads search_text of all rows of the list. PostgreSQL has an index.
SELECT 1;
