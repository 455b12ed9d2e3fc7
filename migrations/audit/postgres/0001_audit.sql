-- +goose Up
CREATE TABLE audit_entries (
    chain         integer     NOT NULL,
    sequence      bigint      NOT NULL CONSTRAINT audit_entries_sequence_check CHECK (sequence >= 1), -- without gaps
    created_at    timestamptz NOT NULL, -- never before that of the entry before it
    id            uuid        NOT NULL,
    request_id    text        NOT NULL,
    actor_id      uuid, -- NULL: nobody signed in
    role          text        NOT NULL,
    session_id    uuid,
    address       text        NOT NULL, -- the client's
    action        text        NOT NULL,
    resource_type text        NOT NULL,
    resource_id   uuid,
    patient_id    uuid, -- no foreign key: the trail outlives what it tells of
    outcome       text        NOT NULL CONSTRAINT audit_entries_outcome_check CHECK (outcome IN ('success', 'refused', 'failed')),
    status        integer     NOT NULL,
    ids           text        NOT NULL, -- of what was answered, separated by commas
    id_count      bigint      NOT NULL,
    fields        text        NOT NULL, -- names of what changed, separated by commas; never a value
    key_id        text        NOT NULL,
    mac           bytea       NOT NULL,
    PRIMARY KEY (chain, sequence, created_at)
) PARTITION BY RANGE (created_at);
-- The lists' orders. That of all entries leads with the chain, which lists of one actor or patient do not name: so no plan can serve those by walking
-- through everyone's entries.
CREATE INDEX audit_entries_chain_created_at_idx ON audit_entries (chain, created_at DESC, id DESC);
CREATE INDEX audit_entries_actor_id_created_at_idx ON audit_entries (actor_id, created_at DESC, id DESC);
CREATE INDEX audit_entries_patient_id_created_at_idx ON audit_entries (patient_id, created_at DESC, id DESC);

-- One row per chain, which whoever appends locks: where it ends, and what the first entry that is left follows.
CREATE TABLE audit_heads (
    chain           integer PRIMARY KEY,
    sequence        bigint NOT NULL,
    mac             bytea  NOT NULL,
    last_at         timestamptz, -- NULL while the chain is empty
    anchor_sequence bigint NOT NULL, -- entries up to it may be deleted: they are pruned
    anchor_mac      bytea  NOT NULL,
    CONSTRAINT audit_heads_anchor_check CHECK (anchor_sequence <= sequence)
);
INSERT INTO audit_heads (chain, sequence, mac, anchor_sequence, anchor_mac) VALUES
    (1, 0, '\x5f756d5b371031f91cb86c542198e7f9d3237bd94e62e3c55a864162bbbed364', 0, '\x5f756d5b371031f91cb86c542198e7f9d3237bd94e62e3c55a864162bbbed364');

-- The trail only grows, and heads and anchors only advance. The class 23 makes a refusal one of a constraint's.
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

-- audit_add_partition makes one part of audit_entries; the row triggers come with it, that of TRUNCATE does not.
-- +goose StatementBegin
CREATE FUNCTION audit_add_partition(part text, bounds text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I PARTITION OF audit_entries %s', part, bounds);
    EXECUTE format('CREATE TRIGGER audit_entries_refuse_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION audit_refuse()', part);
END $$;
-- +goose StatementEnd
SELECT audit_add_partition('audit_entries_default', 'DEFAULT');

-- audit_ensure_month makes the partition that instants of a month, in UTC, go to. Entries for which nobody has made one stand in the default one, and
-- so do those of the rest of their month. It runs as the owner, so that the application's role need not own anything.
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
EXCEPTION WHEN duplicate_table OR check_violation THEN NULL; -- another instance was faster, or the month has begun in the default partition
END $$;
-- +goose StatementEnd

-- audit_drop_months drops the partitions whose months are over before an instant. Only the owner can. An entry that is not pruned keeps its partition.
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
