CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE FUNCTION public.audit_add_partition(part text, bounds text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I PARTITION OF audit_entries %s', part, bounds);
    EXECUTE format('CREATE TRIGGER audit_entries_refuse_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION audit_refuse()', part);
END $$;
CREATE FUNCTION public.audit_drop_months(before timestamp with time zone) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $_$
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
END $_$;
CREATE FUNCTION public.audit_ensure_month(at timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '$user', 'public'
    AS $$
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
CREATE FUNCTION public.audit_refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME <> 'audit_heads' THEN
        IF OLD.sequence <= (SELECT anchor_sequence FROM audit_heads WHERE chain = OLD.chain) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail only grows' USING ERRCODE = '23000';
END $$;
CREATE TABLE public.assignments (
    id uuid NOT NULL,
    owner_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    doctor_id uuid NOT NULL,
    assigned_at timestamp with time zone NOT NULL
);
CREATE TABLE public.audit_entries (
    chain integer NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    request_id text NOT NULL,
    actor_id uuid,
    role text NOT NULL,
    session_id uuid,
    address text NOT NULL,
    action text NOT NULL,
    resource_type text NOT NULL,
    resource_id uuid,
    patient_id uuid,
    outcome text NOT NULL,
    status integer NOT NULL,
    ids text NOT NULL,
    id_count bigint NOT NULL,
    fields text NOT NULL,
    key_id text NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT audit_entries_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'refused'::text, 'failed'::text]))),
    CONSTRAINT audit_entries_sequence_check CHECK ((sequence >= 1))
)
PARTITION BY RANGE (created_at);
CREATE TABLE public.audit_entries_2026_11 (
    chain integer NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    request_id text NOT NULL,
    actor_id uuid,
    role text NOT NULL,
    session_id uuid,
    address text NOT NULL,
    action text NOT NULL,
    resource_type text NOT NULL,
    resource_id uuid,
    patient_id uuid,
    outcome text NOT NULL,
    status integer NOT NULL,
    ids text NOT NULL,
    id_count bigint NOT NULL,
    fields text NOT NULL,
    key_id text NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT audit_entries_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'refused'::text, 'failed'::text]))),
    CONSTRAINT audit_entries_sequence_check CHECK ((sequence >= 1))
);
CREATE TABLE public.audit_entries_2026_12 (
    chain integer NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    request_id text NOT NULL,
    actor_id uuid,
    role text NOT NULL,
    session_id uuid,
    address text NOT NULL,
    action text NOT NULL,
    resource_type text NOT NULL,
    resource_id uuid,
    patient_id uuid,
    outcome text NOT NULL,
    status integer NOT NULL,
    ids text NOT NULL,
    id_count bigint NOT NULL,
    fields text NOT NULL,
    key_id text NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT audit_entries_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'refused'::text, 'failed'::text]))),
    CONSTRAINT audit_entries_sequence_check CHECK ((sequence >= 1))
);
CREATE TABLE public.audit_entries_default (
    chain integer NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    request_id text NOT NULL,
    actor_id uuid,
    role text NOT NULL,
    session_id uuid,
    address text NOT NULL,
    action text NOT NULL,
    resource_type text NOT NULL,
    resource_id uuid,
    patient_id uuid,
    outcome text NOT NULL,
    status integer NOT NULL,
    ids text NOT NULL,
    id_count bigint NOT NULL,
    fields text NOT NULL,
    key_id text NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT audit_entries_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'refused'::text, 'failed'::text]))),
    CONSTRAINT audit_entries_sequence_check CHECK ((sequence >= 1))
);
CREATE TABLE public.audit_heads (
    chain integer NOT NULL,
    sequence bigint NOT NULL,
    mac bytea NOT NULL,
    last_at timestamp with time zone,
    anchor_sequence bigint NOT NULL,
    anchor_mac bytea NOT NULL,
    CONSTRAINT audit_heads_anchor_check CHECK ((anchor_sequence <= sequence))
);
CREATE TABLE public.audit_subjects (
    patient_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    chain integer NOT NULL,
    sequence bigint NOT NULL
);
CREATE TABLE public.breaking_migrations (
    module text NOT NULL,
    version bigint NOT NULL
);
CREATE TABLE public.closed_accounts (
    user_id uuid NOT NULL,
    session_id uuid NOT NULL,
    role text NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    CONSTRAINT closed_accounts_role_check CHECK (((length(role) >= 1) AND (length(role) <= 32)))
);
CREATE TABLE public.doctor_creators (
    doctor_id uuid NOT NULL,
    user_id uuid NOT NULL
);
CREATE TABLE public.doctor_removals (
    doctor_id uuid NOT NULL,
    reassign_to uuid,
    user_id uuid NOT NULL,
    session_id uuid NOT NULL,
    role text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    CONSTRAINT doctor_removals_role_check CHECK (((length(role) >= 1) AND (length(role) <= 64)))
);
CREATE TABLE public.doctors (
    id uuid NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    specialization text NOT NULL COLLATE pg_catalog."C",
    experience integer NOT NULL,
    email text NOT NULL,
    phone text NOT NULL,
    license_number text,
    search_text text DEFAULT ''::text NOT NULL,
    version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT doctors_experience_check CHECK (((experience >= 0) AND (experience <= 80))),
    CONSTRAINT doctors_name_check CHECK (((length(name) >= 1) AND (length(name) <= 255))),
    CONSTRAINT doctors_specialization_check CHECK (((length(specialization) >= 1) AND (length(specialization) <= 255)))
);
CREATE TABLE public.goose_assignments (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.goose_assignments ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.goose_assignments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.goose_audit (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.goose_audit ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.goose_audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.goose_doctors (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.goose_doctors ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.goose_doctors_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.goose_identity (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.goose_identity ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.goose_identity_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.goose_patients (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.goose_patients ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.goose_patients_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.goose_platform (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.goose_platform ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.goose_platform_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.idempotency_keys (
    user_id uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    status integer NOT NULL,
    header text NOT NULL,
    body bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.jobs (
    id uuid NOT NULL,
    kind text NOT NULL,
    parameters text NOT NULL,
    state text NOT NULL,
    done bigint NOT NULL,
    total bigint NOT NULL,
    failures integer NOT NULL,
    due_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    CONSTRAINT jobs_kind_check CHECK (((length(kind) >= 1) AND (length(kind) <= 100))),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'running'::text, 'done'::text, 'failed'::text])))
);
CREATE TABLE public.known_clients (
    user_id uuid NOT NULL,
    client text NOT NULL,
    signed_in_at timestamp with time zone NOT NULL
);
CREATE UNLOGGED TABLE public.last_writes (
    slot integer NOT NULL,
    "position" bigint NOT NULL
);
CREATE TABLE public.patients (
    id uuid NOT NULL,
    owner_id uuid NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    gender text NOT NULL,
    age integer,
    birth_date date,
    email text NOT NULL,
    phone text NOT NULL,
    address text NOT NULL,
    medical_record_number text,
    notes text NOT NULL,
    search_text text DEFAULT ''::text NOT NULL,
    version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT patients_age_check CHECK (((age >= 0) AND (age <= 150))),
    CONSTRAINT patients_age_or_birth_date_check CHECK (((age IS NULL) <> (birth_date IS NULL))),
    CONSTRAINT patients_gender_check CHECK ((gender = ANY (ARRAY['Male'::text, 'Female'::text, 'Other'::text, 'Unknown'::text]))),
    CONSTRAINT patients_name_check CHECK (((length(name) >= 1) AND (length(name) <= 255)))
);
CREATE TABLE public.registrations (
    network text NOT NULL,
    full_at timestamp with time zone NOT NULL
);
CREATE TABLE public.sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    generation integer NOT NULL,
    client text NOT NULL,
    address text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT sessions_generation_check CHECK ((generation >= 0))
);
CREATE TABLE public.signin_attempts (
    key text NOT NULL,
    failures integer NOT NULL,
    first_at timestamp with time zone,
    last_at timestamp with time zone,
    succeeded_at timestamp with time zone,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT signin_attempts_failures_check CHECK ((failures >= 0))
);
CREATE TABLE public.user_mailboxes (
    user_id uuid NOT NULL,
    mailbox text NOT NULL,
    holds boolean NOT NULL,
    CONSTRAINT user_mailboxes_mailbox_check CHECK (((length(mailbox) >= 1) AND (length(mailbox) <= 1000)))
);
CREATE TABLE public.users (
    id uuid NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    email text NOT NULL,
    mailbox text NOT NULL,
    username text NOT NULL,
    password_hash text NOT NULL,
    active boolean NOT NULL,
    token_version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    role text DEFAULT 'staff'::text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    search_text text DEFAULT ''::text NOT NULL,
    CONSTRAINT users_email_check CHECK (((length(email) >= 3) AND (length(email) <= 254))),
    CONSTRAINT users_name_check CHECK (((length(name) >= 1) AND (length(name) <= 255))),
    CONSTRAINT users_role_check CHECK (((length(role) >= 1) AND (length(role) <= 32))),
    CONSTRAINT users_username_check CHECK (((length(username) >= 1) AND (length(username) <= 150)))
);
ALTER TABLE ONLY public.audit_entries ATTACH PARTITION public.audit_entries_2026_11 FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00');
ALTER TABLE ONLY public.audit_entries ATTACH PARTITION public.audit_entries_2026_12 FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');
ALTER TABLE ONLY public.audit_entries ATTACH PARTITION public.audit_entries_default DEFAULT;
INSERT INTO public.assignments VALUES
	('01a226d4-6fe3-77c5-8be7-8acfed12bb4b', '01a226d4-674f-7d1d-9090-0ad2e9956be5', '01a226d4-6b64-752f-be55-47f93d8ef9ec', '01a226d4-6f32-7013-9b47-e2497d9e6295', '2026-11-29 10:23:06.211504+00');
INSERT INTO public.audit_entries_2026_11 VALUES
	(1, 1, '2026-11-29 10:23:04.038216+00', '01a226d4-6765-7839-8e8d-9b2475b72acc', '01a226d4-673d-79e5-a4d0-d82bddc03c05', NULL, '', NULL, '127.0.0.1', 'create', 'User', '01a226d4-674f-7d1d-9090-0ad2e9956be5', NULL, 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\x87b52c4864eb1b92fbd50f39812d3320d40009910ec0fd0345394a67f0b10558'),
	(1, 2, '2026-11-29 10:23:04.315255+00', '01a226d4-687a-747f-ab64-296721907957', '01a226d4-685b-7707-af4f-53ba92644273', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 'staff', '01a226d4-686a-790e-8da1-e2ad2e8dd5fb', '127.0.0.1', 'login', 'Session', '01a226d4-686a-790e-8da1-e2ad2e8dd5fb', NULL, 'success', 200, '', 0, '', 'QfTkp3Kmfk4', '\x5557dfa8ea439242741920f923875414df3987e0571feacb6b1a7d8b14690613'),
	(1, 3, '2026-11-29 10:23:04.423934+00', '01a226d4-68e7-71d8-9c91-deb54d443588', '01a226d4-68dd-7ae8-8f7e-7423e36f33f4', NULL, '', NULL, '127.0.0.1', 'create', 'User', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', NULL, 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\x6d1d6bd0497ea27901fc7654454a59b9f60fefddb5a16cc04425bb372a71f5a7'),
	(1, 4, '2026-11-29 10:23:04.554946+00', '01a226d4-696a-7925-944c-19d42239a0d0', '01a226d4-693b-76a5-8730-370ad891ab67', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'login', 'Session', '01a226d4-695b-7ea5-a863-d43b2c67c6af', NULL, 'success', 200, '', 0, '', 'QfTkp3Kmfk4', '\x7a200c5f7046c00418042bb8735d67eb1899880d2b7f842d0c5019c4e3b664a5'),
	(1, 5, '2026-11-29 10:23:05.079531+00', '01a226d4-6b75-79a4-9691-e7c727467f0f', '01a226d4-6b61-7407-83ac-5a2fd5cdf1ca', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 'staff', '01a226d4-686a-790e-8da1-e2ad2e8dd5fb', '127.0.0.1', 'create', 'Patient', '01a226d4-6b64-752f-be55-47f93d8ef9ec', '01a226d4-6b64-752f-be55-47f93d8ef9ec', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\x9eec07794a6dfb0a3da913d85f81884516a35d91de0a649855a14ba47e469168'),
	(1, 6, '2026-11-29 10:23:05.664545+00', '01a226d4-6dbf-7f2d-ba9f-5bd6dd8891a0', '01a226d4-6db8-7dc7-8bfa-9524bdcb4868', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'create', 'Patient', '01a226d4-6dbc-743f-ab23-94cd9a216f9a', '01a226d4-6dbc-743f-ab23-94cd9a216f9a', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\xfefef086b9d902b96eadb592db247247bd732eaabec93cdcdc16895289284ecc'),
	(1, 7, '2026-11-29 10:23:06.055486+00', '01a226d4-6f47-703e-a2b3-219069472091', '01a226d4-6f30-7224-8c4a-17dfe56aaefe', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 'staff', '01a226d4-686a-790e-8da1-e2ad2e8dd5fb', '127.0.0.1', 'create', 'Doctor', '01a226d4-6f32-7013-9b47-e2497d9e6295', NULL, 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\xee11ec97101d79cdf65324c16be3891cdae712c965a35c53a1accfebaff247da'),
	(1, 8, '2026-11-29 10:23:06.250203+00', '01a226d4-7006-7025-8140-72c069547f78', '01a226d4-6fda-7724-b632-b1b1c182b923', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 'staff', '01a226d4-686a-790e-8da1-e2ad2e8dd5fb', '127.0.0.1', 'create', 'Assignment', '01a226d4-6fe3-77c5-8be7-8acfed12bb4b', '01a226d4-6b64-752f-be55-47f93d8ef9ec', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\x7483d8746689d16ab3f9dda8f8673cf4c7c038299849749033211a6760c4479d'),
	(1, 9, '2026-11-29 10:23:06.615067+00', '01a226d4-7176-792a-92cc-6d1e60f334e4', '01a226d4-7169-783b-9e9f-8bad53b8206b', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 'staff', '01a226d4-686a-790e-8da1-e2ad2e8dd5fb', '127.0.0.1', 'update', 'Patient', '01a226d4-6b64-752f-be55-47f93d8ef9ec', '01a226d4-6b64-752f-be55-47f93d8ef9ec', 'success', 200, '', 0, 'notes', 'QfTkp3Kmfk4', '\xa3861ec71d1cca75c0475c80c3ffce7e4ad4addff23c37acfa5b9e7eeac8deb4'),
	(1, 10, '2026-11-29 10:23:06.836632+00', '01a226d4-7253-7664-bf2b-32a23dc3e5fb', '01a226d4-724d-72b9-8039-e531812b1349', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 'staff', '01a226d4-686a-790e-8da1-e2ad2e8dd5fb', '127.0.0.1', 'search', 'Patient', NULL, NULL, 'success', 200, '01a226d4-6b64-752f-be55-47f93d8ef9ec', 1, '', 'QfTkp3Kmfk4', '\x72d31311ba689e3f86526f69d257fea873168446542369682b507b088a7dfd34'),
	(1, 11, '2026-11-29 10:23:07.035929+00', '01a226d4-731a-7a90-b6fd-e188c1e2a718', '01a226d4-7317-7660-88c8-4b2f3e451be1', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 'staff', '01a226d4-686a-790e-8da1-e2ad2e8dd5fb', '127.0.0.1', 'refused', 'Patient', '01a226d4-6dbc-743f-ab23-94cd9a216f9a', '01a226d4-6dbc-743f-ab23-94cd9a216f9a', 'refused', 404, '', 0, '', 'QfTkp3Kmfk4', '\x396b62e9d51de3632b169bbb5d3cbe0bebd4913cb67132c6c558b6c66a812df7'),
	(1, 12, '2026-11-29 10:23:07.192246+00', '01a226d4-73b7-7ad1-add7-d5ef3e53258d', '01a226d4-73b3-743c-bca1-e93d890d88f9', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'read', 'Patient', '01a226d4-6dbc-743f-ab23-94cd9a216f9a', '01a226d4-6dbc-743f-ab23-94cd9a216f9a', 'success', 200, '', 0, '', 'QfTkp3Kmfk4', '\x60a239b63ddbc63e62d94baf97f96ca4554bd67336d5eb58166b75ac4200a8c4'),
	(1, 13, '2026-11-29 10:23:07.365114+00', '01a226d4-7464-7898-892a-bae8176708bc', '01a226d4-745f-7ebb-9cd7-cf5d53e60295', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'delete', 'Patient', '01a226d4-6dbc-743f-ab23-94cd9a216f9a', '01a226d4-6dbc-743f-ab23-94cd9a216f9a', 'success', 204, '', 0, '', 'QfTkp3Kmfk4', '\x6c5792cb1825db876f19333d4b20a96ef5aaae8f5ef8db40dd5be6e582b48498'),
	(1, 14, '2026-11-29 10:23:07.430803+00', '01a226d4-74a6-75d6-bce2-d1e2fed69e42', '01a226d4-74a1-7cc6-b5da-a91b8a7e7aa9', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 'staff', '01a226d4-686a-790e-8da1-e2ad2e8dd5fb', '127.0.0.1', 'list', 'Assignment', NULL, '01a226d4-6b64-752f-be55-47f93d8ef9ec', 'success', 200, '01a226d4-6fe3-77c5-8be7-8acfed12bb4b', 1, '', 'QfTkp3Kmfk4', '\xb48e93fb6cb91c6a6931fcba894fb504468a45011c05a7a730619598baba37f6'),
	(1, 15, '2026-11-29 10:23:07.518606+00', '01a226d4-74fe-710f-9ca7-dbf67cf6998a', '01a226d4-74fc-71bf-9252-b209a8ab1f0e', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 'staff', '01a226d4-686a-790e-8da1-e2ad2e8dd5fb', '127.0.0.1', 'read', 'Patient', '01a226d4-6b64-752f-be55-47f93d8ef9ec', '01a226d4-6b64-752f-be55-47f93d8ef9ec', 'success', 200, '', 0, '', 'QfTkp3Kmfk4', '\xc71366391c2a8d2f0aaed2021fd7c901aea340aeef2cf167f6769f04c7f3b4be'),
	(1, 16, '2026-11-29 10:23:08.417575+00', '01a226d4-7880-7ef5-9275-66a6ba83b89a', '01a226d4-787e-749a-a4c2-da6860227a50', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'create', 'Patient', '01a226d4-787f-7985-882b-baeecbb0cdc4', '01a226d4-787f-7985-882b-baeecbb0cdc4', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\xe93f7bd3d8dfc99ee408666da1c3cd4e159e44a3daa1d2c570841fc8e615591f'),
	(1, 17, '2026-11-29 10:23:08.64503+00', '01a226d4-7964-7cb8-9991-c03ef89bbb6d', '01a226d4-795d-7e44-bd47-32caf88c82f9', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'create', 'Patient', '01a226d4-7963-7d91-b4ac-9e6fd3e8324e', '01a226d4-7963-7d91-b4ac-9e6fd3e8324e', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\x52b9f9dbc30277cb84d722b3de1bae7b3cab1d7e323cb4c54a817b432baca3a0'),
	(1, 18, '2026-11-29 10:23:09.12018+00', '01a226d4-7b38-78c9-8645-94a4d49d8676', '01a226d4-7af1-725f-8f60-26548bbaa55e', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'create', 'Patient', '01a226d4-7b31-73eb-b487-b76c22723bd2', '01a226d4-7b31-73eb-b487-b76c22723bd2', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\xb649de7a316edcd1c318c4e2e7b478a8851ef48ec37a6127d3eac5a7cee4b58f'),
	(2, 1, '2026-11-29 10:23:09.270974+00', '01a226d4-7bd5-792d-8693-7cd2e693d612', '01a226d4-7bcd-7c12-90da-88bd967ae003', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'create', 'Patient', '01a226d4-7bd4-7ce3-ba5d-6ece486e3c82', '01a226d4-7bd4-7ce3-ba5d-6ece486e3c82', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\x83588d77782291f1124e47a09467f604a1d84b4d76b102e8a4c67412df30fe72'),
	(3, 1, '2026-11-29 10:23:09.294721+00', '01a226d4-7bc0-7db4-80c1-75c675d50068', '01a226d4-7af1-7c3b-97dd-cf4761755dfa', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'create', 'Patient', '01a226d4-7b40-7352-ac5f-7ce31872118e', '01a226d4-7b40-7352-ac5f-7ce31872118e', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\x6436abe27e2921a6ce8f2e70728bca8a4cbc1b5f0123fbed93efd65cd9055548'),
	(1, 19, '2026-11-29 10:23:09.411364+00', '01a226d4-7c20-700a-802d-ef17cb0d20be', '01a226d4-7af9-7640-972b-af8b3e1c4063', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'create', 'Patient', '01a226d4-7b84-765d-a9d0-970abced50a2', '01a226d4-7b84-765d-a9d0-970abced50a2', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\x9302e0bf15bc1542cf8f6e7e7abcc9bd8227777d82be0a98bba7ed625ecbe535'),
	(2, 2, '2026-11-29 10:23:09.418205+00', '01a226d4-7c66-7d55-945f-fc69ce0155c2', '01a226d4-7c61-76f6-80b2-bd20d6d81ab7', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'create', 'Patient', '01a226d4-7c62-7801-821c-1db99d1aae12', '01a226d4-7c62-7801-821c-1db99d1aae12', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\xcff980f0e737e02edfe3407fc5f1f5c5a1a2d53baea606bbe8e0dc5b46dcfe7a'),
	(1, 20, '2026-11-29 10:23:09.524254+00', '01a226d4-7cd2-7b16-a09b-2abaf8684c3a', '01a226d4-7ca8-7651-a6d9-d514e9d0ebce', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'staff', '01a226d4-695b-7ea5-a863-d43b2c67c6af', '127.0.0.1', 'create', 'Patient', '01a226d4-7ca9-75e1-bec1-5e78bd7b9436', '01a226d4-7ca9-75e1-bec1-5e78bd7b9436', 'success', 201, '', 0, '', 'QfTkp3Kmfk4', '\x4d099c6e3753d41480e8ff6e1439fddd15d9135fb1c9458ba329bcad4b4facd9');
INSERT INTO public.audit_heads VALUES
	(4, 0, '\x5cca2299134ac1afcd41414465cec2824e998961ab25cf3036c6855dba213dad', NULL, 0, '\x5cca2299134ac1afcd41414465cec2824e998961ab25cf3036c6855dba213dad'),
	(5, 0, '\xffd1212a16f68d505cd6abe94c6ab921215220f60dfd117a06da8df790ddc9c6', NULL, 0, '\xffd1212a16f68d505cd6abe94c6ab921215220f60dfd117a06da8df790ddc9c6'),
	(6, 0, '\xf419f7e1201bcdc3f818b58e453643682ea88e72831c524c8f00f52d0c82dfc8', NULL, 0, '\xf419f7e1201bcdc3f818b58e453643682ea88e72831c524c8f00f52d0c82dfc8'),
	(7, 0, '\x77bf03be311387804671526e01e2f6a5bdb9da0b58cd9413ac5a5c81a120526d', NULL, 0, '\x77bf03be311387804671526e01e2f6a5bdb9da0b58cd9413ac5a5c81a120526d'),
	(8, 0, '\x0998025b09be9224e42673c5a8bc7a31f3b16c4ea90604e0e6f1c0549c9a8d44', NULL, 0, '\x0998025b09be9224e42673c5a8bc7a31f3b16c4ea90604e0e6f1c0549c9a8d44'),
	(3, 1, '\x6436abe27e2921a6ce8f2e70728bca8a4cbc1b5f0123fbed93efd65cd9055548', '2026-11-29 10:23:09.294721+00', 0, '\x5b268ad6739506cc224a660b9de3d454149e1c0a26caad9d1fea8176aa76fbe8'),
	(2, 2, '\xcff980f0e737e02edfe3407fc5f1f5c5a1a2d53baea606bbe8e0dc5b46dcfe7a', '2026-11-29 10:23:09.418205+00', 0, '\xe8235a5964bf0d2f768dfff46a44ca02a85bc3033225e6496cb139a9acf07ae0'),
	(1, 20, '\x4d099c6e3753d41480e8ff6e1439fddd15d9135fb1c9458ba329bcad4b4facd9', '2026-11-29 10:23:09.524254+00', 0, '\x5f756d5b371031f91cb86c542198e7f9d3237bd94e62e3c55a864162bbbed364');
INSERT INTO public.audit_subjects VALUES
	('01a226d4-6b64-752f-be55-47f93d8ef9ec', '2026-11-29 10:23:05.079531+00', '01a226d4-6b75-79a4-9691-e7c727467f0f', 1, 5),
	('01a226d4-6dbc-743f-ab23-94cd9a216f9a', '2026-11-29 10:23:05.664545+00', '01a226d4-6dbf-7f2d-ba9f-5bd6dd8891a0', 1, 6),
	('01a226d4-6b64-752f-be55-47f93d8ef9ec', '2026-11-29 10:23:06.250203+00', '01a226d4-7006-7025-8140-72c069547f78', 1, 8),
	('01a226d4-6b64-752f-be55-47f93d8ef9ec', '2026-11-29 10:23:06.615067+00', '01a226d4-7176-792a-92cc-6d1e60f334e4', 1, 9),
	('01a226d4-6b64-752f-be55-47f93d8ef9ec', '2026-11-29 10:23:06.836632+00', '01a226d4-7253-7664-bf2b-32a23dc3e5fb', 1, 10),
	('01a226d4-6dbc-743f-ab23-94cd9a216f9a', '2026-11-29 10:23:07.035929+00', '01a226d4-731a-7a90-b6fd-e188c1e2a718', 1, 11),
	('01a226d4-6dbc-743f-ab23-94cd9a216f9a', '2026-11-29 10:23:07.192246+00', '01a226d4-73b7-7ad1-add7-d5ef3e53258d', 1, 12),
	('01a226d4-6dbc-743f-ab23-94cd9a216f9a', '2026-11-29 10:23:07.365114+00', '01a226d4-7464-7898-892a-bae8176708bc', 1, 13),
	('01a226d4-6b64-752f-be55-47f93d8ef9ec', '2026-11-29 10:23:07.430803+00', '01a226d4-74a6-75d6-bce2-d1e2fed69e42', 1, 14),
	('01a226d4-6b64-752f-be55-47f93d8ef9ec', '2026-11-29 10:23:07.518606+00', '01a226d4-74fe-710f-9ca7-dbf67cf6998a', 1, 15),
	('01a226d4-787f-7985-882b-baeecbb0cdc4', '2026-11-29 10:23:08.417575+00', '01a226d4-7880-7ef5-9275-66a6ba83b89a', 1, 16),
	('01a226d4-7963-7d91-b4ac-9e6fd3e8324e', '2026-11-29 10:23:08.64503+00', '01a226d4-7964-7cb8-9991-c03ef89bbb6d', 1, 17),
	('01a226d4-7b31-73eb-b487-b76c22723bd2', '2026-11-29 10:23:09.12018+00', '01a226d4-7b38-78c9-8645-94a4d49d8676', 1, 18),
	('01a226d4-7bd4-7ce3-ba5d-6ece486e3c82', '2026-11-29 10:23:09.270974+00', '01a226d4-7bd5-792d-8693-7cd2e693d612', 2, 1),
	('01a226d4-7b40-7352-ac5f-7ce31872118e', '2026-11-29 10:23:09.294721+00', '01a226d4-7bc0-7db4-80c1-75c675d50068', 3, 1),
	('01a226d4-7b84-765d-a9d0-970abced50a2', '2026-11-29 10:23:09.411364+00', '01a226d4-7c20-700a-802d-ef17cb0d20be', 1, 19),
	('01a226d4-7c62-7801-821c-1db99d1aae12', '2026-11-29 10:23:09.418205+00', '01a226d4-7c66-7d55-945f-fc69ce0155c2', 2, 2),
	('01a226d4-7ca9-75e1-bec1-5e78bd7b9436', '2026-11-29 10:23:09.524254+00', '01a226d4-7cd2-7b16-a09b-2abaf8684c3a', 1, 20);
INSERT INTO public.doctor_creators VALUES
	('01a226d4-6f32-7013-9b47-e2497d9e6295', '01a226d4-674f-7d1d-9090-0ad2e9956be5');
INSERT INTO public.doctors VALUES
	('01a226d4-6f32-7013-9b47-e2497d9e6295', 'Dr. Vikram Khanna', 'Dermatology', 9, '', '', NULL, 'dr. vikram khanna
dermatology', 1, '2026-11-29 10:23:06.033973+00', '2026-11-29 10:23:06.033973+00');
INSERT INTO public.goose_assignments VALUES
	(1, 0, true, '2026-11-29 10:23:02.444454'),
	(2, 1, true, '2026-11-29 10:23:02.452639');
INSERT INTO public.goose_audit VALUES
	(1, 0, true, '2026-11-29 10:23:02.471975'),
	(2, 1, true, '2026-11-29 10:23:02.478402'),
	(3, 2, true, '2026-11-29 10:23:02.518591'),
	(4, 3, true, '2026-11-29 10:23:02.535365');
INSERT INTO public.goose_doctors VALUES
	(1, 0, true, '2026-11-29 10:23:02.335859'),
	(2, 1, true, '2026-11-29 10:23:02.342528'),
	(3, 2, true, '2026-11-29 10:23:02.358718'),
	(4, 3, true, '2026-11-29 10:23:02.371125'),
	(5, 4, true, '2026-11-29 10:23:02.372482'),
	(6, 5, true, '2026-11-29 10:23:02.39003');
INSERT INTO public.goose_identity VALUES
	(1, 0, true, '2026-11-29 10:23:02.066984'),
	(2, 1, true, '2026-11-29 10:23:02.076402'),
	(3, 2, true, '2026-11-29 10:23:02.101638'),
	(4, 3, true, '2026-11-29 10:23:02.172889'),
	(5, 4, true, '2026-11-29 10:23:02.182109'),
	(6, 5, true, '2026-11-29 10:23:02.206049'),
	(7, 6, true, '2026-11-29 10:23:02.207029'),
	(8, 7, true, '2026-11-29 10:23:02.259514');
INSERT INTO public.goose_patients VALUES
	(1, 0, true, '2026-11-29 10:23:02.399901'),
	(2, 1, true, '2026-11-29 10:23:02.406267'),
	(3, 2, true, '2026-11-29 10:23:02.433831'),
	(4, 3, true, '2026-11-29 10:23:02.441321');
INSERT INTO public.goose_platform VALUES
	(1, 0, true, '2026-11-29 10:23:01.914737'),
	(2, 1, true, '2026-11-29 10:23:01.948206'),
	(3, 2, true, '2026-11-29 10:23:01.967862'),
	(4, 3, true, '2026-11-29 10:23:01.992378'),
	(5, 4, true, '2026-11-29 10:23:02.019878'),
	(6, 5, true, '2026-11-29 10:23:02.059919');
INSERT INTO public.known_clients VALUES
	('01a226d4-674f-7d1d-9090-0ad2e9956be5', 'a848c782d4fa735d13f64c34b2baa4b8d75c749df9304bd2e97200bfcb80337f', '2026-11-29 10:23:04.308652+00'),
	('01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'a848c782d4fa735d13f64c34b2baa4b8d75c749df9304bd2e97200bfcb80337f', '2026-11-29 10:23:04.553172+00');
INSERT INTO public.patients VALUES
	('01a226d4-6b64-752f-be55-47f93d8ef9ec', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 'Ananya Verma', 'Female', 31, NULL, '', '', '', NULL, 'Allergic to penicillin', 'ananya verma', 2, '2026-11-29 10:23:05.060293+00', '2026-11-29 10:23:06.612121+00'),
	('01a226d4-787f-7985-882b-baeecbb0cdc4', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'Patient 4', 'Other', 40, NULL, '', '', '', NULL, '', 'patient 4', 1, '2026-11-29 10:23:08.415528+00', '2026-11-29 10:23:08.415528+00'),
	('01a226d4-7963-7d91-b4ac-9e6fd3e8324e', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'Patient 3', 'Other', 40, NULL, '', '', '', NULL, '', 'patient 3', 1, '2026-11-29 10:23:08.643854+00', '2026-11-29 10:23:08.643854+00'),
	('01a226d4-7b31-73eb-b487-b76c22723bd2', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'Patient 6', 'Other', 40, NULL, '', '', '', NULL, '', 'patient 6', 1, '2026-11-29 10:23:09.105199+00', '2026-11-29 10:23:09.105199+00'),
	('01a226d4-7b40-7352-ac5f-7ce31872118e', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'Patient 2', 'Other', 40, NULL, '', '', '', NULL, '', 'patient 2', 1, '2026-11-29 10:23:09.120173+00', '2026-11-29 10:23:09.120173+00'),
	('01a226d4-7b84-765d-a9d0-970abced50a2', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'Patient 5', 'Other', 40, NULL, '', '', '', NULL, '', 'patient 5', 1, '2026-11-29 10:23:09.188365+00', '2026-11-29 10:23:09.188365+00'),
	('01a226d4-7bd4-7ce3-ba5d-6ece486e3c82', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'Patient 1', 'Other', 40, NULL, '', '', '', NULL, '', 'patient 1', 1, '2026-11-29 10:23:09.268809+00', '2026-11-29 10:23:09.268809+00'),
	('01a226d4-7c62-7801-821c-1db99d1aae12', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'Patient 7', 'Other', 40, NULL, '', '', '', NULL, '', 'patient 7', 1, '2026-11-29 10:23:09.410482+00', '2026-11-29 10:23:09.410482+00'),
	('01a226d4-7ca9-75e1-bec1-5e78bd7b9436', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'Patient 8', 'Other', 40, NULL, '', '', '', NULL, '', 'patient 8', 1, '2026-11-29 10:23:09.481334+00', '2026-11-29 10:23:09.481334+00');
INSERT INTO public.registrations VALUES
	('62e9943b3e241160bce230fe3bcb20a338fcda88973bb33fe47d8a23c89be1a7', '2026-11-29 10:25:04.032369+00');
INSERT INTO public.sessions VALUES
	('01a226d4-686a-790e-8da1-e2ad2e8dd5fb', '01a226d4-674f-7d1d-9090-0ad2e9956be5', 0, 'curl/7.88.1', '127.0.0.0/24', '2026-11-29 10:23:04.298586+00', '2026-11-29 10:23:04.298586+00', '2026-11-30 10:23:04.298586+00'),
	('01a226d4-695b-7ea5-a863-d43b2c67c6af', '01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 0, 'curl/7.88.1', '127.0.0.0/24', '2026-11-29 10:23:04.539954+00', '2026-11-29 10:23:04.539954+00', '2026-11-30 10:23:04.539954+00');
INSERT INTO public.user_mailboxes VALUES
	('01a226d4-674f-7d1d-9090-0ad2e9956be5', 'asha@clinic.example', true),
	('01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'vikram@clinic.example', true);
INSERT INTO public.users VALUES
	('01a226d4-674f-7d1d-9090-0ad2e9956be5', 'Asha Rao', 'asha@clinic.example', 'asha@clinic.example', 'asha', '$argon2id$v=19$m=64,t=1,p=1$gPUafS5jdhLwlH1wBTDbrw$8Lvo+y1Q0BQBOC+WYRXZc/CBj3Q8q8UPX3KxZTxBWrk', true, 0, '2026-11-29 10:23:04.015856+00', '2026-11-29 10:23:04.015856+00', 'staff', 1, 'asha rao
asha@clinic.example'),
	('01a226d4-68e4-7e5e-af83-0b993b8e7ff5', 'Vikram Iyer', 'vikram@clinic.example', 'vikram@clinic.example', 'vikram', '$argon2id$v=19$m=64,t=1,p=1$iBA2RhQjDCCWyWkmKiM6Tw$al29DH+Jx8Jgqet2fwEGTeCRBH923MAVI7qWCSStYQk', true, 0, '2026-11-29 10:23:04.420939+00', '2026-11-29 10:23:04.420939+00', 'staff', 1, 'vikram iyer
vikram@clinic.example');
SELECT pg_catalog.setval('public.goose_assignments_id_seq', 2, true);
SELECT pg_catalog.setval('public.goose_audit_id_seq', 4, true);
SELECT pg_catalog.setval('public.goose_doctors_id_seq', 6, true);
SELECT pg_catalog.setval('public.goose_identity_id_seq', 8, true);
SELECT pg_catalog.setval('public.goose_patients_id_seq', 4, true);
SELECT pg_catalog.setval('public.goose_platform_id_seq', 6, true);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT assignments_patient_id_doctor_id_key UNIQUE (patient_id, doctor_id);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT assignments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_entries
    ADD CONSTRAINT audit_entries_pkey PRIMARY KEY (chain, sequence, created_at);
ALTER TABLE ONLY public.audit_entries_2026_11
    ADD CONSTRAINT audit_entries_2026_11_pkey PRIMARY KEY (chain, sequence, created_at);
ALTER TABLE ONLY public.audit_entries_2026_12
    ADD CONSTRAINT audit_entries_2026_12_pkey PRIMARY KEY (chain, sequence, created_at);
ALTER TABLE ONLY public.audit_entries_default
    ADD CONSTRAINT audit_entries_default_pkey PRIMARY KEY (chain, sequence, created_at);
ALTER TABLE ONLY public.audit_heads
    ADD CONSTRAINT audit_heads_pkey PRIMARY KEY (chain);
ALTER TABLE ONLY public.audit_subjects
    ADD CONSTRAINT audit_subjects_pkey PRIMARY KEY (patient_id, created_at, id);
ALTER TABLE ONLY public.breaking_migrations
    ADD CONSTRAINT breaking_migrations_pkey PRIMARY KEY (module, version);
ALTER TABLE ONLY public.closed_accounts
    ADD CONSTRAINT closed_accounts_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.doctor_creators
    ADD CONSTRAINT doctor_creators_pkey PRIMARY KEY (doctor_id);
ALTER TABLE ONLY public.doctor_removals
    ADD CONSTRAINT doctor_removals_pkey PRIMARY KEY (doctor_id);
ALTER TABLE ONLY public.doctors
    ADD CONSTRAINT doctors_license_number_key UNIQUE (license_number);
ALTER TABLE ONLY public.doctors
    ADD CONSTRAINT doctors_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.goose_assignments
    ADD CONSTRAINT goose_assignments_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.goose_audit
    ADD CONSTRAINT goose_audit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.goose_doctors
    ADD CONSTRAINT goose_doctors_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.goose_identity
    ADD CONSTRAINT goose_identity_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.goose_patients
    ADD CONSTRAINT goose_patients_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.goose_platform
    ADD CONSTRAINT goose_platform_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, route, key);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.known_clients
    ADD CONSTRAINT known_clients_pkey PRIMARY KEY (user_id, client);
ALTER TABLE ONLY public.last_writes
    ADD CONSTRAINT last_writes_pkey PRIMARY KEY (slot);
ALTER TABLE ONLY public.patients
    ADD CONSTRAINT patients_owner_id_medical_record_number_key UNIQUE (owner_id, medical_record_number);
ALTER TABLE ONLY public.patients
    ADD CONSTRAINT patients_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (network);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.signin_attempts
    ADD CONSTRAINT signin_attempts_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.user_mailboxes
    ADD CONSTRAINT user_mailboxes_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_mailbox_key UNIQUE (mailbox);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_username_key UNIQUE (username);
CREATE INDEX assignments_doctor_id_assigned_at_idx ON public.assignments USING btree (doctor_id, owner_id, assigned_at DESC, id DESC);
CREATE INDEX assignments_owner_id_assigned_at_idx ON public.assignments USING btree (owner_id, assigned_at DESC, id DESC);
CREATE INDEX assignments_patient_id_assigned_at_idx ON public.assignments USING btree (patient_id, assigned_at DESC, id DESC);
CREATE INDEX audit_entries_action_created_at_idx ON ONLY public.audit_entries USING btree (action, created_at DESC, id DESC);
CREATE INDEX audit_entries_2026_11_action_created_at_id_idx ON public.audit_entries_2026_11 USING btree (action, created_at DESC, id DESC);
CREATE INDEX audit_entries_actor_id_created_at_idx ON ONLY public.audit_entries USING btree (actor_id, created_at DESC, id DESC);
CREATE INDEX audit_entries_2026_11_actor_id_created_at_id_idx ON public.audit_entries_2026_11 USING btree (actor_id, created_at DESC, id DESC);
CREATE INDEX audit_entries_expr_created_at_idx ON ONLY public.audit_entries USING btree (((chain * 0)), created_at DESC, id DESC);
CREATE INDEX audit_entries_2026_11_expr_created_at_id_idx ON public.audit_entries_2026_11 USING btree (((chain * 0)), created_at DESC, id DESC);
CREATE INDEX audit_entries_2026_12_action_created_at_id_idx ON public.audit_entries_2026_12 USING btree (action, created_at DESC, id DESC);
CREATE INDEX audit_entries_2026_12_actor_id_created_at_id_idx ON public.audit_entries_2026_12 USING btree (actor_id, created_at DESC, id DESC);
CREATE INDEX audit_entries_2026_12_expr_created_at_id_idx ON public.audit_entries_2026_12 USING btree (((chain * 0)), created_at DESC, id DESC);
CREATE INDEX audit_entries_default_action_created_at_id_idx ON public.audit_entries_default USING btree (action, created_at DESC, id DESC);
CREATE INDEX audit_entries_default_actor_id_created_at_id_idx ON public.audit_entries_default USING btree (actor_id, created_at DESC, id DESC);
CREATE INDEX audit_entries_default_expr_created_at_id_idx ON public.audit_entries_default USING btree (((chain * 0)), created_at DESC, id DESC);
CREATE INDEX doctor_creators_user_id_idx ON public.doctor_creators USING btree (user_id);
CREATE INDEX doctor_removals_reassign_to_idx ON public.doctor_removals USING btree (reassign_to);
CREATE INDEX doctors_created_at_idx ON public.doctors USING btree (created_at DESC, id DESC);
CREATE INDEX doctors_experience_idx ON public.doctors USING btree (experience, id);
CREATE INDEX doctors_name_idx ON public.doctors USING btree (name, id);
CREATE INDEX doctors_search_text_idx ON public.doctors USING gin (search_text public.gin_trgm_ops);
CREATE INDEX doctors_search_text_stale_idx ON public.doctors USING btree (id) WHERE ((search_text ~ '[`\u02B9\u02BB-\u02BF\u02C8\u02CA-\u02CB\u055A\u05F3\u2018-\u201B\u2032\u2035\u2039-\u203A\u275B-\u275C\uA78B-\uA78C\u00AB\u00BB\u02BA\u02EE\u05F4\u201C-\u201F\u275D-\u275E\u301D-\u301F\u02D7\u058A\u05BE\u1400\u1806\u2010-\u2015\u2043\u2212\u2E17\u2E1A\u2E3A-\u2E3B\u2E40\u301C\u3030\u30A0\u2044\u2215\u0085\u1680\u2028-\u2029\u2800\u00AD\u061C\u0640\u115F-\u1160\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\U000E0001\U000E0020-\U000E007F\u00E6\u0153\u00FE\u0180\u0253\u00F0\u0111\u0256-\u0257\u025B\u0127\u0131\u0268\u0199\u0142\u014B\u0272\u00F8\u0254\u0167\u0289\u01B4\u0649\u06CC\u06A9]'::text) OR ((name ~ '[`\u00B4\u0384\u1FBD\u1FBF\u1FFD\u1FFE]'::text) AND (strpos(search_text, ''''::text) = 0)));
CREATE INDEX doctors_specialization_idx ON public.doctors USING btree (specialization, id);
CREATE INDEX doctors_updated_at_idx ON public.doctors USING btree (updated_at DESC, id DESC);
CREATE INDEX idempotency_keys_body_idx ON public.idempotency_keys USING btree (expires_at) WHERE (length(body) > 0);
CREATE INDEX idempotency_keys_expires_at_idx ON public.idempotency_keys USING btree (expires_at);
CREATE INDEX jobs_due_at_idx ON public.jobs USING btree (due_at) WHERE (expires_at IS NULL);
CREATE INDEX jobs_expires_at_idx ON public.jobs USING btree (expires_at);
CREATE INDEX known_clients_signed_in_at_idx ON public.known_clients USING btree (signed_in_at);
CREATE INDEX patients_owner_id_created_at_idx ON public.patients USING btree (owner_id, created_at DESC, id DESC);
CREATE INDEX patients_owner_id_name_idx ON public.patients USING btree (owner_id, name, id);
CREATE INDEX patients_owner_id_updated_at_idx ON public.patients USING btree (owner_id, updated_at DESC, id DESC);
CREATE INDEX patients_search_text_idx ON public.patients USING gin (search_text public.gin_trgm_ops);
CREATE INDEX patients_search_text_stale_idx ON public.patients USING btree (id) WHERE ((search_text ~ '[`\u02B9\u02BB-\u02BF\u02C8\u02CA-\u02CB\u055A\u05F3\u2018-\u201B\u2032\u2035\u2039-\u203A\u275B-\u275C\uA78B-\uA78C\u00AB\u00BB\u02BA\u02EE\u05F4\u201C-\u201F\u275D-\u275E\u301D-\u301F\u02D7\u058A\u05BE\u1400\u1806\u2010-\u2015\u2043\u2212\u2E17\u2E1A\u2E3A-\u2E3B\u2E40\u301C\u3030\u30A0\u2044\u2215\u0085\u1680\u2028-\u2029\u2800\u00AD\u061C\u0640\u115F-\u1160\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\U000E0001\U000E0020-\U000E007F\u00E6\u0153\u00FE\u0180\u0253\u00F0\u0111\u0256-\u0257\u025B\u0127\u0131\u0268\u0199\u0142\u014B\u0272\u00F8\u0254\u0167\u0289\u01B4\u0649\u06CC\u06A9]'::text) OR ((name ~ '[`\u00B4\u0384\u1FBD\u1FBF\u1FFD\u1FFE]'::text) AND (strpos(search_text, ''''::text) = 0)));
CREATE INDEX registrations_full_at_idx ON public.registrations USING btree (full_at);
CREATE INDEX sessions_expires_at_idx ON public.sessions USING btree (expires_at);
CREATE INDEX sessions_user_id_idx ON public.sessions USING btree (user_id, last_used_at);
CREATE INDEX signin_attempts_expires_at_idx ON public.signin_attempts USING btree (expires_at);
CREATE UNIQUE INDEX user_mailboxes_holder_idx ON public.user_mailboxes USING btree (mailbox) WHERE holds;
CREATE INDEX user_mailboxes_mailbox_idx ON public.user_mailboxes USING btree (mailbox);
CREATE INDEX users_created_at_idx ON public.users USING btree (created_at DESC, id DESC);
CREATE INDEX users_name_idx ON public.users USING btree (name, id);
CREATE INDEX users_search_text_idx ON public.users USING gin (search_text public.gin_trgm_ops);
CREATE INDEX users_search_text_stale_idx ON public.users USING btree (id) WHERE ((search_text ~ '[`\u02B9\u02BB-\u02BF\u02C8\u02CA-\u02CB\u055A\u05F3\u2018-\u201B\u2032\u2035\u2039-\u203A\u275B-\u275C\uA78B-\uA78C\u00AB\u00BB\u02BA\u02EE\u05F4\u201C-\u201F\u275D-\u275E\u301D-\u301F\u02D7\u058A\u05BE\u1400\u1806\u2010-\u2015\u2043\u2212\u2E17\u2E1A\u2E3A-\u2E3B\u2E40\u301C\u3030\u30A0\u2044\u2215\u0085\u1680\u2028-\u2029\u2800\u00AD\u061C\u0640\u115F-\u1160\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB\U000E0001\U000E0020-\U000E007F\u00E6\u0153\u00FE\u0180\u0253\u00F0\u0111\u0256-\u0257\u025B\u0127\u0131\u0268\u0199\u0142\u014B\u0272\u00F8\u0254\u0167\u0289\u01B4\u0649\u06CC\u06A9]'::text) OR ((name ~ '[`\u00B4\u0384\u1FBD\u1FBF\u1FFD\u1FFE]'::text) AND (strpos(search_text, ''''::text) = 0)));
ALTER INDEX public.audit_entries_action_created_at_idx ATTACH PARTITION public.audit_entries_2026_11_action_created_at_id_idx;
ALTER INDEX public.audit_entries_actor_id_created_at_idx ATTACH PARTITION public.audit_entries_2026_11_actor_id_created_at_id_idx;
ALTER INDEX public.audit_entries_expr_created_at_idx ATTACH PARTITION public.audit_entries_2026_11_expr_created_at_id_idx;
ALTER INDEX public.audit_entries_pkey ATTACH PARTITION public.audit_entries_2026_11_pkey;
ALTER INDEX public.audit_entries_action_created_at_idx ATTACH PARTITION public.audit_entries_2026_12_action_created_at_id_idx;
ALTER INDEX public.audit_entries_actor_id_created_at_idx ATTACH PARTITION public.audit_entries_2026_12_actor_id_created_at_id_idx;
ALTER INDEX public.audit_entries_expr_created_at_idx ATTACH PARTITION public.audit_entries_2026_12_expr_created_at_id_idx;
ALTER INDEX public.audit_entries_pkey ATTACH PARTITION public.audit_entries_2026_12_pkey;
ALTER INDEX public.audit_entries_action_created_at_idx ATTACH PARTITION public.audit_entries_default_action_created_at_id_idx;
ALTER INDEX public.audit_entries_actor_id_created_at_idx ATTACH PARTITION public.audit_entries_default_actor_id_created_at_id_idx;
ALTER INDEX public.audit_entries_expr_created_at_idx ATTACH PARTITION public.audit_entries_default_expr_created_at_id_idx;
ALTER INDEX public.audit_entries_pkey ATTACH PARTITION public.audit_entries_default_pkey;
CREATE TRIGGER audit_entries_refuse BEFORE DELETE OR UPDATE ON public.audit_entries FOR EACH ROW EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER audit_entries_refuse_truncate BEFORE TRUNCATE ON public.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER audit_entries_refuse_truncate BEFORE TRUNCATE ON public.audit_entries_2026_11 FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER audit_entries_refuse_truncate BEFORE TRUNCATE ON public.audit_entries_2026_12 FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER audit_entries_refuse_truncate BEFORE TRUNCATE ON public.audit_entries_default FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER audit_heads_refuse BEFORE UPDATE ON public.audit_heads FOR EACH ROW WHEN (((new.chain <> old.chain) OR (new.sequence < old.sequence) OR (new.anchor_sequence < old.anchor_sequence))) EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER audit_heads_refuse_delete BEFORE DELETE ON public.audit_heads FOR EACH ROW EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER audit_heads_refuse_truncate BEFORE TRUNCATE ON public.audit_heads FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER audit_subjects_refuse BEFORE DELETE OR UPDATE ON public.audit_subjects FOR EACH ROW EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER audit_subjects_refuse_truncate BEFORE TRUNCATE ON public.audit_subjects FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT assignments_doctor_id_fkey FOREIGN KEY (doctor_id) REFERENCES public.doctors(id);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT assignments_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.assignments
    ADD CONSTRAINT assignments_patient_id_fkey FOREIGN KEY (patient_id) REFERENCES public.patients(id);
ALTER TABLE ONLY public.closed_accounts
    ADD CONSTRAINT closed_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.doctor_creators
    ADD CONSTRAINT doctor_creators_doctor_id_fkey FOREIGN KEY (doctor_id) REFERENCES public.doctors(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.doctor_creators
    ADD CONSTRAINT doctor_creators_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.doctor_removals
    ADD CONSTRAINT doctor_removals_doctor_id_fkey FOREIGN KEY (doctor_id) REFERENCES public.doctors(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.doctor_removals
    ADD CONSTRAINT doctor_removals_reassign_to_fkey FOREIGN KEY (reassign_to) REFERENCES public.doctors(id);
ALTER TABLE ONLY public.known_clients
    ADD CONSTRAINT known_clients_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.patients
    ADD CONSTRAINT patients_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.user_mailboxes
    ADD CONSTRAINT user_mailboxes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
