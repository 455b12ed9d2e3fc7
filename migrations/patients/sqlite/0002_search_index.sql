-- +goose Up
-- SQLite has no trigram index on a column: a search reads search_text of the rows in its list. PostgreSQL's folder has one.
SELECT 1;
