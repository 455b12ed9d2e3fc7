-- +goose Up
-- Work that is too long for one request. A row is removed seven days after its job ended.
CREATE TABLE jobs (
    id         TEXT    NOT NULL, -- version 4: random, because any client with the id may read the state
    kind       TEXT    NOT NULL CONSTRAINT jobs_kind_check CHECK (length(kind) BETWEEN 1 AND 100),
    parameters TEXT    NOT NULL, -- JSON with ids only
    state      TEXT    NOT NULL CONSTRAINT jobs_state_check CHECK (state IN ('pending', 'running', 'done', 'failed')),
    done       INTEGER NOT NULL,
    total      INTEGER NOT NULL, -- estimated when the job was added
    failures   INTEGER NOT NULL, -- consecutive
    due_at     TEXT    NOT NULL, -- the earliest start of the next batch
    created_at TEXT    NOT NULL,
    expires_at TEXT, -- NULL until the job ends
    CONSTRAINT jobs_pkey PRIMARY KEY (id)
) STRICT;
CREATE INDEX jobs_due_at_idx ON jobs (due_at) WHERE expires_at IS NULL;
CREATE INDEX jobs_expires_at_idx ON jobs (expires_at);
