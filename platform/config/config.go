// Package config reads the configuration: the embedded defaults, then a file, then the environment. It validates the
// values; the packages that receive them define their effect.
package config

import (
	"fmt"
	"path/filepath"
	"time"
	_ "time/tzdata" // time_zone works in a container without a time zone database

	"healthcare/platform/timezone"
)

// Config has a field for every key. The field declares the type and the valid values, and configs/default.yaml the
// default and the meaning. The tag range has the lowest and the highest valid value of a number or a duration, the tag
// oneof the valid values of a text; check has the remaining rules.
type Config struct {
	SecretKey         Secret   `koanf:"secret_key"`
	SecretKeyPrevious Secret   `koanf:"secret_key_previous"` // a list: PreviousSecrets
	DatabaseURL       Secret   `koanf:"database_url"`        // contains a password
	Debug             bool     `koanf:"debug"`
	AllowedHosts      []string `koanf:"allowed_hosts"`
	CORSOrigins       []string `koanf:"cors_origins"`

	AppEnv   string `koanf:"app_env" oneof:"development,production"`
	DataDir  string `koanf:"data_dir"`
	LogLevel string `koanf:"log_level" oneof:"debug,info,warn,error"`
	TimeZone string `koanf:"time_zone"` // Location

	Compat string `koanf:"compat" oneof:",django"`

	DoctorDirectory       string `koanf:"doctor_directory" oneof:"guarded,open,curated"`
	CareTeamAccess        string `koanf:"care_team_access" oneof:"on,off"`
	PatientSeesNotes      bool   `koanf:"patient_sees_notes"`
	EmergencyAccess       string `koanf:"emergency_access" oneof:"doctors,staff,off"`
	MaxPatientsPerUser    int    `koanf:"max_patients_per_user" range:"0,100000000"` // 0: no limit
	MaxDoctorsPerUser     int    `koanf:"max_doctors_per_user" range:"0,100000000"`
	MaxAssignmentsPerUser int    `koanf:"max_assignments_per_user" range:"0,100000000"`

	MaxAppointmentsPerPatient int `koanf:"max_appointments_per_patient" range:"0,10000"`

	MetricsAddress string `koanf:"metrics_address"`

	MailURL          Secret `koanf:"mail_url"` // contains a password
	MailFrom         string `koanf:"mail_from"`
	MailDKIMSelector string `koanf:"mail_dkim_selector"`
	MailDKIMKey      Secret `koanf:"mail_dkim_key"`

	PublicURL            string `koanf:"public_url"`
	PracticeName         string `koanf:"practice_name"`
	NotificationDetail   string `koanf:"notification_detail" oneof:"none,time"`
	NotificationLanguage string `koanf:"notification_language" oneof:"en,de,fr"`
	QuietHours           string `koanf:"quiet_hours"`
	MailsPerHour         int    `koanf:"mails_per_hour" range:"0,1000000"`

	WebhookAllowPrivate []string `koanf:"webhook_allow_private"`

	HTTPAddress         string        `koanf:"http_address"`
	TrustedProxies      []string      `koanf:"trusted_proxies"`
	ForwardedHeader     string        `koanf:"forwarded_header"`
	HTTPBodyLimit       int           `koanf:"http_body_limit" range:"1024,16777216"`
	HTTPHeaderLimit     int           `koanf:"http_header_limit" range:"1024,1048576"`
	HTTPURLLimit        int           `koanf:"http_url_limit" range:"256,65536"`
	HTTPConnections     int           `koanf:"http_connections" range:"1,1048576"`
	HTTPReadTimeout     time.Duration `koanf:"http_read_timeout" range:"1ms,8760h"`
	HTTPWriteTimeout    time.Duration `koanf:"http_write_timeout" range:"1ms,8760h"`
	HTTPIdleTimeout     time.Duration `koanf:"http_idle_timeout" range:"1ms,8760h"`
	HTTPHandlerTimeout  time.Duration `koanf:"http_handler_timeout" range:"1ms,8760h"`
	HTTPShutdownDelay   time.Duration `koanf:"http_shutdown_delay" range:"0s,1h"`
	HTTPShutdownTimeout time.Duration `koanf:"http_shutdown_timeout" range:"1ms,8760h"`
	RequireIfMatch      bool          `koanf:"require_if_match"`

	AuditKey             Secret        `koanf:"audit_key"`
	AuditKeyPrevious     Secret        `koanf:"audit_key_previous"` // a list: PreviousAuditKeys
	AuditCheckpoints     string        `koanf:"audit_checkpoints"`  // AuditCheckpointsPath
	AuditCheckpointEvery time.Duration `koanf:"audit_checkpoint_every" range:"1s,24h"`
	AuditRequestsPerHour int           `koanf:"audit_requests_per_hour" range:"0,1000000000"`

	DatabaseReplicaURLs              Secret        `koanf:"database_replica_urls"` // a list: ReplicaURLs
	DatabaseReplicaMaxLag            time.Duration `koanf:"database_replica_max_lag" range:"1s,1h"`
	DatabasePoolSize                 int           `koanf:"database_pool_size" range:"1,1000"`
	DatabaseConnectTimeout           time.Duration `koanf:"database_connect_timeout" range:"1ms,8760h"`
	DatabaseMigrateOnStart           bool          `koanf:"database_migrate_on_start"`
	DatabaseAcquireTimeout           time.Duration `koanf:"database_acquire_timeout" range:"1ms,8760h"`
	DatabaseStatementTimeout         time.Duration `koanf:"database_statement_timeout" range:"1ms,8760h"`
	DatabaseLockTimeout              time.Duration `koanf:"database_lock_timeout" range:"1ms,8760h"`
	DatabaseIdleInTransactionTimeout time.Duration `koanf:"database_idle_in_transaction_timeout" range:"1ms,8760h"`
	DatabaseSlowQuery                time.Duration `koanf:"database_slow_query" range:"0s,1h"`

	AccessTokenLifetime     time.Duration `koanf:"access_token_lifetime" range:"1m,24h"` // whole seconds
	SessionIdleLifetime     time.Duration `koanf:"session_idle_lifetime" range:"1m,8760h"`
	SessionLifetime         time.Duration `koanf:"session_lifetime" range:"1m,8760h"`
	Registration            string        `koanf:"registration" oneof:"open,closed"`
	RegistrationsPerHour    int           `koanf:"registrations_per_hour" range:"0,1000000"`
	RequireVerifiedEmail    bool          `koanf:"require_verified_email"`
	PasswordPolicy          string        `koanf:"password_policy" oneof:"basic,strict"`
	SignInFreeAttempts      int           `koanf:"signin_free_attempts" range:"1,1000000"`
	SignInAccountFailures   int           `koanf:"signin_account_failures" range:"10,1000000"`
	SignInClientFailures    int           `koanf:"signin_client_failures" range:"5,1000000"`
	PasswordHashMemory      int           `koanf:"password_hash_memory" range:"64,262144"` // KiB
	PasswordHashIterations  int           `koanf:"password_hash_iterations" range:"1,16"`
	PasswordHashParallelism int           `koanf:"password_hash_parallelism" range:"1,16"`
	PasswordHashSlots       int           `koanf:"password_hash_slots" range:"0,1024"`
	PasswordHashQueue       int           `koanf:"password_hash_queue" range:"0,10000"`
	PasswordHashWait        time.Duration `koanf:"password_hash_wait" range:"1ms,1m"`
}

// Django is the value of compat that serves clients of the original service.
const Django = "django"

// Production is the value of app_env for which no key is generated.
const Production = "production"

// Error reports an invalid configuration in one line, which names the key and contains no secret. The process exits
// with 78 (EX_CONFIG, sysexits.h).
type Error struct{ text string }

func (e *Error) Error() string { return "configuration: " + e.text }

func errorf(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// Embedded reports whether the store is the embedded SQLite database.
func (c Config) Embedded() bool { return c.DatabaseURL == "" }

// DatabasePath returns the path of the embedded database.
func (c Config) DatabasePath() string { return filepath.Join(c.DataDir, "healthcare.db") }

// MailFolder returns the folder of messages that are written to files.
func (c Config) MailFolder() string { return filepath.Join(c.DataDir, "mail") }

// Location returns the time zone for dates. It is UTC if time_zone is invalid.
func (c Config) Location() *time.Location {
	location, err := timezone.Load(c.TimeZone)
	if err != nil {
		return time.UTC
	}
	return location
}
