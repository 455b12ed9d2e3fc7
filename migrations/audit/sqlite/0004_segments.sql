-- +goose Up
-- The trail consists of an inbox and of segments. A transaction inserts its entries as one batch into the inbox. A
-- sealer moves the batches, in order, into compressed segments, each of which has the MAC of the segment before it. The
-- chains of audit_heads remain readable, and get no more entries once they are closed.
CREATE TABLE audit_inbox (
    id      INTEGER PRIMARY KEY, -- greater than sealed_to of audit_chain, which the statement that inserts ensures
    entries INTEGER NOT NULL, -- in the batch
    batch   BLOB    NOT NULL -- with a MAC
) STRICT;

CREATE TABLE audit_segments (
    number    INTEGER PRIMARY KEY, -- from 1, without gaps
    first     INTEGER NOT NULL, -- the sequence of the first entry
    entries   INTEGER NOT NULL,
    first_at  INTEGER NOT NULL, -- the least reading of a writer's clock, in microseconds since 1970
    last_at   INTEGER NOT NULL, -- the greatest
    sealed_at INTEGER NOT NULL, -- the reading of the sealer's clock
    key_id    TEXT    NOT NULL,
    mac       BLOB    NOT NULL,
    raw_size  INTEGER NOT NULL,
    packed    BLOB    NOT NULL -- the records, compressed (RFC 8878)
) STRICT;
CREATE INDEX audit_segments_first_at_idx ON audit_segments (first_at, number);
CREATE INDEX audit_segments_last_at_idx ON audit_segments (last_at, number);
CREATE INDEX audit_segments_sealed_at_idx ON audit_segments (sealed_at, number);

-- In which segments of a block a term occurs: a patient, an actor, an action. It is derived from the segments and not
-- sealed.
CREATE TABLE audit_index (
    term     BLOB    NOT NULL,
    block    INTEGER NOT NULL, -- the number of the block's last segment
    segments BLOB    NOT NULL,
    PRIMARY KEY (term, block)
) STRICT, WITHOUT ROWID;

-- The end of the chain of segments, and the anchor that the first remaining segment follows.
CREATE TABLE audit_chain (
    id              INTEGER PRIMARY KEY CONSTRAINT audit_chain_id_check CHECK (id = 1),
    number          INTEGER CONSTRAINT audit_chain_number_fkey REFERENCES audit_segments (number), -- NULL: no segment
    sequence        INTEGER NOT NULL, -- of the last entry
    mac             BLOB    NOT NULL, -- of the last segment
    sealed_to       INTEGER NOT NULL, -- the greatest id of the inbox in a segment
    claimed         TEXT    NOT NULL, -- the ids of the inbox that the last segment replaced
    anchor_number   INTEGER NOT NULL, -- segments up to it are pruned and may be deleted
    anchor_sequence INTEGER NOT NULL,
    anchor_mac      BLOB    NOT NULL,
    closed          INTEGER NOT NULL CONSTRAINT audit_chain_closed_check CHECK (closed IN (0, 1)) -- whether the chains of audit_heads have ended
) STRICT;
INSERT INTO audit_chain (id, sequence, mac, sealed_to, claimed, anchor_number, anchor_sequence, anchor_mac, closed) VALUES
    (1, 0, x'0000000000000000000000000000000000000000000000000000000000000000', 0, '',
     0, 0, x'0000000000000000000000000000000000000000000000000000000000000000', 0);

-- A batch is deleted only together with the segment that contains it. Segments only grow, and are deleted up to the
-- anchor.
-- +goose StatementBegin
CREATE TRIGGER audit_inbox_refuse_insert BEFORE INSERT ON audit_inbox
WHEN EXISTS (SELECT 1 FROM audit_inbox WHERE id = new.id)
    OR new.id > (SELECT max(ifnull((SELECT max(id) FROM audit_inbox), 0), sealed_to) + 1 FROM audit_chain)
BEGIN SELECT RAISE(ABORT, 'batches of the audit trail are never replaced, and their ids have no gaps'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_inbox_refuse_update BEFORE UPDATE ON audit_inbox
BEGIN SELECT RAISE(ABORT, 'batches of the audit trail are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_inbox_refuse_delete BEFORE DELETE ON audit_inbox
WHEN old.id > (SELECT sealed_to FROM audit_chain)
BEGIN SELECT RAISE(ABORT, 'a batch of the audit trail is deleted by sealing only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_segments_refuse_insert BEFORE INSERT ON audit_segments
WHEN EXISTS (SELECT 1 FROM audit_segments WHERE number = new.number)
BEGIN SELECT RAISE(IGNORE); END; -- another process sealed it
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_segments_refuse_update BEFORE UPDATE ON audit_segments
BEGIN SELECT RAISE(ABORT, 'segments of the audit trail are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_segments_refuse_delete BEFORE DELETE ON audit_segments
WHEN old.number > (SELECT anchor_number FROM audit_chain)
BEGIN SELECT RAISE(ABORT, 'segments of the audit trail are deleted by pruning only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_index_refuse_insert BEFORE INSERT ON audit_index
WHEN EXISTS (SELECT 1 FROM audit_index WHERE term = new.term AND block = new.block)
BEGIN SELECT RAISE(IGNORE); END; -- the same row: an index that was interrupted is written again
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_index_refuse_update BEFORE UPDATE ON audit_index
BEGIN SELECT RAISE(ABORT, 'the index of the audit trail is never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_index_refuse_delete BEFORE DELETE ON audit_index
WHEN old.block > (SELECT anchor_number FROM audit_chain)
BEGIN SELECT RAISE(ABORT, 'the index of the audit trail is deleted by pruning only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_chain_advance BEFORE UPDATE ON audit_chain
WHEN NOT (new.id = old.id AND coalesce(new.number, 0) >= coalesce(old.number, 0) AND new.anchor_number >= old.anchor_number
    AND new.anchor_number <= coalesce(new.number, 0) AND new.closed >= old.closed
    AND CASE WHEN new.number IS old.number
        THEN (new.sequence, new.mac, new.sealed_to, new.claimed) = (old.sequence, old.mac, old.sealed_to, old.claimed)
        ELSE EXISTS (SELECT 1 FROM audit_segments WHERE number = new.number AND mac = new.mac
            AND first + entries - 1 = new.sequence) END)
BEGIN SELECT RAISE(ABORT, 'the end of the audit trail only advances'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_chain_refuse_insert BEFORE INSERT ON audit_chain
WHEN EXISTS (SELECT 1 FROM audit_chain)
BEGIN SELECT RAISE(ABORT, 'the end of the audit trail only advances'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_chain_refuse_delete BEFORE DELETE ON audit_chain
BEGIN SELECT RAISE(ABORT, 'the end of the audit trail is never deleted'); END;
-- +goose StatementEnd

-- Once the chains of audit_heads are closed, a program of an older release cannot append to them.
-- +goose StatementBegin
CREATE TRIGGER audit_entries_refuse_closed BEFORE INSERT ON audit_entries
WHEN (SELECT closed FROM audit_chain)
BEGIN SELECT RAISE(ABORT, 'the chains of audit entries are closed'); END;
-- +goose StatementEnd
