-- +goose Up
-- The exclusion constraints below compare uuids in a GiST index. The extension is trusted: CREATE on the database
-- suffices. Without it nothing prevents a double booking, so the migration fails.
-- +goose StatementBegin
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS btree_gist;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE EXCEPTION 'appointments need the extension btree_gist: run CREATE EXTENSION btree_gist in this '
            'database as a role that may, then start again'
        USING ERRCODE = 'feature_not_supported';
END $$;
-- +goose StatementEnd
CREATE TABLE appointment_types (
    id                 uuid        PRIMARY KEY,
    name               text        NOT NULL CONSTRAINT appointment_types_name_key UNIQUE,
    minutes            integer     NOT NULL,
    buffer_before      integer     NOT NULL,
    buffer_after       integer     NOT NULL,
    capacity           integer     NOT NULL,
    needs_confirmation boolean     NOT NULL,
    for_patients       boolean     NOT NULL,
    active             boolean     NOT NULL,
    version            integer     NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    CONSTRAINT appointment_types_length_check CHECK (minutes BETWEEN 5 AND 480 AND buffer_before BETWEEN 0 AND 120
        AND buffer_after BETWEEN 0 AND 120 AND capacity BETWEEN 1 AND 50)
);
CREATE INDEX appointment_types_created_at_idx ON appointment_types (created_at DESC, id DESC);

CREATE TABLE availability (
    doctor_id    uuid        PRIMARY KEY
        CONSTRAINT availability_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    time_zone    text        NOT NULL, -- '': the time zone of the service
    step_minutes integer     NOT NULL,
    lead_minutes integer     NOT NULL,
    horizon_days integer     NOT NULL,
    version      integer     NOT NULL,
    updated_at   timestamptz NOT NULL,
    CONSTRAINT availability_bounds_check CHECK (step_minutes BETWEEN 5 AND 240 AND lead_minutes BETWEEN 0 AND 43200
        AND horizon_days BETWEEN 1 AND 730)
);
CREATE TABLE availability_windows (
    id          uuid    PRIMARY KEY,
    doctor_id   uuid    NOT NULL
        CONSTRAINT availability_windows_doctor_id_fkey REFERENCES availability (doctor_id) ON DELETE CASCADE,
    weekday     integer NOT NULL, -- 0: Sunday
    from_minute integer NOT NULL,
    to_minute   integer NOT NULL, -- beyond 1440 on the next day
    valid_from  date,
    valid_to    date,             -- the last day
    type_id     uuid
        CONSTRAINT availability_windows_type_id_fkey REFERENCES appointment_types (id),
    CONSTRAINT availability_windows_bounds_check CHECK (weekday BETWEEN 0 AND 6 AND from_minute BETWEEN 0 AND 1439
        AND to_minute > from_minute AND to_minute <= from_minute + 1440)
);
CREATE INDEX availability_windows_doctor_id_idx ON availability_windows (doctor_id, weekday, from_minute);
CREATE INDEX availability_windows_type_id_idx ON availability_windows (type_id);
CREATE TABLE availability_exceptions (
    id          uuid        PRIMARY KEY,
    doctor_id   uuid -- NULL: a holiday of the whole practice
        CONSTRAINT availability_exceptions_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    starts_on   date        NOT NULL,
    ends_on     date        NOT NULL, -- the last day
    from_minute integer,              -- NULL: all day
    to_minute   integer,
    kind        text        NOT NULL CONSTRAINT availability_exceptions_kind_check CHECK (kind IN ('closed', 'hours')),
    note        text        NOT NULL,
    created_by  uuid        NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT availability_exceptions_bounds_check CHECK (starts_on <= ends_on
        AND (from_minute IS NULL) = (to_minute IS NULL) AND (kind = 'closed' OR from_minute IS NOT NULL)
        AND (from_minute IS NULL OR from_minute BETWEEN 0 AND 1439 AND to_minute > from_minute
            AND to_minute <= from_minute + 1440))
);
CREATE INDEX availability_exceptions_doctor_id_ends_on_idx ON availability_exceptions (doctor_id, ends_on, id);

CREATE TABLE appointments (
    id              uuid        PRIMARY KEY,
    owner_id        uuid        NOT NULL -- the patient's owner
        CONSTRAINT appointments_owner_id_fkey REFERENCES users (id),
    patient_id      uuid        NOT NULL
        CONSTRAINT appointments_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    doctor_id       uuid        CONSTRAINT appointments_doctor_id_fkey REFERENCES doctors (id), -- NULL: removed since
    doctor_name     text        NOT NULL, -- '' while the doctor exists
    type_id         uuid        NOT NULL CONSTRAINT appointments_type_id_fkey REFERENCES appointment_types (id),
    series_id       uuid,
    session_id      uuid        NOT NULL, -- the appointment's own id, or that of its group
    seat            integer     NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    blocks_from     timestamptz NOT NULL, -- with the buffers
    blocks_to       timestamptz NOT NULL,
    local_start     text        NOT NULL, -- the promised wall clock time, in time_zone
    time_zone       text        NOT NULL,
    status          text        NOT NULL,
    overbooked      boolean     NOT NULL,
    overbook_reason text        NOT NULL,
    reason          text        NOT NULL,
    cancel_reason   text        NOT NULL,
    expires_at      timestamptz,
    sequence        integer     NOT NULL, -- of iCalendar
    version         integer     NOT NULL,
    created_by      uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT appointments_status_check CHECK (status IN
        ('held', 'pending', 'booked', 'arrived', 'fulfilled', 'cancelled', 'noshow', 'entered-in-error', 'expired')),
    CONSTRAINT appointments_times_check CHECK (blocks_from <= starts_at
        AND starts_at < ends_at AND ends_at <= blocks_to),
    CONSTRAINT appointments_block_check CHECK (blocks_to <= blocks_from + interval '24 hours'),
    CONSTRAINT appointments_held_check CHECK ((status = 'held') = (expires_at IS NOT NULL)),
    -- Equality, range, then <>: in another order the index is slower by orders of magnitude.
    CONSTRAINT appointments_doctor_id_excl EXCLUDE USING gist
        (doctor_id WITH =, tstzrange(blocks_from, blocks_to) WITH &&, session_id WITH <>)
        WHERE (status IN ('held', 'pending', 'booked', 'arrived') AND NOT overbooked),
    CONSTRAINT appointments_patient_id_excl EXCLUDE USING gist
        (patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status IN ('held', 'pending', 'booked', 'arrived') AND NOT overbooked)
);
CREATE UNIQUE INDEX appointments_session_id_seat_key ON appointments (session_id, seat)
    WHERE status IN ('held', 'pending', 'booked', 'arrived');
