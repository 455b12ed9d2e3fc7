-- +goose Up
-- The triggers at the end are the exclusion constraints of PostgreSQL, and have their names.
CREATE TABLE appointment_types (
    id                 TEXT        PRIMARY KEY,
    name               TEXT        NOT NULL CONSTRAINT appointment_types_name_key UNIQUE,
    minutes            INTEGER     NOT NULL,
    buffer_before      INTEGER     NOT NULL,
    buffer_after       INTEGER     NOT NULL,
    capacity           INTEGER     NOT NULL,
    needs_confirmation INTEGER     NOT NULL
        CONSTRAINT appointment_types_needs_confirmation_check CHECK (needs_confirmation IN (0, 1)),
    for_patients       INTEGER     NOT NULL
        CONSTRAINT appointment_types_for_patients_check CHECK (for_patients IN (0, 1)),
    active             INTEGER     NOT NULL
        CONSTRAINT appointment_types_active_check CHECK (active IN (0, 1)),
    version            INTEGER     NOT NULL,
    created_at         TEXT        NOT NULL,
    updated_at         TEXT        NOT NULL,
    CONSTRAINT appointment_types_length_check CHECK (minutes BETWEEN 5 AND 480 AND buffer_before BETWEEN 0 AND 120
        AND buffer_after BETWEEN 0 AND 120 AND capacity BETWEEN 1 AND 50)
) STRICT;
CREATE INDEX appointment_types_created_at_idx ON appointment_types (created_at DESC, id DESC);

CREATE TABLE availability (
    doctor_id    TEXT        PRIMARY KEY
        CONSTRAINT availability_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    time_zone    TEXT        NOT NULL, -- '': the time zone of the service
    step_minutes INTEGER     NOT NULL,
    lead_minutes INTEGER     NOT NULL,
    horizon_days INTEGER     NOT NULL,
    version      INTEGER     NOT NULL,
    updated_at   TEXT        NOT NULL,
    CONSTRAINT availability_bounds_check CHECK (step_minutes BETWEEN 5 AND 240 AND lead_minutes BETWEEN 0 AND 43200
        AND horizon_days BETWEEN 1 AND 730)
) STRICT;
CREATE TABLE availability_windows (
    id          TEXT    PRIMARY KEY,
    doctor_id   TEXT    NOT NULL
        CONSTRAINT availability_windows_doctor_id_fkey REFERENCES availability (doctor_id) ON DELETE CASCADE,
    weekday     INTEGER NOT NULL, -- 0: Sunday
    from_minute INTEGER NOT NULL,
    to_minute   INTEGER NOT NULL, -- beyond 1440 on the next day
    valid_from  TEXT,
    valid_to    TEXT,             -- the last day
    type_id     TEXT
        CONSTRAINT availability_windows_type_id_fkey REFERENCES appointment_types (id),
    CONSTRAINT availability_windows_bounds_check CHECK (weekday BETWEEN 0 AND 6 AND from_minute BETWEEN 0 AND 1439
        AND to_minute > from_minute AND to_minute <= from_minute + 1440)
) STRICT;
CREATE INDEX availability_windows_doctor_id_idx ON availability_windows (doctor_id, weekday, from_minute);
CREATE INDEX availability_windows_type_id_idx ON availability_windows (type_id);
CREATE TABLE availability_exceptions (
    id          TEXT        PRIMARY KEY,
    doctor_id   TEXT -- NULL: a holiday of the whole practice
        CONSTRAINT availability_exceptions_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    starts_on   TEXT        NOT NULL,
    ends_on     TEXT        NOT NULL, -- the last day
    from_minute INTEGER,              -- NULL: all day
    to_minute   INTEGER,
    kind        TEXT        NOT NULL CONSTRAINT availability_exceptions_kind_check CHECK (kind IN ('closed', 'hours')),
    note        TEXT        NOT NULL,
    created_by  TEXT        NOT NULL,
    created_at  TEXT        NOT NULL,
    CONSTRAINT availability_exceptions_bounds_check CHECK (starts_on <= ends_on
        AND (from_minute IS NULL) = (to_minute IS NULL) AND (kind = 'closed' OR from_minute IS NOT NULL)
        AND (from_minute IS NULL OR from_minute BETWEEN 0 AND 1439 AND to_minute > from_minute
            AND to_minute <= from_minute + 1440))
) STRICT;
CREATE INDEX availability_exceptions_doctor_id_ends_on_idx ON availability_exceptions (doctor_id, ends_on, id);

