-- +goose NO TRANSACTION
-- +goose Up
-- Finds bodies that earlier releases store while they run beside this one. They are removed at once: a repeated request
-- is answered by reading the record.
DROP INDEX CONCURRENTLY IF EXISTS idempotency_keys_body_idx; -- an interrupted attempt leaves an invalid index
CREATE INDEX CONCURRENTLY idempotency_keys_body_idx ON idempotency_keys (expires_at) WHERE length(body) > 0;