CREATE INDEX appointments_doctor_busy_idx ON appointments (doctor_id, blocks_from, blocks_to, session_id, expires_at)
    WHERE status IN ('held', 'pending', 'booked', 'arrived');
CREATE INDEX appointments_patient_busy_idx ON appointments (patient_id, starts_at, ends_at, expires_at)
    WHERE status IN ('held', 'pending', 'booked', 'arrived');
CREATE INDEX appointments_owner_id_starts_at_idx ON appointments (owner_id, starts_at DESC, id DESC);
CREATE INDEX appointments_doctor_id_starts_at_idx ON appointments (doctor_id, starts_at DESC, id DESC);
CREATE INDEX appointments_patient_id_starts_at_idx ON appointments (patient_id, starts_at DESC, id DESC);
CREATE INDEX appointments_type_id_idx ON appointments (type_id);
CREATE INDEX appointments_series_id_idx ON appointments (series_id, starts_at DESC, id DESC)
    WHERE series_id IS NOT NULL;
CREATE INDEX appointments_held_by_idx ON appointments (created_by, expires_at) WHERE status = 'held';
CREATE INDEX appointments_expires_at_idx ON appointments (expires_at, id) WHERE expires_at IS NOT NULL;

CREATE TABLE waiting_entries (
    id             uuid        PRIMARY KEY,
    owner_id       uuid        NOT NULL -- the patient's owner
        CONSTRAINT waiting_entries_owner_id_fkey REFERENCES users (id),
    patient_id     uuid        NOT NULL
        CONSTRAINT waiting_entries_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    doctor_id      uuid        CONSTRAINT waiting_entries_doctor_id_fkey REFERENCES doctors (id), -- NULL: any doctor
    type_id        uuid        NOT NULL CONSTRAINT waiting_entries_type_id_fkey REFERENCES appointment_types (id),
    from_on        date        NOT NULL,
    to_on          date        NOT NULL, -- the last day
    part_of_day    text        NOT NULL
        CONSTRAINT waiting_entries_part_of_day_check CHECK (part_of_day IN ('any', 'morning', 'afternoon', 'evening')),
    state          text        NOT NULL
        CONSTRAINT waiting_entries_state_check CHECK (state IN ('waiting', 'offered', 'booked', 'left')),
    appointment_id uuid,        -- offered or booked
    offered_until  timestamptz, -- then the entry waits again
    version        integer     NOT NULL,
    created_by     uuid        NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT waiting_entries_days_check CHECK (from_on <= to_on),
    CONSTRAINT waiting_entries_offer_check CHECK ((state = 'offered') = (offered_until IS NOT NULL)),
    CONSTRAINT waiting_entries_appointment_check CHECK (
        (state = 'offered' OR state = 'booked') = (appointment_id IS NOT NULL))
);
CREATE INDEX waiting_entries_owner_id_created_at_idx ON waiting_entries (owner_id, created_at DESC, id DESC);
CREATE INDEX waiting_entries_doctor_id_created_at_idx ON waiting_entries (doctor_id, created_at DESC, id DESC);
CREATE INDEX waiting_entries_patient_id_created_at_idx ON waiting_entries (patient_id, created_at DESC, id DESC);
CREATE INDEX waiting_entries_type_id_idx ON waiting_entries (type_id);
CREATE INDEX waiting_entries_appointment_id_idx ON waiting_entries (appointment_id) WHERE appointment_id IS NOT NULL;

CREATE TABLE calendar_feeds (
    id           uuid        PRIMARY KEY,
    doctor_id    uuid        NOT NULL
        CONSTRAINT calendar_feeds_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    token_hash   bytea       NOT NULL CONSTRAINT calendar_feeds_token_hash_key UNIQUE, -- SHA-256
    detail       text        NOT NULL CONSTRAINT calendar_feeds_detail_check CHECK (detail IN ('busy', 'initials')),
    created_by   uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_on date
);
CREATE INDEX calendar_feeds_doctor_id_idx ON calendar_feeds (doctor_id, created_at);
CREATE INDEX calendar_feeds_created_by_idx ON calendar_feeds (created_by);
