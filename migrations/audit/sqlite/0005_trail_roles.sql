-- +goose Up
-- The anchor is moved to a segment that exists, before the segments up to it are deleted.
-- +goose StatementBegin
CREATE TRIGGER audit_chain_anchor BEFORE UPDATE ON audit_chain
WHEN (new.anchor_number, new.anchor_sequence, new.anchor_mac) IS NOT (old.anchor_number, old.anchor_sequence, old.anchor_mac)
    AND NOT EXISTS (SELECT 1 FROM audit_segments WHERE number = new.anchor_number AND mac = new.anchor_mac
        AND first + entries - 1 = new.anchor_sequence)
BEGIN SELECT RAISE(ABORT, 'the anchor of the audit trail is a segment'); END;
-- +goose StatementEnd
-- The index of a block is written after its segments, and ends with the row of the term that lists blocks. Rows inserted earlier
-- would be taken for those of the block. A copy inserts the index of a trail that is still empty.
-- +goose StatementBegin
CREATE TRIGGER audit_index_refuse_other BEFORE INSERT ON audit_index
WHEN (new.block > (SELECT number FROM audit_chain)
    OR new.block <= (SELECT max(block) FROM audit_index WHERE term = x'7a00000000000000000000000000000000')
    AND NOT EXISTS (SELECT 1 FROM audit_index WHERE term = new.term AND block = new.block))
BEGIN SELECT RAISE(ABORT, 'rows of the index of the audit trail are of its open block'); END;
-- +goose StatementEnd
