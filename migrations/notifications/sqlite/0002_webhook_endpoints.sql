-- +goose Up
-- Receivers of webhooks, which administrators enter.
CREATE TABLE webhook_endpoints (
    id              TEXT PRIMARY KEY,
    url             TEXT NOT NULL,
    description     TEXT NOT NULL,
    kinds           TEXT NOT NULL, -- that it wants, separated by spaces; '': all
    secret          TEXT NOT NULL, -- the id of a key of the operator, a dot and the encrypted signing secret
    previous_secret TEXT NOT NULL, -- '': none
    previous_until  TEXT, -- webhooks are signed with the previous secret as well; NULL: never rotated
    enabled         INTEGER NOT NULL,
    disabled_reason TEXT NOT NULL, -- '': it is enabled, or an administrator has disabled it
    failing_since   TEXT, -- the first failure since the last success
    version         INTEGER NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      TEXT NOT NULL,
    updated_at      TEXT NOT NULL,
    CONSTRAINT webhook_endpoints_enabled_check CHECK (enabled IN (0, 1)),
    CONSTRAINT webhook_endpoints_disabled_reason_check CHECK (disabled_reason IN
        ('', 'failing', 'gone', 'forbidden_url'))
) STRICT;

-- The webhooks of one endpoint that are due, so that those of others need not be read.
CREATE INDEX deliveries_webhook_due_idx ON deliveries (recipient_id, due_at, id)
    WHERE channel = 'webhook' AND due_at IS NOT NULL;
