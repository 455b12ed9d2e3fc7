-- +goose Up
-- Finds the bodies that releases before this one keep beside it. They are removed at once: a repetition is
-- answered by reading what was made.
CREATE INDEX idempotency_keys_body_idx ON idempotency_keys (expires_at) WHERE length(body) > 0;
