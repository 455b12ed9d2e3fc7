-- +goose Up
-- The anchor is moved to a segment that exists, before the segments up to it are deleted.
-- +goose StatementBegin
CREATE TRIGGER audit_chain_anchor BEFORE UPDATE ON audit_chain
WHEN (new.anchor_number, new.anchor_sequence, new.anchor_mac) IS NOT (old.anchor_number, old.anchor_sequence, old.anchor_mac)
    AND NOT EXISTS (SELECT 1 FROM audit_segments WHERE number = new.anchor_number AND mac = new.anchor_mac
        AND first + entries - 1 = new.anchor_sequence)
BEGIN SELECT RAISE(ABORT, 'the anchor of the audit trail is a segment'); END;
-- +goose StatementEnd
-- The index is written after the segments. Rows that are inserted earlier would be taken for those of the block. A copy
-- inserts the index of a trail that is still empty.
-- +goose StatementBegin
CREATE TRIGGER audit_index_refuse_early BEFORE INSERT ON audit_index
WHEN new.block > (SELECT number FROM audit_chain)
BEGIN SELECT RAISE(ABORT, 'the index of the audit trail is of segments that exist'); END;
-- +goose StatementEnd
