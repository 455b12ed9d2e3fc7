PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE goose_platform (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_platform VALUES(1,0,1,'2026-11-29 10:22:52');
INSERT INTO goose_platform VALUES(2,1,1,'2026-11-29 10:22:52');
INSERT INTO goose_platform VALUES(3,2,1,'2026-11-29 10:22:52');
INSERT INTO goose_platform VALUES(4,3,1,'2026-11-29 10:22:52');
INSERT INTO goose_platform VALUES(5,4,1,'2026-11-29 10:22:52');
INSERT INTO goose_platform VALUES(6,5,1,'2026-11-29 10:22:52');
CREATE TABLE idempotency_keys (
    user_id     TEXT        NOT NULL,
    route       TEXT        NOT NULL,
    key         TEXT        NOT NULL,
    fingerprint TEXT        NOT NULL, -- SHA-256 of the body, in hexadecimal
    status      INTEGER     NOT NULL,
    header      TEXT        NOT NULL, -- JSON
    body        BLOB        NOT NULL,
    expires_at  TEXT        NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, route, key)
) STRICT;
CREATE TABLE last_writes (
    slot     INTEGER NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT last_writes_pkey PRIMARY KEY (slot)
) STRICT, WITHOUT ROWID;
CREATE TABLE breaking_migrations (
    module  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT breaking_migrations_pkey PRIMARY KEY (module, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE jobs (
    id         TEXT    NOT NULL, -- version 4: random, because any client with the id may read the state
    kind       TEXT    NOT NULL CONSTRAINT jobs_kind_check CHECK (length(kind) BETWEEN 1 AND 100),
    parameters TEXT    NOT NULL, -- JSON with ids only
    state      TEXT    NOT NULL CONSTRAINT jobs_state_check CHECK (state IN ('pending', 'running', 'done', 'failed')),
    done       INTEGER NOT NULL,
    total      INTEGER NOT NULL, -- estimated when the job was added
    failures   INTEGER NOT NULL, -- consecutive
    due_at     TEXT    NOT NULL, -- the earliest start of the next batch
    created_at TEXT    NOT NULL,
    expires_at TEXT, -- NULL until the job ends
    CONSTRAINT jobs_pkey PRIMARY KEY (id)
) STRICT;
CREATE TABLE goose_identity (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_identity VALUES(1,0,1,'2026-11-29 10:22:52');
INSERT INTO goose_identity VALUES(2,1,1,'2026-11-29 10:22:52');
INSERT INTO goose_identity VALUES(3,2,1,'2026-11-29 10:22:52');
INSERT INTO goose_identity VALUES(4,3,1,'2026-11-29 10:22:52');
INSERT INTO goose_identity VALUES(5,4,1,'2026-11-29 10:22:52');
INSERT INTO goose_identity VALUES(6,5,1,'2026-11-29 10:22:52');
INSERT INTO goose_identity VALUES(7,6,1,'2026-11-29 10:22:52');
INSERT INTO goose_identity VALUES(8,7,1,'2026-11-29 10:22:52');
CREATE TABLE users (
    id            TEXT        PRIMARY KEY,
    name          TEXT        NOT NULL CONSTRAINT users_name_check CHECK (length(name) BETWEEN 1 AND 255),
    email         TEXT        NOT NULL CONSTRAINT users_email_check CHECK (length(email) BETWEEN 3 AND 254),
    mailbox       TEXT        NOT NULL, -- the address in lower case; one account per mailbox
    username      TEXT        NOT NULL CONSTRAINT users_username_check CHECK (length(username) BETWEEN 1 AND 150),
    password_hash TEXT        NOT NULL, -- PHC string
    active        INTEGER     NOT NULL CONSTRAINT users_active_check CHECK (active IN (0, 1)),
    token_version INTEGER     NOT NULL, -- access tokens of other versions are rejected
    created_at    TEXT        NOT NULL,
    updated_at    TEXT        NOT NULL, role        TEXT    NOT NULL DEFAULT 'staff' CONSTRAINT users_role_check CHECK (length(role) BETWEEN 1 AND 32), version     INTEGER NOT NULL DEFAULT 1, search_text TEXT    NOT NULL DEFAULT '',
    CONSTRAINT users_mailbox_key UNIQUE (mailbox),
    CONSTRAINT users_username_key UNIQUE (username)
) STRICT;
INSERT INTO users VALUES('01a226d4-3e98-7ba2-82e2-8bdf66a075c4','Asha Rao','asha@clinic.example','asha@clinic.example','asha','$argon2id$v=19$m=64,t=1,p=1$mKTEHWfJrMLrqDmUqTTpHA$aQYRUvdsPj4/M0UDIBz3wQJslwngxnFukXrL6goP05k',1,0,'2026-11-29T10:22:53.592759Z','2026-11-29T10:22:53.592759Z','staff',1,replace('asha rao\nasha@clinic.example','\n',char(10)));
INSERT INTO users VALUES('01a226d4-41bc-7d64-9981-75e377a8736a','Vikram Iyer','vikram@clinic.example','vikram@clinic.example','vikram','$argon2id$v=19$m=64,t=1,p=1$C+7zuQWBWAxF1PApUIsRBw$IjAe3Gwjx+KkPVpR6CKfCsYzfTjZkuMleY8wK6iFAo8',1,0,'2026-11-29T10:22:54.396791Z','2026-11-29T10:22:54.396791Z','staff',1,replace('vikram iyer\nvikram@clinic.example','\n',char(10)));
CREATE TABLE sessions (
    id           TEXT        PRIMARY KEY,
    user_id      TEXT        NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id),
    generation   INTEGER     NOT NULL CONSTRAINT sessions_generation_check CHECK (generation >= 0), -- number of the current refresh token
    client       TEXT        NOT NULL, -- the User-Agent header
    address      TEXT        NOT NULL, -- of the client network: IPv4 /24, IPv6 /56
    created_at   TEXT        NOT NULL,
    last_used_at TEXT        NOT NULL, -- when the current refresh token was issued
    expires_at   TEXT        NOT NULL
) STRICT;
INSERT INTO sessions VALUES('01a226d4-4099-781a-ab25-9effca265c8a','01a226d4-3e98-7ba2-82e2-8bdf66a075c4',0,'curl/7.88.1','127.0.0.0/24','2026-11-29T10:22:54.105526Z','2026-11-29T10:22:54.105526Z','2026-11-30T10:22:54.105526Z');
INSERT INTO sessions VALUES('01a226d4-4544-7681-a353-59102c4f43d9','01a226d4-41bc-7d64-9981-75e377a8736a',0,'curl/7.88.1','127.0.0.0/24','2026-11-29T10:22:55.300419Z','2026-11-29T10:22:55.300419Z','2026-11-30T10:22:55.300419Z');
CREATE TABLE signin_attempts (
    key          TEXT        PRIMARY KEY, -- HMAC-SHA-256 of the account, the client prefix or both, in hexadecimal; not an address
    failures     INTEGER     NOT NULL CONSTRAINT signin_attempts_failures_check CHECK (failures >= 0),
    first_at     TEXT, -- NULL without failures
    last_at      TEXT, -- NULL without failures
    succeeded_at TEXT, -- the last sign-in to an account from a client prefix
    expires_at   TEXT        NOT NULL -- when the row has no effect any more
) STRICT;
CREATE TABLE user_mailboxes (
    user_id TEXT    PRIMARY KEY CONSTRAINT user_mailboxes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    mailbox TEXT    NOT NULL CONSTRAINT user_mailboxes_mailbox_check CHECK (length(mailbox) BETWEEN 1 AND 1000),
    holds   INTEGER NOT NULL CONSTRAINT user_mailboxes_holds_check CHECK (holds IN (0, 1)) -- 1: no new account may use the mailbox. Of older accounts that share a mailbox, one has 1
) STRICT;
INSERT INTO user_mailboxes VALUES('01a226d4-3e98-7ba2-82e2-8bdf66a075c4','asha@clinic.example',1);
INSERT INTO user_mailboxes VALUES('01a226d4-41bc-7d64-9981-75e377a8736a','vikram@clinic.example',1);
CREATE TABLE known_clients (
    user_id      TEXT NOT NULL CONSTRAINT known_clients_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    client       TEXT NOT NULL, -- HMAC-SHA-256 of the client prefix, in hexadecimal; not an address
    signed_in_at TEXT NOT NULL,
    PRIMARY KEY (user_id, client)
) STRICT;
INSERT INTO known_clients VALUES('01a226d4-3e98-7ba2-82e2-8bdf66a075c4','a848c782d4fa735d13f64c34b2baa4b8d75c749df9304bd2e97200bfcb80337f','2026-11-29T10:22:54.107283Z');
INSERT INTO known_clients VALUES('01a226d4-41bc-7d64-9981-75e377a8736a','a848c782d4fa735d13f64c34b2baa4b8d75c749df9304bd2e97200bfcb80337f','2026-11-29T10:22:55.301207Z');
CREATE TABLE registrations (
    network TEXT PRIMARY KEY, -- HMAC-SHA-256 of the network, in hexadecimal; not an address
    -- when the whole limit is available again; the row has no effect from then on
    full_at TEXT NOT NULL
) STRICT;
INSERT INTO registrations VALUES('62e9943b3e241160bce230fe3bcb20a338fcda88973bb33fe47d8a23c89be1a7','2026-11-29T10:24:53.600252Z');
CREATE TABLE closed_accounts (
    user_id    TEXT PRIMARY KEY CONSTRAINT closed_accounts_user_id_fkey REFERENCES users (id),
    session_id TEXT NOT NULL, -- the session that closed the account, for the audit trail
    role       TEXT NOT NULL CONSTRAINT closed_accounts_role_check CHECK (length(role) BETWEEN 1 AND 32),
    closed_at  TEXT NOT NULL
) STRICT;
CREATE TABLE goose_doctors (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_doctors VALUES(1,0,1,'2026-11-29 10:22:52');
INSERT INTO goose_doctors VALUES(2,1,1,'2026-11-29 10:22:52');
INSERT INTO goose_doctors VALUES(3,2,1,'2026-11-29 10:22:52');
INSERT INTO goose_doctors VALUES(4,3,1,'2026-11-29 10:22:52');
INSERT INTO goose_doctors VALUES(5,4,1,'2026-11-29 10:22:52');
INSERT INTO goose_doctors VALUES(6,5,1,'2026-11-29 10:22:52');
CREATE TABLE doctors (
    id             TEXT        PRIMARY KEY,
    name           TEXT        NOT NULL CONSTRAINT doctors_name_check CHECK (length(name) BETWEEN 1 AND 255),
    specialization TEXT        NOT NULL CONSTRAINT doctors_specialization_check CHECK (length(specialization) BETWEEN 1 AND 255),
    experience     INTEGER     NOT NULL CONSTRAINT doctors_experience_check CHECK (experience BETWEEN 0 AND 80), -- whole years
    email          TEXT        NOT NULL,
    phone          TEXT        NOT NULL,
    license_number TEXT,
    search_text    TEXT        NOT NULL DEFAULT '', -- for searches: without case and accents
    version        INTEGER     NOT NULL,
    created_at     TEXT        NOT NULL,
    updated_at     TEXT        NOT NULL,
    CONSTRAINT doctors_license_number_key UNIQUE (license_number)
) STRICT;
INSERT INTO doctors VALUES('01a226d4-4a8e-7177-bee9-a74ac5f4953a','Dr. Vikram Khanna','Dermatology',9,'','',NULL,replace('dr. vikram khanna\ndermatology','\n',char(10)),1,'2026-11-29T10:22:56.654003Z','2026-11-29T10:22:56.654003Z');
CREATE TABLE doctor_creators (
    doctor_id TEXT PRIMARY KEY CONSTRAINT doctor_creators_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    user_id   TEXT NOT NULL CONSTRAINT doctor_creators_user_id_fkey REFERENCES users (id) ON DELETE CASCADE
) STRICT;
INSERT INTO doctor_creators VALUES('01a226d4-4a8e-7177-bee9-a74ac5f4953a','01a226d4-3e98-7ba2-82e2-8bdf66a075c4');
CREATE TABLE doctor_removals (
    doctor_id   TEXT PRIMARY KEY CONSTRAINT doctor_removals_doctor_id_fkey REFERENCES doctors (id) ON DELETE CASCADE,
    reassign_to TEXT CONSTRAINT doctor_removals_reassign_to_fkey REFERENCES doctors (id), -- NULL: the assignments end
    user_id     TEXT NOT NULL, -- the administrator, for the audit trail; kept after the account is deleted
    session_id  TEXT NOT NULL,
    role        TEXT NOT NULL CONSTRAINT doctor_removals_role_check CHECK (length(role) BETWEEN 1 AND 64),
    started_at  TEXT NOT NULL
) STRICT;
CREATE TABLE goose_patients (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_patients VALUES(1,0,1,'2026-11-29 10:22:52');
INSERT INTO goose_patients VALUES(2,1,1,'2026-11-29 10:22:52');
INSERT INTO goose_patients VALUES(3,2,1,'2026-11-29 10:22:52');
INSERT INTO goose_patients VALUES(4,3,1,'2026-11-29 10:22:53');
CREATE TABLE patients (
    id                    TEXT        PRIMARY KEY,
    owner_id              TEXT        NOT NULL CONSTRAINT patients_owner_id_fkey REFERENCES users (id),
    name                  TEXT        NOT NULL CONSTRAINT patients_name_check CHECK (length(name) BETWEEN 1 AND 255),
    gender                TEXT        NOT NULL CONSTRAINT patients_gender_check CHECK (gender IN ('Male', 'Female', 'Other', 'Unknown')),
    age                   INTEGER     CONSTRAINT patients_age_check CHECK (age BETWEEN 0 AND 150), -- whole years; only without a birth_date
    birth_date            TEXT,
    email                 TEXT        NOT NULL,
    phone                 TEXT        NOT NULL,
    address               TEXT        NOT NULL,
    medical_record_number TEXT,
    notes                 TEXT        NOT NULL,
    search_text           TEXT        NOT NULL DEFAULT '', -- for searches: without case and accents
    version               INTEGER     NOT NULL,
    created_at            TEXT        NOT NULL,
    updated_at            TEXT        NOT NULL,
    CONSTRAINT patients_owner_id_medical_record_number_key UNIQUE (owner_id, medical_record_number),
    CONSTRAINT patients_age_or_birth_date_check CHECK ((age IS NULL) <> (birth_date IS NULL))
) STRICT;
INSERT INTO patients VALUES('01a226d4-45c5-7452-97c7-fb1b00c380b2','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','Ananya Verma','Female',31,NULL,'','','',NULL,'Allergic to penicillin','ananya verma',2,'2026-11-29T10:22:55.429253Z','2026-11-29T10:22:57.072058Z');
INSERT INTO patients VALUES('01a226d4-5534-7594-b2dd-355caf27b436','01a226d4-41bc-7d64-9981-75e377a8736a','Patient 1','Other',40,NULL,'','','',NULL,'','patient 1',1,'2026-11-29T10:22:59.380333Z','2026-11-29T10:22:59.380333Z');
INSERT INTO patients VALUES('01a226d4-553d-7f23-999c-42f92304fedd','01a226d4-41bc-7d64-9981-75e377a8736a','Patient 2','Other',40,NULL,'','','',NULL,'','patient 2',1,'2026-11-29T10:22:59.389933Z','2026-11-29T10:22:59.389933Z');
INSERT INTO patients VALUES('01a226d4-55a9-7dd5-8f30-57ce73029b73','01a226d4-41bc-7d64-9981-75e377a8736a','Patient 5','Other',40,NULL,'','','',NULL,'','patient 5',1,'2026-11-29T10:22:59.497868Z','2026-11-29T10:22:59.497868Z');
INSERT INTO patients VALUES('01a226d4-55cd-7dce-8753-cf7eb508fcd6','01a226d4-41bc-7d64-9981-75e377a8736a','Patient 3','Other',40,NULL,'','','',NULL,'','patient 3',1,'2026-11-29T10:22:59.533734Z','2026-11-29T10:22:59.533734Z');
INSERT INTO patients VALUES('01a226d4-55ed-71fc-b3d6-699ef61c4493','01a226d4-41bc-7d64-9981-75e377a8736a','Patient 7','Other',40,NULL,'','','',NULL,'','patient 7',1,'2026-11-29T10:22:59.565092Z','2026-11-29T10:22:59.565092Z');
INSERT INTO patients VALUES('01a226d4-567c-7b68-9cfc-c3a61bd85729','01a226d4-41bc-7d64-9981-75e377a8736a','Patient 6','Other',40,NULL,'','','',NULL,'','patient 6',1,'2026-11-29T10:22:59.708719Z','2026-11-29T10:22:59.708719Z');
INSERT INTO patients VALUES('01a226d4-567e-7431-8718-d9f043c284a0','01a226d4-41bc-7d64-9981-75e377a8736a','Patient 4','Other',40,NULL,'','','',NULL,'','patient 4',1,'2026-11-29T10:22:59.710261Z','2026-11-29T10:22:59.710261Z');
INSERT INTO patients VALUES('01a226d4-567e-7736-b55a-4f4a0ff27088','01a226d4-41bc-7d64-9981-75e377a8736a','Patient 8','Other',40,NULL,'','','',NULL,'','patient 8',1,'2026-11-29T10:22:59.710466Z','2026-11-29T10:22:59.710466Z');
CREATE TABLE goose_assignments (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_assignments VALUES(1,0,1,'2026-11-29 10:22:53');
INSERT INTO goose_assignments VALUES(2,1,1,'2026-11-29 10:22:53');
CREATE TABLE assignments (
    id          TEXT        PRIMARY KEY,
    owner_id    TEXT        NOT NULL CONSTRAINT assignments_owner_id_fkey REFERENCES users (id), -- the patient's owner; never changes
    patient_id  TEXT        NOT NULL CONSTRAINT assignments_patient_id_fkey REFERENCES patients (id),
    doctor_id   TEXT        NOT NULL CONSTRAINT assignments_doctor_id_fkey REFERENCES doctors (id),
    assigned_at TEXT        NOT NULL,
    CONSTRAINT assignments_patient_id_doctor_id_key UNIQUE (patient_id, doctor_id)
) STRICT;
INSERT INTO assignments VALUES('01a226d4-4b69-741f-8359-2ea66a30318c','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','01a226d4-45c5-7452-97c7-fb1b00c380b2','01a226d4-4a8e-7177-bee9-a74ac5f4953a','2026-11-29T10:22:56.873268Z');
CREATE TABLE goose_audit (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_audit VALUES(1,0,1,'2026-11-29 10:22:53');
INSERT INTO goose_audit VALUES(2,1,1,'2026-11-29 10:22:53');
INSERT INTO goose_audit VALUES(3,2,1,'2026-11-29 10:22:53');
INSERT INTO goose_audit VALUES(4,3,1,'2026-11-29 10:22:53');
CREATE TABLE audit_entries (
    chain         INTEGER NOT NULL,
    sequence      INTEGER NOT NULL CONSTRAINT audit_entries_sequence_check CHECK (sequence >= 1), -- without gaps
    created_at    TEXT    NOT NULL, -- not before that of the previous entry
    id            TEXT    NOT NULL,
    request_id    TEXT    NOT NULL,
    actor_id      TEXT, -- NULL: not signed in
    role          TEXT    NOT NULL,
    session_id    TEXT,
    address       TEXT    NOT NULL, -- of the client
    action        TEXT    NOT NULL,
    resource_type TEXT    NOT NULL,
    resource_id   TEXT,
    patient_id    TEXT, -- no foreign key: entries outlive the records
    outcome       TEXT    NOT NULL CONSTRAINT audit_entries_outcome_check CHECK (outcome IN ('success', 'refused', 'failed')),
    status        INTEGER NOT NULL,
    ids           TEXT    NOT NULL, -- of the records in the response, separated by commas
    id_count      INTEGER NOT NULL,
    fields        TEXT    NOT NULL, -- names of the changed fields, separated by commas; no values
    key_id        TEXT    NOT NULL,
    mac           BLOB    NOT NULL,
    PRIMARY KEY (chain, sequence, created_at)
) STRICT;
INSERT INTO audit_entries VALUES(1,1,'2026-11-29T10:22:53.600616Z','01a226d4-3ea0-7784-a295-13e38552df2a','01a226d4-3e8c-7f12-b97b-a00119cb5455',NULL,'',NULL,'127.0.0.1','create','User','01a226d4-3e98-7ba2-82e2-8bdf66a075c4',NULL,'success',201,'',0,'','QfTkp3Kmfk4',X'795add0f5255829ac1c3e0ed864a5b5f3d4af2f380cdc34317fc2acfbb7802c6');
INSERT INTO audit_entries VALUES(1,2,'2026-11-29T10:22:54.108166Z','01a226d4-409c-71b0-9b6d-cc8ae147ec8d','01a226d4-4091-7b27-9543-1f2f6073a7bd','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','staff','01a226d4-4099-781a-ab25-9effca265c8a','127.0.0.1','login','Session','01a226d4-4099-781a-ab25-9effca265c8a',NULL,'success',200,'',0,'','QfTkp3Kmfk4',X'81430c662b4fe4544712611024e86f1293be726c4bbb03bc11fc9f08b2df0623');
INSERT INTO audit_entries VALUES(1,3,'2026-11-29T10:22:54.404065Z','01a226d4-41c2-7510-84da-18782d8508d0','01a226d4-41b6-7a1e-88a7-d7b573ff26c4',NULL,'',NULL,'127.0.0.1','create','User','01a226d4-41bc-7d64-9981-75e377a8736a',NULL,'success',201,'',0,'','QfTkp3Kmfk4',X'5012898a36fcecc359a5bd20a20c408dc15726c8e7af5e812e3587fb54895fc0');
INSERT INTO audit_entries VALUES(1,4,'2026-11-29T10:22:55.301469Z','01a226d4-4545-75ce-91d5-be48dcee0a56','01a226d4-4538-74b6-bb97-c9ec29264dcb','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','login','Session','01a226d4-4544-7681-a353-59102c4f43d9',NULL,'success',200,'',0,'','QfTkp3Kmfk4',X'3c2987f0f2692b0257a96d4745c5e7a3431714bcdf338c606960db0b537ea8bf');
INSERT INTO audit_entries VALUES(1,5,'2026-11-29T10:22:55.430516Z','01a226d4-45c6-7721-8e4f-5c69926bb48a','01a226d4-45c1-7e6f-afdf-b8fcf3c2d464','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','staff','01a226d4-4099-781a-ab25-9effca265c8a','127.0.0.1','create','Patient','01a226d4-45c5-7452-97c7-fb1b00c380b2','01a226d4-45c5-7452-97c7-fb1b00c380b2','success',201,'',0,'','QfTkp3Kmfk4',X'4bac6f6bddfe1d2409aa868e034dbb11a6e9d681d9500f4891855311a3e408b1');
INSERT INTO audit_entries VALUES(1,6,'2026-11-29T10:22:56.002494Z','01a226d4-4802-7647-8389-e8cde91874bd','01a226d4-4800-7da0-9556-72a8f2d8dc1a','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','create','Patient','01a226d4-4801-7b4a-a691-cb1e3817deda','01a226d4-4801-7b4a-a691-cb1e3817deda','success',201,'',0,'','QfTkp3Kmfk4',X'85a76c2d6491733cbbee542a37c98f4c220cebed5a322a6e7d76e140bbff1175');
INSERT INTO audit_entries VALUES(1,7,'2026-11-29T10:22:56.657471Z','01a226d4-4a91-755d-abfb-673c935da6c3','01a226d4-4a8c-77ee-89f0-7ab2483e09c3','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','staff','01a226d4-4099-781a-ab25-9effca265c8a','127.0.0.1','create','Doctor','01a226d4-4a8e-7177-bee9-a74ac5f4953a',NULL,'success',201,'',0,'','QfTkp3Kmfk4',X'4560fd5cd215326fbae4b8f8941ddb892d62e15ec49cdb1e3866e7a2f16db786');
INSERT INTO audit_entries VALUES(1,8,'2026-11-29T10:22:56.874500Z','01a226d4-4b6a-762c-b70a-8da353f8c2eb','01a226d4-4b68-7253-81d6-d6ff6779e273','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','staff','01a226d4-4099-781a-ab25-9effca265c8a','127.0.0.1','create','Assignment','01a226d4-4b69-741f-8359-2ea66a30318c','01a226d4-45c5-7452-97c7-fb1b00c380b2','success',201,'',0,'','QfTkp3Kmfk4',X'9f837657ac9e0f564597eedb74ac6f830bc761d88758c6bf232f0c649fd017c1');
INSERT INTO audit_entries VALUES(1,9,'2026-11-29T10:22:57.075776Z','01a226d4-4c33-7821-ba1c-896fdc4ad9b8','01a226d4-4c2c-76de-bbc8-3d36404e5194','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','staff','01a226d4-4099-781a-ab25-9effca265c8a','127.0.0.1','update','Patient','01a226d4-45c5-7452-97c7-fb1b00c380b2','01a226d4-45c5-7452-97c7-fb1b00c380b2','success',200,'',0,'notes','QfTkp3Kmfk4',X'c0a3c58ee812001b94be1c31cee5ca759ab4ac1d133e7342af0e29a26c5d5574');
INSERT INTO audit_entries VALUES(1,10,'2026-11-29T10:22:57.239910Z','01a226d4-4cd1-75d5-9e19-7be8bce007ba','01a226d4-4cc9-7d33-b197-9e77e02e6af9','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','staff','01a226d4-4099-781a-ab25-9effca265c8a','127.0.0.1','search','Patient',NULL,NULL,'success',200,'01a226d4-45c5-7452-97c7-fb1b00c380b2',1,'','QfTkp3Kmfk4',X'70712833024e87a52c2f635dced86b2d4e84496b40776e84c9b100fd61e1b550');
INSERT INTO audit_entries VALUES(1,11,'2026-11-29T10:22:57.309723Z','01a226d4-4d1d-7478-9078-ea6c46311767','01a226d4-4d1b-7ebb-bb02-ffa7264aeab4','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','staff','01a226d4-4099-781a-ab25-9effca265c8a','127.0.0.1','refused','Patient','01a226d4-4801-7b4a-a691-cb1e3817deda','01a226d4-4801-7b4a-a691-cb1e3817deda','refused',404,'',0,'','QfTkp3Kmfk4',X'ed829430af6a2a04d5c936013ba1add2cae54574613099f784175ddaa734d683');
INSERT INTO audit_entries VALUES(1,12,'2026-11-29T10:22:57.673067Z','01a226d4-4e88-75a2-bdd1-1f8bd93d3295','01a226d4-4e87-704d-ab50-56da09d01204','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','read','Patient','01a226d4-4801-7b4a-a691-cb1e3817deda','01a226d4-4801-7b4a-a691-cb1e3817deda','success',200,'',0,'','QfTkp3Kmfk4',X'71bdda81c88aebf2ba6f6bc36ffb653ebf57fde01df2e1ed895b6aa4a561a8aa');
INSERT INTO audit_entries VALUES(1,13,'2026-11-29T10:22:57.833999Z','01a226d4-4f29-7932-81c4-87d38b6aa4b7','01a226d4-4f21-74d7-bb91-be8441f309a2','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','delete','Patient','01a226d4-4801-7b4a-a691-cb1e3817deda','01a226d4-4801-7b4a-a691-cb1e3817deda','success',204,'',0,'','QfTkp3Kmfk4',X'083f4b460bb213145691fbe06c5e388843df6063f48f857b5705c47c332c54cc');
INSERT INTO audit_entries VALUES(1,14,'2026-11-29T10:22:58.090519Z','01a226d4-502a-7381-9968-c0eea55bcc6f','01a226d4-5027-7bdd-ac38-627f425b110b','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','staff','01a226d4-4099-781a-ab25-9effca265c8a','127.0.0.1','list','Assignment',NULL,'01a226d4-45c5-7452-97c7-fb1b00c380b2','success',200,'01a226d4-4b69-741f-8359-2ea66a30318c',1,'','QfTkp3Kmfk4',X'f1aa9eca53317895585bda46cc8f279785420971c9e30d904a241bc6d4298671');
INSERT INTO audit_entries VALUES(1,15,'2026-11-29T10:22:58.377324Z','01a226d4-5149-707a-83cf-6219edeca4df','01a226d4-5148-7425-a0d9-9d41c154bd57','01a226d4-3e98-7ba2-82e2-8bdf66a075c4','staff','01a226d4-4099-781a-ab25-9effca265c8a','127.0.0.1','read','Patient','01a226d4-45c5-7452-97c7-fb1b00c380b2','01a226d4-45c5-7452-97c7-fb1b00c380b2','success',200,'',0,'','QfTkp3Kmfk4',X'66270c98908fcf85e8c246560d9b0402f946c56310ce3eb6e235abaef1909512');
INSERT INTO audit_entries VALUES(1,16,'2026-11-29T10:22:59.411671Z','01a226d4-5553-7765-8a42-8d5dc65d85eb','01a226d4-5533-74a1-893b-dc27703c8573','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','create','Patient','01a226d4-5534-7594-b2dd-355caf27b436','01a226d4-5534-7594-b2dd-355caf27b436','success',201,'',0,'','QfTkp3Kmfk4',X'c77e2e0d06b4ffd863672227517f516c181a8867a3ae70ef2bdb01f4f08ae751');
INSERT INTO audit_entries VALUES(1,17,'2026-11-29T10:22:59.524188Z','01a226d4-55c4-71d7-b071-9078fe84b3fc','01a226d4-553b-7b42-b36d-a6a71f7bbeae','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','create','Patient','01a226d4-553d-7f23-999c-42f92304fedd','01a226d4-553d-7f23-999c-42f92304fedd','success',201,'',0,'','QfTkp3Kmfk4',X'41818d668c930d98897a7c96a0981aa1171dbb9816db7e0d2c5da31af577f70a');
INSERT INTO audit_entries VALUES(1,18,'2026-11-29T10:22:59.535374Z','01a226d4-55cf-7470-ba7b-e11682de52e2','01a226d4-55a8-7ad1-97a6-54e533315e13','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','create','Patient','01a226d4-55a9-7dd5-8f30-57ce73029b73','01a226d4-55a9-7dd5-8f30-57ce73029b73','success',201,'',0,'','QfTkp3Kmfk4',X'58a052e60f33e578b7638b0d6acf963858c931c040ec1cb7de3fcf2e4084656f');
INSERT INTO audit_entries VALUES(1,19,'2026-11-29T10:22:59.542319Z','01a226d4-55d6-73d9-a9d7-50f312d1b406','01a226d4-55cd-7578-ab11-bf96e8d52d8e','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','create','Patient','01a226d4-55cd-7dce-8753-cf7eb508fcd6','01a226d4-55cd-7dce-8753-cf7eb508fcd6','success',201,'',0,'','QfTkp3Kmfk4',X'44de4a0af79d5e4926eedcc5cd706a07cd24226bb32752b4106ca433e8880eb6');
INSERT INTO audit_entries VALUES(1,20,'2026-11-29T10:22:59.565879Z','01a226d4-55ed-798a-8f98-17ef1337062b','01a226d4-55ec-74a1-be94-6cf4566a9753','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','create','Patient','01a226d4-55ed-71fc-b3d6-699ef61c4493','01a226d4-55ed-71fc-b3d6-699ef61c4493','success',201,'',0,'','QfTkp3Kmfk4',X'97c88eda6ae42a7a0ae3dc9c773191eec73a1926fe4abe2458f434b0586b8165');
INSERT INTO audit_entries VALUES(1,21,'2026-11-29T10:22:59.709394Z','01a226d4-567d-732b-8f1e-84917ec859cb','01a226d4-567c-73bc-8507-9ce4713f71bb','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','create','Patient','01a226d4-567c-7b68-9cfc-c3a61bd85729','01a226d4-567c-7b68-9cfc-c3a61bd85729','success',201,'',0,'','QfTkp3Kmfk4',X'2d57e38aa833fa6783a77465d9c585cd6afeb43ffa96779a87fd213874248b15');
INSERT INTO audit_entries VALUES(1,22,'2026-11-29T10:22:59.713717Z','01a226d4-5681-7a3f-80b2-13e4bda96b4c','01a226d4-567e-71e3-85ad-0080b0495d9f','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','create','Patient','01a226d4-567e-7431-8718-d9f043c284a0','01a226d4-567e-7431-8718-d9f043c284a0','success',201,'',0,'','QfTkp3Kmfk4',X'0826c56b033af107d987b3e676f6e669e533a2b69557730fcb6540230e554263');
INSERT INTO audit_entries VALUES(1,23,'2026-11-29T10:22:59.724123Z','01a226d4-568b-778f-9917-9fc45e68dd0e','01a226d4-567e-75c0-a0ea-cc60dd105576','01a226d4-41bc-7d64-9981-75e377a8736a','staff','01a226d4-4544-7681-a353-59102c4f43d9','127.0.0.1','create','Patient','01a226d4-567e-7736-b55a-4f4a0ff27088','01a226d4-567e-7736-b55a-4f4a0ff27088','success',201,'',0,'','QfTkp3Kmfk4',X'c0de9a20f8865d1bf87c13b4406b4e50a06d66a07d1f0e35ca692f4c8c680390');
CREATE TABLE audit_heads (
    chain           INTEGER PRIMARY KEY,
    sequence        INTEGER NOT NULL,
    mac             BLOB    NOT NULL,
    last_at         TEXT, -- NULL while the chain is empty
    anchor_sequence INTEGER NOT NULL, -- entries up to it are pruned and may be deleted
    anchor_mac      BLOB    NOT NULL,
    CONSTRAINT audit_heads_anchor_check CHECK (anchor_sequence <= sequence)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_heads VALUES(1,23,X'c0de9a20f8865d1bf87c13b4406b4e50a06d66a07d1f0e35ca692f4c8c680390','2026-11-29T10:22:59.724123Z',0,X'5f756d5b371031f91cb86c542198e7f9d3237bd94e62e3c55a864162bbbed364');
INSERT INTO audit_heads VALUES(2,0,X'e8235a5964bf0d2f768dfff46a44ca02a85bc3033225e6496cb139a9acf07ae0',NULL,0,X'e8235a5964bf0d2f768dfff46a44ca02a85bc3033225e6496cb139a9acf07ae0');
INSERT INTO audit_heads VALUES(3,0,X'5b268ad6739506cc224a660b9de3d454149e1c0a26caad9d1fea8176aa76fbe8',NULL,0,X'5b268ad6739506cc224a660b9de3d454149e1c0a26caad9d1fea8176aa76fbe8');
INSERT INTO audit_heads VALUES(4,0,X'5cca2299134ac1afcd41414465cec2824e998961ab25cf3036c6855dba213dad',NULL,0,X'5cca2299134ac1afcd41414465cec2824e998961ab25cf3036c6855dba213dad');
INSERT INTO audit_heads VALUES(5,0,X'ffd1212a16f68d505cd6abe94c6ab921215220f60dfd117a06da8df790ddc9c6',NULL,0,X'ffd1212a16f68d505cd6abe94c6ab921215220f60dfd117a06da8df790ddc9c6');
INSERT INTO audit_heads VALUES(6,0,X'f419f7e1201bcdc3f818b58e453643682ea88e72831c524c8f00f52d0c82dfc8',NULL,0,X'f419f7e1201bcdc3f818b58e453643682ea88e72831c524c8f00f52d0c82dfc8');
INSERT INTO audit_heads VALUES(7,0,X'77bf03be311387804671526e01e2f6a5bdb9da0b58cd9413ac5a5c81a120526d',NULL,0,X'77bf03be311387804671526e01e2f6a5bdb9da0b58cd9413ac5a5c81a120526d');
INSERT INTO audit_heads VALUES(8,0,X'0998025b09be9224e42673c5a8bc7a31f3b16c4ea90604e0e6f1c0549c9a8d44',NULL,0,X'0998025b09be9224e42673c5a8bc7a31f3b16c4ea90604e0e6f1c0549c9a8d44');
CREATE TABLE audit_subjects (
    patient_id TEXT    NOT NULL,
    created_at TEXT    NOT NULL, -- of the entry
    id         TEXT    NOT NULL, -- of the entry
    chain      INTEGER NOT NULL,
    sequence   INTEGER NOT NULL,
    PRIMARY KEY (patient_id, created_at, id)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_subjects VALUES('01a226d4-45c5-7452-97c7-fb1b00c380b2','2026-11-29T10:22:55.430516Z','01a226d4-45c6-7721-8e4f-5c69926bb48a',1,5);
INSERT INTO audit_subjects VALUES('01a226d4-45c5-7452-97c7-fb1b00c380b2','2026-11-29T10:22:56.874500Z','01a226d4-4b6a-762c-b70a-8da353f8c2eb',1,8);
INSERT INTO audit_subjects VALUES('01a226d4-45c5-7452-97c7-fb1b00c380b2','2026-11-29T10:22:57.075776Z','01a226d4-4c33-7821-ba1c-896fdc4ad9b8',1,9);
INSERT INTO audit_subjects VALUES('01a226d4-45c5-7452-97c7-fb1b00c380b2','2026-11-29T10:22:57.239910Z','01a226d4-4cd1-75d5-9e19-7be8bce007ba',1,10);
INSERT INTO audit_subjects VALUES('01a226d4-45c5-7452-97c7-fb1b00c380b2','2026-11-29T10:22:58.090519Z','01a226d4-502a-7381-9968-c0eea55bcc6f',1,14);
INSERT INTO audit_subjects VALUES('01a226d4-45c5-7452-97c7-fb1b00c380b2','2026-11-29T10:22:58.377324Z','01a226d4-5149-707a-83cf-6219edeca4df',1,15);
INSERT INTO audit_subjects VALUES('01a226d4-4801-7b4a-a691-cb1e3817deda','2026-11-29T10:22:56.002494Z','01a226d4-4802-7647-8389-e8cde91874bd',1,6);
INSERT INTO audit_subjects VALUES('01a226d4-4801-7b4a-a691-cb1e3817deda','2026-11-29T10:22:57.309723Z','01a226d4-4d1d-7478-9078-ea6c46311767',1,11);
INSERT INTO audit_subjects VALUES('01a226d4-4801-7b4a-a691-cb1e3817deda','2026-11-29T10:22:57.673067Z','01a226d4-4e88-75a2-bdd1-1f8bd93d3295',1,12);
INSERT INTO audit_subjects VALUES('01a226d4-4801-7b4a-a691-cb1e3817deda','2026-11-29T10:22:57.833999Z','01a226d4-4f29-7932-81c4-87d38b6aa4b7',1,13);
INSERT INTO audit_subjects VALUES('01a226d4-5534-7594-b2dd-355caf27b436','2026-11-29T10:22:59.411671Z','01a226d4-5553-7765-8a42-8d5dc65d85eb',1,16);
INSERT INTO audit_subjects VALUES('01a226d4-553d-7f23-999c-42f92304fedd','2026-11-29T10:22:59.524188Z','01a226d4-55c4-71d7-b071-9078fe84b3fc',1,17);
INSERT INTO audit_subjects VALUES('01a226d4-55a9-7dd5-8f30-57ce73029b73','2026-11-29T10:22:59.535374Z','01a226d4-55cf-7470-ba7b-e11682de52e2',1,18);
INSERT INTO audit_subjects VALUES('01a226d4-55cd-7dce-8753-cf7eb508fcd6','2026-11-29T10:22:59.542319Z','01a226d4-55d6-73d9-a9d7-50f312d1b406',1,19);
INSERT INTO audit_subjects VALUES('01a226d4-55ed-71fc-b3d6-699ef61c4493','2026-11-29T10:22:59.565879Z','01a226d4-55ed-798a-8f98-17ef1337062b',1,20);
INSERT INTO audit_subjects VALUES('01a226d4-567c-7b68-9cfc-c3a61bd85729','2026-11-29T10:22:59.709394Z','01a226d4-567d-732b-8f1e-84917ec859cb',1,21);
INSERT INTO audit_subjects VALUES('01a226d4-567e-7431-8718-d9f043c284a0','2026-11-29T10:22:59.713717Z','01a226d4-5681-7a3f-80b2-13e4bda96b4c',1,22);
INSERT INTO audit_subjects VALUES('01a226d4-567e-7736-b55a-4f4a0ff27088','2026-11-29T10:22:59.724123Z','01a226d4-568b-778f-9917-9fc45e68dd0e',1,23);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('goose_platform',6);
INSERT INTO sqlite_sequence VALUES('goose_identity',8);
INSERT INTO sqlite_sequence VALUES('goose_doctors',6);
INSERT INTO sqlite_sequence VALUES('goose_patients',4);
INSERT INTO sqlite_sequence VALUES('goose_assignments',2);
INSERT INTO sqlite_sequence VALUES('goose_audit',4);
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);
CREATE INDEX jobs_due_at_idx ON jobs (due_at) WHERE expires_at IS NULL;
CREATE INDEX jobs_expires_at_idx ON jobs (expires_at);
CREATE INDEX idempotency_keys_body_idx ON idempotency_keys (expires_at) WHERE length(body) > 0;
CREATE INDEX users_created_at_idx ON users (created_at DESC, id DESC);
CREATE INDEX users_name_idx ON users (name, id);
CREATE INDEX sessions_user_id_idx ON sessions (user_id, last_used_at);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
CREATE INDEX signin_attempts_expires_at_idx ON signin_attempts (expires_at);
CREATE INDEX user_mailboxes_mailbox_idx ON user_mailboxes (mailbox);
CREATE UNIQUE INDEX user_mailboxes_holder_idx ON user_mailboxes (mailbox) WHERE holds;
CREATE INDEX users_search_text_stale_idx ON users (id)
    WHERE (search_text GLOB char(42, 91, 96, 133, 45, 750, 1370, 45, 1740, 4447, 45, 4448, 5120, 5760, 45, 6158, 8203, 45, 8725, 10075, 45, 10240, 11799, 45, 12448, 42891, 45, 42892, 65279, 45, 65531, 917505, 45, 917631, 93, 42) AND search_text GLOB char(42, 91, 96, 697, 699, 45, 703, 712, 714, 45, 715, 1370, 1523, 8216, 45, 8219, 8242, 8245, 8249, 45, 8250, 10075, 45, 10076, 42891, 45, 42892, 171, 187, 698, 750, 1524, 8220, 45, 8223, 10077, 45, 10078, 12317, 45, 12319, 727, 1418, 1470, 5120, 6150, 8208, 45, 8213, 8259, 8722, 11799, 11802, 11834, 45, 11835, 11840, 12316, 12336, 12448, 8260, 8725, 133, 5760, 8232, 45, 8233, 10240, 173, 1564, 1600, 4447, 45, 4448, 6158, 8203, 45, 8207, 8234, 45, 8238, 8288, 45, 8303, 65279, 65529, 45, 65531, 917505, 917536, 45, 917631, 230, 339, 254, 384, 595, 240, 273, 598, 45, 599, 603, 295, 305, 616, 409, 322, 331, 626, 248, 596, 359, 649, 436, 1609, 1740, 1705, 93, 42) OR name GLOB char(42, 91, 96, 180, 900, 8125, 8127, 8189, 8190, 93, 42) AND instr(search_text, '''') = 0);
CREATE INDEX known_clients_signed_in_at_idx ON known_clients (signed_in_at);
CREATE INDEX registrations_full_at_idx ON registrations (full_at);
CREATE INDEX doctors_created_at_idx ON doctors (created_at DESC, id DESC);
CREATE INDEX doctors_updated_at_idx ON doctors (updated_at DESC, id DESC);
CREATE INDEX doctors_name_idx ON doctors (name, id);
CREATE INDEX doctors_specialization_idx ON doctors (specialization, id);
CREATE INDEX doctors_experience_idx ON doctors (experience, id);
CREATE INDEX doctors_search_text_stale_idx ON doctors (id)
    WHERE (search_text GLOB char(42, 91, 96, 133, 45, 750, 1370, 45, 1740, 4447, 45, 4448, 5120, 5760, 45, 6158, 8203, 45, 8725, 10075, 45, 10240, 11799, 45, 12448, 42891, 45, 42892, 65279, 45, 65531, 917505, 45, 917631, 93, 42) AND search_text GLOB char(42, 91, 96, 697, 699, 45, 703, 712, 714, 45, 715, 1370, 1523, 8216, 45, 8219, 8242, 8245, 8249, 45, 8250, 10075, 45, 10076, 42891, 45, 42892, 171, 187, 698, 750, 1524, 8220, 45, 8223, 10077, 45, 10078, 12317, 45, 12319, 727, 1418, 1470, 5120, 6150, 8208, 45, 8213, 8259, 8722, 11799, 11802, 11834, 45, 11835, 11840, 12316, 12336, 12448, 8260, 8725, 133, 5760, 8232, 45, 8233, 10240, 173, 1564, 1600, 4447, 45, 4448, 6158, 8203, 45, 8207, 8234, 45, 8238, 8288, 45, 8303, 65279, 65529, 45, 65531, 917505, 917536, 45, 917631, 230, 339, 254, 384, 595, 240, 273, 598, 45, 599, 603, 295, 305, 616, 409, 322, 331, 626, 248, 596, 359, 649, 436, 1609, 1740, 1705, 93, 42) OR name GLOB char(42, 91, 96, 180, 900, 8125, 8127, 8189, 8190, 93, 42) AND instr(search_text, '''') = 0);
CREATE INDEX doctor_creators_user_id_idx ON doctor_creators (user_id);
CREATE INDEX doctor_removals_reassign_to_idx ON doctor_removals (reassign_to);
CREATE INDEX patients_owner_id_created_at_idx ON patients (owner_id, created_at DESC, id DESC);
CREATE INDEX patients_owner_id_updated_at_idx ON patients (owner_id, updated_at DESC, id DESC);
CREATE INDEX patients_owner_id_name_idx ON patients (owner_id, name, id);
CREATE INDEX patients_search_text_stale_idx ON patients (id)
    WHERE (search_text GLOB char(42, 91, 96, 133, 45, 750, 1370, 45, 1740, 4447, 45, 4448, 5120, 5760, 45, 6158, 8203, 45, 8725, 10075, 45, 10240, 11799, 45, 12448, 42891, 45, 42892, 65279, 45, 65531, 917505, 45, 917631, 93, 42) AND search_text GLOB char(42, 91, 96, 697, 699, 45, 703, 712, 714, 45, 715, 1370, 1523, 8216, 45, 8219, 8242, 8245, 8249, 45, 8250, 10075, 45, 10076, 42891, 45, 42892, 171, 187, 698, 750, 1524, 8220, 45, 8223, 10077, 45, 10078, 12317, 45, 12319, 727, 1418, 1470, 5120, 6150, 8208, 45, 8213, 8259, 8722, 11799, 11802, 11834, 45, 11835, 11840, 12316, 12336, 12448, 8260, 8725, 133, 5760, 8232, 45, 8233, 10240, 173, 1564, 1600, 4447, 45, 4448, 6158, 8203, 45, 8207, 8234, 45, 8238, 8288, 45, 8303, 65279, 65529, 45, 65531, 917505, 917536, 45, 917631, 230, 339, 254, 384, 595, 240, 273, 598, 45, 599, 603, 295, 305, 616, 409, 322, 331, 626, 248, 596, 359, 649, 436, 1609, 1740, 1705, 93, 42) OR name GLOB char(42, 91, 96, 180, 900, 8125, 8127, 8189, 8190, 93, 42) AND instr(search_text, '''') = 0);
CREATE INDEX assignments_owner_id_assigned_at_idx ON assignments (owner_id, assigned_at DESC, id DESC);
CREATE INDEX assignments_patient_id_assigned_at_idx ON assignments (patient_id, assigned_at DESC, id DESC);
CREATE INDEX assignments_doctor_id_assigned_at_idx ON assignments (doctor_id, owner_id, assigned_at DESC, id DESC);
CREATE INDEX audit_entries_actor_id_created_at_idx ON audit_entries (actor_id, created_at DESC, id DESC);
CREATE TRIGGER audit_entries_refuse_insert BEFORE INSERT ON audit_entries
WHEN EXISTS (SELECT 1 FROM audit_entries WHERE chain = new.chain AND sequence = new.sequence)
BEGIN SELECT RAISE(ABORT, 'audit entries are never replaced'); END;
CREATE TRIGGER audit_entries_refuse_update BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
CREATE TRIGGER audit_entries_refuse_delete BEFORE DELETE ON audit_entries
WHEN old.sequence > coalesce((SELECT anchor_sequence FROM audit_heads WHERE chain = old.chain), 0)
BEGIN SELECT RAISE(ABORT, 'audit entries are deleted by pruning only'); END;
CREATE TRIGGER audit_heads_refuse_update BEFORE UPDATE ON audit_heads
WHEN new.chain <> old.chain OR new.sequence < old.sequence OR new.anchor_sequence < old.anchor_sequence
BEGIN SELECT RAISE(ABORT, 'the head of an audit chain only advances'); END;
CREATE TRIGGER audit_heads_refuse_insert BEFORE INSERT ON audit_heads
WHEN EXISTS (SELECT 1 FROM audit_heads WHERE chain = new.chain)
BEGIN SELECT RAISE(ABORT, 'the head of an audit chain only advances'); END;
CREATE TRIGGER audit_heads_refuse_delete BEFORE DELETE ON audit_heads
BEGIN SELECT RAISE(ABORT, 'the head of an audit chain is never deleted'); END;
CREATE TRIGGER audit_subjects_refuse_insert BEFORE INSERT ON audit_subjects
WHEN EXISTS (SELECT 1 FROM audit_subjects WHERE patient_id = new.patient_id AND created_at = new.created_at AND id = new.id)
BEGIN SELECT RAISE(ABORT, 'whom an audit entry is about is never replaced'); END;
CREATE TRIGGER audit_subjects_refuse_update BEFORE UPDATE ON audit_subjects
BEGIN SELECT RAISE(ABORT, 'whom an audit entry is about is never changed'); END;
CREATE TRIGGER audit_subjects_refuse_delete BEFORE DELETE ON audit_subjects
WHEN old.sequence > coalesce((SELECT anchor_sequence FROM audit_heads WHERE chain = old.chain), 0)
BEGIN SELECT RAISE(ABORT, 'whom an audit entry is about is deleted by pruning only'); END;
CREATE INDEX audit_entries_action_created_at_idx ON audit_entries (action, created_at DESC, id DESC);
CREATE INDEX audit_entries_expr_created_at_idx ON audit_entries ((chain * 0), created_at DESC, id DESC);
COMMIT;