CREATE TABLE appointments (
    id              TEXT        PRIMARY KEY,
    owner_id        TEXT        NOT NULL -- the patient's owner
        CONSTRAINT appointments_owner_id_fkey REFERENCES users (id),
    patient_id      TEXT        NOT NULL
        CONSTRAINT appointments_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    doctor_id       TEXT        CONSTRAINT appointments_doctor_id_fkey REFERENCES doctors (id), -- NULL: removed since
    doctor_name     TEXT        NOT NULL, -- '' while the doctor exists
    type_id         TEXT        NOT NULL CONSTRAINT appointments_type_id_fkey REFERENCES appointment_types (id),
    series_id       TEXT,
    session_id      TEXT        NOT NULL, -- the appointment's own id, or that of its group
    seat            INTEGER     NOT NULL,
    starts_at       TEXT        NOT NULL,
    ends_at         TEXT        NOT NULL,
    blocks_from     TEXT        NOT NULL, -- with the buffers
    blocks_to       TEXT        NOT NULL,
    local_start     TEXT        NOT NULL, -- the promised wall clock time, in time_zone
    time_zone       TEXT        NOT NULL,
    status          TEXT        NOT NULL,
    overbooked      INTEGER     NOT NULL
        CONSTRAINT appointments_overbooked_check CHECK (overbooked IN (0, 1)),
    overbook_reason TEXT        NOT NULL,
    reason          TEXT        NOT NULL,
    cancel_reason   TEXT        NOT NULL,
    expires_at      TEXT,
    sequence        INTEGER     NOT NULL, -- of iCalendar
    version         INTEGER     NOT NULL,
    created_by      TEXT        NOT NULL,
    created_at      TEXT        NOT NULL,
    updated_at      TEXT        NOT NULL,
    CONSTRAINT appointments_status_check CHECK (status IN
        ('held', 'pending', 'booked', 'arrived', 'fulfilled', 'cancelled', 'noshow', 'entered-in-error', 'expired')),
    CONSTRAINT appointments_times_check CHECK (blocks_from <= starts_at
        AND starts_at < ends_at AND ends_at <= blocks_to),
    CONSTRAINT appointments_block_check CHECK (blocks_to <=
        strftime('%Y-%m-%dT%H:%M:%S', blocks_from, '+1 day') || substr(blocks_from, 20)),
    CONSTRAINT appointments_held_check CHECK ((status = 'held') = (expires_at IS NOT NULL))
) STRICT;
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
    id             TEXT        PRIMARY KEY,
    owner_id       TEXT        NOT NULL -- the patient's owner
        CONSTRAINT waiting_entries_owner_id_fkey REFERENCES users (id),
    patient_id     TEXT        NOT NULL
        CONSTRAINT waiting_entries_patient_id_fkey REFERENCES patients (id) ON DELETE CASCADE,
    doctor_id      TEXT        CONSTRAINT waiting_entries_doctor_id_fkey REFERENCES doctors (id), -- NULL: any doctor
    type_id        TEXT        NOT NULL CONSTRAINT waiting_entries_type_id_fkey REFERENCES appointment_types (id),
    from_on        TEXT        NOT NULL,
    to_on          TEXT        NOT NULL, -- the last day
    part_of_day    TEXT        NOT NULL
        CONSTRAINT waiting_entries_part_of_day_check CHECK (part_of_day IN ('any', 'morning', 'afternoon', 'evening')),
    state          TEXT        NOT NULL
        CONSTRAINT waiting_entries_state_check CHECK (state IN ('waiting', 'offered', 'booked', 'left')),
    appointment_id TEXT,       -- offered or booked
    offered_until  TEXT,       -- then the entry waits again
    version        INTEGER     NOT NULL,
    created_by     TEXT        NOT NULL,
    created_at     TEXT        NOT NULL,
    updated_at     TEXT        NOT NULL,
    CONSTRAINT waiting_entries_days_check CHECK (from_on <= to_on),
    CONSTRAINT waiting_entries_offer_check CHECK ((state = 'offered') = (offered_until IS NOT NULL)),
    CONSTRAINT waiting_entries_appointment_check CHECK (
        (state = 'offered' OR state = 'booked') = (appointment_id IS NOT NULL))
) STRICT;
CREATE INDEX waiting_entries_owner_id_created_at_idx ON waiting_entries (owner_id, created_at DESC, id DESC);
CREATE INDEX waiting_entries_doctor_id_created_at_idx ON waiting_entries (doctor_id, created_at DESC, id DESC);
CREATE INDEX waiting_entries_patient_id_created_at_idx ON waiting_entries (patient_id, created_at DESC, id DESC);
CREATE INDEX waiting_entries_type_id_idx ON waiting_entries (type_id);
CREATE INDEX waiting_entries_appointment_id_idx ON waiting_entries (appointment_id) WHERE appointment_id IS NOT NULL;

