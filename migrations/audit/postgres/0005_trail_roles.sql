-- +goose Up
-- The anchor is moved to a segment that exists, before the segments up to it are deleted.
-- +goose StatementBegin
CREATE FUNCTION audit_anchor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM audit_segments WHERE number = NEW.anchor_number AND mac = NEW.anchor_mac
        AND first + entries - 1 = NEW.anchor_sequence) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the anchor of the audit trail is a segment' USING ERRCODE = '23000';
END $$;
-- +goose StatementEnd
-- The index of a block is written after its segments, and ends with the row of the term that lists blocks. Rows inserted earlier
-- would be taken for those of the block. A copy inserts the index of a trail that is still empty.
-- +goose StatementBegin
CREATE FUNCTION audit_refuse_other() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last     bigint := (SELECT number FROM audit_chain);
    complete bigint := (SELECT max(block) FROM audit_index WHERE term = '\x7a00000000000000000000000000000000'
        AND block NOT IN (SELECT block FROM added WHERE term = '\x7a00000000000000000000000000000000'));
BEGIN
    IF last IS NOT NULL AND EXISTS (SELECT FROM added WHERE block > last OR block <= complete) THEN
        RAISE EXCEPTION 'rows of the index of the audit trail are of its open block' USING ERRCODE = '23000';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_index_refuse_other AFTER INSERT ON audit_index REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_other();
CREATE TRIGGER audit_chain_anchor BEFORE UPDATE ON audit_chain FOR EACH ROW
    WHEN ((NEW.anchor_number, NEW.anchor_sequence, NEW.anchor_mac) IS DISTINCT FROM
        (OLD.anchor_number, OLD.anchor_sequence, OLD.anchor_mac))
    EXECUTE FUNCTION audit_anchor();

-- The serving role could create temporary tables with the names that the functions use: temporary tables are searched
-- first unless pg_temp is in the search path (PostgreSQL manual, section "Writing SECURITY DEFINER Functions Safely").
-- +goose StatementBegin
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_refuse()', 'audit_add_partition(text, text)', 'audit_ensure_month(timestamptz)',
        'audit_drop_months(timestamptz)', 'audit_refuse_change()', 'audit_refuse_unsealed()', 'audit_refuse_unpruned()',
        'audit_advance()', 'audit_refuse_closed()', 'audit_refuse_other()', 'audit_anchor()']
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;
-- +goose StatementEnd

-- Only the owner prunes. The serving role advances the end and closes the chains of earlier releases.
-- +goose StatementBegin
DO $$
DECLARE
    application text;
BEGIN
    FOR application IN SELECT DISTINCT CASE grantee WHEN 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(grantee) END
        FROM information_schema.role_table_grants WHERE table_schema = current_schema() AND table_name = 'audit_chain'
        AND privilege_type = 'UPDATE' AND grantee <> current_user
    LOOP
        EXECUTE 'REVOKE UPDATE ON audit_chain FROM ' || application;
        EXECUTE 'GRANT UPDATE (number, sequence, mac, sealed_to, claimed, closed) ON audit_chain TO ' || application;
    END LOOP;
END $$;
-- +goose StatementEnd
