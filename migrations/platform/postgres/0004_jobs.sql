-- +goose Up
-- Work that is too long for one request. A row is removed seven days after its job ended.
CREATE TABLE jobs (
    id         uuid        NOT NULL, -- version 4: random, because any client with the id may read the state
    kind       text        NOT NULL CONSTRAINT jobs_kind_check CHECK (length(kind) BETWEEN 1 AND 100),
    parameters text        NOT NULL, -- JSON with ids only
    state      text        NOT NULL
        CONSTRAINT jobs_state_check CHECK (state IN ('pending', 'running', 'done', 'failed')),
    done       bigint      NOT NULL,
    total      bigint      NOT NULL, -- estimated when the job was added
    failures   integer     NOT NULL, -- consecutive
    due_at     timestamptz NOT NULL, -- the earliest start of the next batch
    created_at timestamptz NOT NULL,
    expires_at timestamptz, -- NULL until the job ends
    CONSTRAINT jobs_pkey PRIMARY KEY (id)
);
CREATE INDEX jobs_due_at_idx ON jobs (due_at) WHERE expires_at IS NULL;
CREATE INDEX jobs_expires_at_idx ON jobs (expires_at);