CREATE TABLE calendar_feeds (
    id           TEXT        PRIMARY KEY,
    doctor_id    TEXT        NOT NULL
        CONSTRAINT calendar_feeds_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    token_hash   BLOB        NOT NULL CONSTRAINT calendar_feeds_token_hash_key UNIQUE, -- SHA-256
    detail       TEXT        NOT NULL CONSTRAINT calendar_feeds_detail_check CHECK (detail IN ('busy', 'initials')),
    created_by   TEXT        NOT NULL,
    created_at   TEXT        NOT NULL,
    last_used_on TEXT
) STRICT;
CREATE INDEX calendar_feeds_doctor_id_idx ON calendar_feeds (doctor_id, created_at);
CREATE INDEX calendar_feeds_created_by_idx ON calendar_feeds (created_by);

-- No row takes more than a day (appointments_block_check), so only rows that begin less than a day before NEW can reach
-- into it: one range of the index. The sums keep the form of the times, whose text order is the order of time. INDEXED
-- BY makes a missing index an error instead of a scan.
-- +goose StatementBegin
CREATE TRIGGER appointments_insert_excl BEFORE INSERT ON appointments
WHEN NEW.status IN ('held', 'pending', 'booked', 'arrived') AND NEW.overbooked = 0
BEGIN
    SELECT RAISE(ABORT, 'appointments_doctor_id_excl') FROM appointments INDEXED BY appointments_doctor_busy_idx
    WHERE doctor_id = NEW.doctor_id AND blocks_from < NEW.blocks_to AND blocks_to > NEW.blocks_from
        AND blocks_from > strftime('%Y-%m-%dT%H:%M:%S', NEW.blocks_from, '-1 day') || substr(NEW.blocks_from, 20)
        AND status IN ('held', 'pending', 'booked', 'arrived') AND overbooked = 0
        AND session_id <> NEW.session_id AND id <> NEW.id;
    SELECT RAISE(ABORT, 'appointments_patient_id_excl') FROM appointments INDEXED BY appointments_patient_busy_idx
    WHERE patient_id = NEW.patient_id AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at
        AND starts_at > strftime('%Y-%m-%dT%H:%M:%S', NEW.starts_at, '-1 day') || substr(NEW.starts_at, 20)
        AND status IN ('held', 'pending', 'booked', 'arrived') AND overbooked = 0
        AND id <> NEW.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER appointments_update_excl BEFORE UPDATE OF doctor_id, patient_id, session_id, starts_at, ends_at,
    blocks_from, blocks_to, status, overbooked ON appointments
WHEN NEW.status IN ('held', 'pending', 'booked', 'arrived') AND NEW.overbooked = 0
BEGIN
    SELECT RAISE(ABORT, 'appointments_doctor_id_excl') FROM appointments INDEXED BY appointments_doctor_busy_idx
    WHERE doctor_id = NEW.doctor_id AND blocks_from < NEW.blocks_to AND blocks_to > NEW.blocks_from
        AND blocks_from > strftime('%Y-%m-%dT%H:%M:%S', NEW.blocks_from, '-1 day') || substr(NEW.blocks_from, 20)
        AND status IN ('held', 'pending', 'booked', 'arrived') AND overbooked = 0
        AND session_id <> NEW.session_id AND id <> NEW.id;
    SELECT RAISE(ABORT, 'appointments_patient_id_excl') FROM appointments INDEXED BY appointments_patient_busy_idx
    WHERE patient_id = NEW.patient_id AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at
        AND starts_at > strftime('%Y-%m-%dT%H:%M:%S', NEW.starts_at, '-1 day') || substr(NEW.starts_at, 20)
        AND status IN ('held', 'pending', 'booked', 'arrived') AND overbooked = 0
        AND id <> NEW.id;
END;
-- +goose StatementEnd
