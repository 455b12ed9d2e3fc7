-- +goose Up
-- Work that is too long for one request. A row is removed seven days after its job has ended.
CREATE TABLE jobs (
    id         uuid        NOT NULL, -- version 4: whoever knows it may read the state
    kind       text        NOT NULL CONSTRAINT jobs_kind_check CHECK (length(kind) BETWEEN 1 AND 100),
    parameters text        NOT NULL, -- JSON that holds ids only
    state      text        NOT NULL
        CONSTRAINT jobs_state_check CHECK (state IN ('pending', 'running', 'done', 'failed')),
    done       bigint      NOT NULL,
    total      bigint      NOT NULL, -- as estimated when the job was added
    failures   integer     NOT NULL, -- in a row
    due_at     timestamptz NOT NULL, -- when the next batch may start
    created_at timestamptz NOT NULL,
    expires_at timestamptz, -- null until the job has ended
    CONSTRAINT jobs_pkey PRIMARY KEY (id)
);
CREATE INDEX jobs_due_at_idx ON jobs (due_at) WHERE expires_at IS NULL;
CREATE INDEX jobs_expires_at_idx ON jobs (expires_at);
