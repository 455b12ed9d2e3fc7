-- +goose Up
CREATE TABLE audit_entries (
    chain         INTEGER NOT NULL,
    sequence      INTEGER NOT NULL CONSTRAINT audit_entries_sequence_check CHECK (sequence >= 1), -- without gaps
    created_at    TEXT    NOT NULL, -- not before that of the previous entry
    id            TEXT    NOT NULL,
    request_id    TEXT    NOT NULL,
    actor_id      TEXT, -- NULL: not signed in
    role          TEXT    NOT NULL,
    session_id    TEXT,
    address       TEXT    NOT NULL, -- of the client
    action        TEXT    NOT NULL,
    resource_type TEXT    NOT NULL,
    resource_id   TEXT,
    patient_id    TEXT, -- no foreign key: entries outlive the records
    outcome       TEXT    NOT NULL CONSTRAINT audit_entries_outcome_check CHECK (outcome IN ('success', 'refused', 'failed')),
    status        INTEGER NOT NULL,
    ids           TEXT    NOT NULL, -- of the records in the response, separated by commas
    id_count      INTEGER NOT NULL,
    fields        TEXT    NOT NULL, -- names of the changed fields, separated by commas; no values
    key_id        TEXT    NOT NULL,
    mac           BLOB    NOT NULL,
    PRIMARY KEY (chain, sequence, created_at)
) STRICT;
-- For the orderings of the lists. The index of all entries starts with the chain, which lists of one actor or patient
-- do not name, so that no plan scans it for them.
CREATE INDEX audit_entries_chain_created_at_idx ON audit_entries (chain, created_at DESC, id DESC);
CREATE INDEX audit_entries_actor_id_created_at_idx ON audit_entries (actor_id, created_at DESC, id DESC);
CREATE INDEX audit_entries_patient_id_created_at_idx ON audit_entries (patient_id, created_at DESC, id DESC);

-- One row per chain, locked by appends: the last entry, and the anchor that the first remaining entry follows.
CREATE TABLE audit_heads (
    chain           INTEGER PRIMARY KEY,
    sequence        INTEGER NOT NULL,
    mac             BLOB    NOT NULL,
    last_at         TEXT, -- NULL while the chain is empty
    anchor_sequence INTEGER NOT NULL, -- entries up to it are pruned and may be deleted
    anchor_mac      BLOB    NOT NULL,
    CONSTRAINT audit_heads_anchor_check CHECK (anchor_sequence <= sequence)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_heads (chain, sequence, mac, anchor_sequence, anchor_mac) VALUES
    (1, 0, x'5f756d5b371031f91cb86c542198e7f9d3237bd94e62e3c55a864162bbbed364', 0, x'5f756d5b371031f91cb86c542198e7f9d3237bd94e62e3c55a864162bbbed364');

-- The trail only grows, and heads and anchors only advance.
-- +goose StatementBegin
CREATE TRIGGER audit_entries_refuse_insert BEFORE INSERT ON audit_entries
WHEN EXISTS (SELECT 1 FROM audit_entries WHERE chain = new.chain AND sequence = new.sequence)
BEGIN SELECT RAISE(ABORT, 'audit entries are never replaced'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_entries_refuse_update BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_entries_refuse_delete BEFORE DELETE ON audit_entries
WHEN old.sequence > coalesce((SELECT anchor_sequence FROM audit_heads WHERE chain = old.chain), 0)
BEGIN SELECT RAISE(ABORT, 'audit entries are deleted by pruning only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_heads_refuse_update BEFORE UPDATE ON audit_heads
WHEN new.chain <> old.chain OR new.sequence < old.sequence OR new.anchor_sequence < old.anchor_sequence
BEGIN SELECT RAISE(ABORT, 'the head of an audit chain only advances'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_heads_refuse_insert BEFORE INSERT ON audit_heads
WHEN EXISTS (SELECT 1 FROM audit_heads WHERE chain = new.chain)
BEGIN SELECT RAISE(ABORT, 'the head of an audit chain only advances'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_heads_refuse_delete BEFORE DELETE ON audit_heads
BEGIN SELECT RAISE(ABORT, 'the head of an audit chain is never deleted'); END;
-- +goose StatementEnd
