-- +goose NO TRANSACTION
-- +goose Up
-- Finds the bodies that releases before this one keep beside it. They are removed at once: a repetition is
-- answered by reading what was made.
DROP INDEX CONCURRENTLY IF EXISTS idempotency_keys_body_idx; -- left invalid by an attempt that was interrupted
CREATE INDEX CONCURRENTLY idempotency_keys_body_idx ON idempotency_keys (expires_at) WHERE length(body) > 0;
