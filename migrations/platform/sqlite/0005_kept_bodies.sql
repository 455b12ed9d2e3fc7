-- +goose Up
-- Finds bodies that earlier releases store while they run beside this one. They are removed at once: a repeated request
-- is answered by reading the record.
CREATE INDEX idempotency_keys_body_idx ON idempotency_keys (expires_at) WHERE length(body) > 0;
