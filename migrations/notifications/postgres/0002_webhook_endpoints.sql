-- +goose Up
-- Receivers of webhooks, which administrators enter.
CREATE TABLE webhook_endpoints (
    id              uuid PRIMARY KEY,
    url             text NOT NULL,
    description     text NOT NULL,
    kinds           text NOT NULL, -- that it wants, separated by spaces; '': all
    secret          text NOT NULL, -- the id of a key of the operator, a dot and the encrypted signing secret
    previous_secret text NOT NULL, -- '': none
    previous_until  timestamptz, -- webhooks are signed with the previous secret as well; NULL: never rotated
    enabled         boolean NOT NULL,
    disabled_reason text NOT NULL, -- '': it is enabled, or an administrator has disabled it
    failing_since   timestamptz, -- the first failure since the last success
    version         integer NOT NULL,
    created_by      uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT webhook_endpoints_disabled_reason_check CHECK (disabled_reason IN
        ('', 'failing', 'gone', 'forbidden_url'))
);

-- The webhooks of one endpoint that are due, so that those of others need not be read.
CREATE INDEX deliveries_webhook_due_idx ON deliveries (recipient_id, due_at, id)
    WHERE channel = 'webhook' AND due_at IS NOT NULL;
