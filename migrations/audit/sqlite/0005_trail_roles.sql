-- +goose Up
-- The anchor is moved to a segment that exists, before the segments up to it are deleted.
-- +goose StatementBegin
CREATE TRIGGER audit_chain_anchor BEFORE UPDATE ON audit_chain
WHEN (new.anchor_number, new.anchor_sequence, new.anchor_mac) IS NOT (old.anchor_number, old.anchor_sequence, old.anchor_mac)
    AND NOT EXISTS (SELECT 1 FROM audit_segments WHERE number = new.anchor_number AND mac = new.anchor_mac
        AND first + entries - 1 = new.anchor_sequence)
BEGIN SELECT RAISE(ABORT, 'the anchor of the audit trail is a segment'); END;
-- +goose StatementEnd
