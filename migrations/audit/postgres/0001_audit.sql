-- +goose Up
CREATE TABLE audit_entries (
    chain         integer     NOT NULL,
    sequence      bigint      NOT NULL CONSTRAINT audit_entries_sequence_check CHECK (sequence >= 1), -- without gaps
    created_at    timestamptz NOT NULL, -- not before that of the previous entry
    id            uuid        NOT NULL,
    request_id    text        NOT NULL,
    actor_id      uuid, -- NULL: not signed in
    role          text        NOT NULL,
    session_id    uuid,
    address       text        NOT NULL, -- of the client
    action        text        NOT NULL,
    resource_type text        NOT NULL,
    resource_id   uuid,
    patient_id    uuid, -- no foreign key: entries outlive the records
    outcome       text        NOT NULL CONSTRAINT audit_entries_outcome_check CHECK (outcome IN ('success', 'refused', 'failed')),
    status        integer     NOT NULL,
    ids           text        NOT NULL, -- of the records in the response, separated by commas
    id_count      bigint      NOT NULL,
    fields        text        NOT NULL, -- names of the changed fields, separated by commas; no values
    key_id        text        NOT NULL,
    mac           bytea       NOT NULL,
    PRIMARY KEY (chain, sequence, created_at)
) PARTITION BY RANGE (created_at);
-- For the orderings of the lists. The index of all entries starts with the chain, which lists of one actor or patient
-- do not name, so that no plan scans it for them.
CREATE INDEX audit_entries_chain_created_at_idx ON audit_entries (chain, created_at DESC, id DESC);
CREATE INDEX audit_entries_actor_id_created_at_idx ON audit_entries (actor_id, created_at DESC, id DESC);
CREATE INDEX audit_entries_patient_id_created_at_idx ON audit_entries (patient_id, created_at DESC, id DESC);

-- One row per chain, locked by appends: the last entry, and the anchor that the first remaining entry follows.
CREATE TABLE audit_heads (
    chain           integer PRIMARY KEY,
    sequence        bigint NOT NULL,
    mac             bytea  NOT NULL,
    last_at         timestamptz, -- NULL while the chain is empty
    anchor_sequence bigint NOT NULL, -- entries up to it are pruned and may be deleted
    anchor_mac      bytea  NOT NULL,
    CONSTRAINT audit_heads_anchor_check CHECK (anchor_sequence <= sequence)
);
INSERT INTO audit_heads (chain, sequence, mac, anchor_sequence, anchor_mac) VALUES
    (1, 0, '\x5f756d5b371031f91cb86c542198e7f9d3237bd94e62e3c55a864162bbbed364', 0, '\x5f756d5b371031f91cb86c542198e7f9d3237bd94e62e3c55a864162bbbed364');

-- The trail only grows, and heads and anchors only advance. Class 23 reports a violation as one of a constraint.
-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME <> 'audit_heads' THEN
        IF OLD.sequence <= (SELECT anchor_sequence FROM audit_heads WHERE chain = OLD.chain) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail only grows' USING ERRCODE = '23000';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_entries_refuse BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_entries_refuse_truncate BEFORE TRUNCATE ON audit_entries EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_heads_refuse BEFORE UPDATE ON audit_heads FOR EACH ROW
    WHEN (new.chain <> old.chain OR new.sequence < old.sequence OR new.anchor_sequence < old.anchor_sequence) EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_heads_refuse_delete BEFORE DELETE ON audit_heads FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_heads_refuse_truncate BEFORE TRUNCATE ON audit_heads EXECUTE FUNCTION audit_refuse();

-- audit_add_partition creates one partition of audit_entries. It inherits the row triggers, but not that of TRUNCATE.
-- +goose StatementBegin
CREATE FUNCTION audit_add_partition(part text, bounds text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I PARTITION OF audit_entries %s', part, bounds);
    EXECUTE format('CREATE TRIGGER audit_entries_refuse_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION audit_refuse()', part);
END $$;
-- +goose StatementEnd
SELECT audit_add_partition('audit_entries_default', 'DEFAULT');

-- audit_ensure_month creates the partition of a month, in UTC. If entries of the month are in the default partition
-- already, the rest of the month goes there too. It runs as the owner, so that the application's role owns nothing.
-- +goose StatementBegin
CREATE FUNCTION audit_ensure_month(at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    month timestamp := date_trunc('month', at AT TIME ZONE 'UTC');
    part text := 'audit_entries_' || to_char(month, 'YYYY_MM');
BEGIN
    IF to_regclass(part) IS NULL THEN
        PERFORM audit_add_partition(part, format('FOR VALUES FROM (%L) TO (%L)',
            to_char(month, 'YYYY-MM-DD') || 'T00:00:00Z', to_char(month + interval '1 month', 'YYYY-MM-DD') || 'T00:00:00Z'));
    END IF;
EXCEPTION WHEN duplicate_table OR check_violation THEN NULL; -- another instance created it, or the default partition has entries of the month
END $$;
-- +goose StatementEnd

-- audit_drop_months drops the partitions of months that ended before an instant. Only the owner may call it. A partition
-- with an entry that is not pruned is kept.
-- +goose StatementBegin
CREATE FUNCTION audit_drop_months(before timestamptz) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    part regclass;
    kept boolean;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'audit_entries'::regclass AND relname ~ '^audit_entries_\d{4}_\d{2}$'
        AND to_date(right(relname, 7), 'YYYY_MM') + interval '1 month' <= before AT TIME ZONE 'UTC'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM audit_heads h WHERE (SELECT max(sequence) FROM %s WHERE chain = h.chain) > h.anchor_sequence)', part) INTO kept;
        IF NOT kept THEN
            EXECUTE format('DROP TABLE %s', part);
        END IF;
    END LOOP;
END $$;
-- +goose StatementEnd
