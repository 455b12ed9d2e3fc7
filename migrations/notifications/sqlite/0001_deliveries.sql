-- +goose Up
-- Messages that are sent once their transaction has committed: the outbox. It has ids only. The recipient's address and
-- the content are found when a message is sent.
CREATE TABLE deliveries (
    id              TEXT    PRIMARY KEY, -- of the message, in every attempt
    channel         TEXT    NOT NULL CONSTRAINT deliveries_channel_check CHECK (channel IN ('mail', 'webhook')),
    kind            TEXT    NOT NULL CONSTRAINT deliveries_kind_check CHECK (length(kind) BETWEEN 1 AND 64),
    recipient_kind  TEXT    NOT NULL,
    recipient_id    TEXT    NOT NULL,
    subject_id      TEXT    NOT NULL, -- the record that the message is about
    subject_version INTEGER NOT NULL,
    state           TEXT    NOT NULL,
    due_at          TEXT,             -- the next attempt, or the end of the lease of the current one
    give_up_at      TEXT    NOT NULL, -- no attempt begins later
    attempts        INTEGER NOT NULL, -- begun
    last_error      TEXT    NOT NULL, -- a code, '' without a failure
    created_at      TEXT    NOT NULL,
    ended_at        TEXT,             -- when the state became other than pending
    CONSTRAINT deliveries_recipient_kind_check CHECK (recipient_kind IN
        ('user', 'patient', 'keeper', 'endpoint', 'nobody')),
    CONSTRAINT deliveries_state_check CHECK (state IN ('pending', 'sent', 'dead', 'cancelled')
        AND (state = 'pending') = (due_at IS NOT NULL) AND (state = 'pending') = (ended_at IS NULL))
) STRICT;
CREATE INDEX deliveries_due_at_idx ON deliveries (channel, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_user_due_at_idx ON deliveries (channel, due_at, id)
    WHERE due_at IS NOT NULL AND recipient_kind = 'user';
CREATE INDEX deliveries_subject_id_idx ON deliveries (subject_id);
CREATE INDEX deliveries_recipient_id_idx ON deliveries (recipient_id, created_at DESC, id DESC);
CREATE INDEX deliveries_created_at_idx ON deliveries (created_at DESC, id DESC);
CREATE INDEX deliveries_dead_idx ON deliveries (created_at DESC, id DESC) WHERE state = 'dead';
CREATE INDEX deliveries_ended_at_idx ON deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- How a user, or a patient without an account, wants to be notified. A missing row means the defaults.
CREATE TABLE notification_preferences (
    recipient_id TEXT    PRIMARY KEY,
    language     TEXT    NOT NULL, -- '': that of the service
    time_zone    TEXT    NOT NULL, -- '': that of the appointment
    quiet_hours  TEXT    NOT NULL, -- '21:00-08:00', 'none'; '': those of the service
    declined     TEXT    NOT NULL, -- kinds, separated by spaces
    version      INTEGER NOT NULL,
    updated_at   TEXT    NOT NULL
) STRICT;
