// Package config reads the operator's configuration: the embedded defaults, then a file, then the environment. It holds
// values and checks them; what they mean is their owners' business.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time_zone works in a container without a time zone database

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/net/idna"
)

// Config is every key of configs/default.yaml, which documents them.
type Config struct {
	SecretKey         Secret   `koanf:"secret_key"`
	SecretKeyPrevious Secret   `koanf:"secret_key_previous"` // a list: PreviousSecrets
	DatabaseURL       Secret   `koanf:"database_url"`        // it holds a password
	Debug             bool     `koanf:"debug"`
	AllowedHosts      []string `koanf:"allowed_hosts"`
	CORSOrigins       []string `koanf:"cors_origins"`

	AppEnv   string `koanf:"app_env"`
	DataDir  string `koanf:"data_dir"`
	LogLevel string `koanf:"log_level"`
	TimeZone string `koanf:"time_zone"` // Location

	Compat string `koanf:"compat"` // "" or Django

	DoctorDirectory       string `koanf:"doctor_directory"`
	MaxPatientsPerUser    int    `koanf:"max_patients_per_user"`
	MaxDoctorsPerUser     int    `koanf:"max_doctors_per_user"`
	MaxAssignmentsPerUser int    `koanf:"max_assignments_per_user"`

	MetricsAddress string `koanf:"metrics_address"`

	HTTPAddress         string        `koanf:"http_address"`
	TrustedProxies      []string      `koanf:"trusted_proxies"`
	ForwardedHeader     string        `koanf:"forwarded_header"`
	HTTPBodyLimit       int           `koanf:"http_body_limit"`
	HTTPHeaderLimit     int           `koanf:"http_header_limit"`
	HTTPURLLimit        int           `koanf:"http_url_limit"`
	HTTPConnections     int           `koanf:"http_connections"`
	HTTPReadTimeout     time.Duration `koanf:"http_read_timeout"`
	HTTPWriteTimeout    time.Duration `koanf:"http_write_timeout"`
	HTTPIdleTimeout     time.Duration `koanf:"http_idle_timeout"`
	HTTPHandlerTimeout  time.Duration `koanf:"http_handler_timeout"`
	HTTPShutdownDelay   time.Duration `koanf:"http_shutdown_delay"`
	HTTPShutdownTimeout time.Duration `koanf:"http_shutdown_timeout"`
	RequireIfMatch      bool          `koanf:"require_if_match"`

	AuditKey             Secret        `koanf:"audit_key"`
	AuditKeyPrevious     Secret        `koanf:"audit_key_previous"` // a list: PreviousAuditKeys
	AuditCheckpoints     string        `koanf:"audit_checkpoints"`  // AuditCheckpointsPath
	AuditCheckpointEvery time.Duration `koanf:"audit_checkpoint_every"`
	AuditRequestsPerHour int           `koanf:"audit_requests_per_hour"`

	DatabaseReplicaURLs              Secret        `koanf:"database_replica_urls"` // a list: ReplicaURLs
	DatabaseReplicaMaxLag            time.Duration `koanf:"database_replica_max_lag"`
	DatabasePoolSize                 int           `koanf:"database_pool_size"`
	DatabaseConnectTimeout           time.Duration `koanf:"database_connect_timeout"`
	DatabaseMigrateOnStart           bool          `koanf:"database_migrate_on_start"`
	DatabaseAcquireTimeout           time.Duration `koanf:"database_acquire_timeout"`
	DatabaseStatementTimeout         time.Duration `koanf:"database_statement_timeout"`
	DatabaseLockTimeout              time.Duration `koanf:"database_lock_timeout"`
	DatabaseIdleInTransactionTimeout time.Duration `koanf:"database_idle_in_transaction_timeout"`
	DatabaseSlowQuery                time.Duration `koanf:"database_slow_query"`

	AccessTokenLifetime     time.Duration `koanf:"access_token_lifetime"`
	SessionIdleLifetime     time.Duration `koanf:"session_idle_lifetime"`
	SessionLifetime         time.Duration `koanf:"session_lifetime"`
	Registration            string        `koanf:"registration"`
	RegistrationsPerHour    int           `koanf:"registrations_per_hour"`
	PasswordPolicy          string        `koanf:"password_policy"`
	SignInFreeAttempts      int           `koanf:"signin_free_attempts"`
	SignInAccountFailures   int           `koanf:"signin_account_failures"`
	SignInClientFailures    int           `koanf:"signin_client_failures"`
	PasswordHashMemory      int           `koanf:"password_hash_memory"`
	PasswordHashIterations  int           `koanf:"password_hash_iterations"`
	PasswordHashParallelism int           `koanf:"password_hash_parallelism"`
	PasswordHashSlots       int           `koanf:"password_hash_slots"`
	PasswordHashQueue       int           `koanf:"password_hash_queue"`
	PasswordHashWait        time.Duration `koanf:"password_hash_wait"`
}

// Django is the compat that serves clients of the original service.
const Django = "django"

// Production is the one app_env in which nothing is made up for convenience.
const Production = "production"

// Error is a configuration that cannot be used: one line that names the key and never a secret. The process exits with 78
// (EX_CONFIG, sysexits.h) on it.
type Error struct{ text string }

func (e *Error) Error() string { return "configuration: " + e.text }

func errorf(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// Embedded reports whether the store is the embedded SQLite.
func (c Config) Embedded() bool { return c.DatabaseURL == "" }

// DatabasePath is where the embedded database lives.
func (c Config) DatabasePath() string { return filepath.Join(c.DataDir, "healthcare.db") }

// maxRows is the most rows per user that a limit allows; 0 is no limit.
const maxRows = 100_000_000

// check refuses values that cannot be right, all keys in one line.
func (c Config) check() error {
	positive := func(d time.Duration) error { return bound(d, time.Millisecond, 365*24*time.Hour) }
	errs := validation.Errors{
		"secret_key":                           c.SecretKey.Check(),
		"secret_key_previous":                  previousStrength(c.SecretKeyPrevious, c.PreviousSecrets()),
		"audit_key":                            c.AuditKey.Check(),
		"audit_key_previous":                   previousStrength(c.AuditKeyPrevious, c.PreviousAuditKeys()),
		"audit_checkpoint_every":               bound(c.AuditCheckpointEvery, time.Second, 24*time.Hour),
		"audit_requests_per_hour":              bound(c.AuditRequestsPerHour, 0, 1_000_000_000),
		"database_url":                         validation.Validate(c.DatabaseURL.Reveal(), validation.By(postgresURL)),
		"database_replica_urls":                replicaURLs(c),
		"database_replica_max_lag":             bound(c.DatabaseReplicaMaxLag, time.Second, time.Hour),
		"app_env":                              oneOf(c.AppEnv, "development", Production),
		"data_dir":                             validation.Validate(c.DataDir, validation.Required),
		"log_level":                            oneOf(c.LogLevel, "debug", "info", "warn", "error"),
		"time_zone":                            validation.Validate(c.TimeZone, validation.By(zoneName)),
		"compat":                               compatible(c.Compat),
		"doctor_directory":                     oneOf(c.DoctorDirectory, "guarded", "open", "curated"),
		"max_patients_per_user":                bound(c.MaxPatientsPerUser, 0, maxRows),
		"max_doctors_per_user":                 bound(c.MaxDoctorsPerUser, 0, maxRows),
		"max_assignments_per_user":             bound(c.MaxAssignmentsPerUser, 0, maxRows),
		"http_address":                         validation.Validate(c.HTTPAddress, validation.By(hostPort)),
		"metrics_address":                      validation.Validate(c.MetricsAddress, validation.When(c.MetricsAddress != "", validation.By(hostPort))),
		"cors_origins":                         each(c.CORSOrigins, origin),
		"trusted_proxies":                      each(c.TrustedProxies, prefix),
		"allowed_hosts":                        each(c.AllowedHosts, servedHost),
		"forwarded_header":                     oneOf(strings.ToLower(c.ForwardedHeader), "x-forwarded-for", "forwarded"),
		"http_body_limit":                      bound(c.HTTPBodyLimit, 1<<10, 16<<20),
		"http_header_limit":                    bound(c.HTTPHeaderLimit, 1<<10, 1<<20),
		"http_url_limit":                       bound(c.HTTPURLLimit, 256, 64<<10),
		"http_connections":                     bound(c.HTTPConnections, 1, 1<<20),
		"http_read_timeout":                    positive(c.HTTPReadTimeout),
		"http_write_timeout":                   positive(c.HTTPWriteTimeout),
		"http_idle_timeout":                    positive(c.HTTPIdleTimeout),
		"http_handler_timeout":                 positive(c.HTTPHandlerTimeout),
		"http_shutdown_delay":                  bound(c.HTTPShutdownDelay, 0, time.Hour),
		"http_shutdown_timeout":                positive(c.HTTPShutdownTimeout),
		"database_pool_size":                   bound(c.DatabasePoolSize, 1, 1000),
		"database_slow_query":                  bound(c.DatabaseSlowQuery, 0, time.Hour),
		"access_token_lifetime":                wholeSeconds(c.AccessTokenLifetime, time.Minute, 24*time.Hour),
		"session_idle_lifetime":                bound(c.SessionIdleLifetime, time.Minute, 365*24*time.Hour),
		"registration":                         oneOf(c.Registration, "open", "closed"),
		"registrations_per_hour":               bound(c.RegistrationsPerHour, 0, 1_000_000),
		"password_policy":                      oneOf(c.PasswordPolicy, "basic", "strict"),
		"signin_free_attempts":                 bound(c.SignInFreeAttempts, 1, 1_000_000),
		"signin_account_failures":              bound(c.SignInAccountFailures, 10, 1_000_000),
		"signin_client_failures":               bound(c.SignInClientFailures, 5, 1_000_000),
		"session_lifetime":                     bound(c.SessionLifetime, time.Minute, 365*24*time.Hour),
		"password_hash_memory":                 bound(c.PasswordHashMemory, max(64, 8*c.PasswordHashParallelism), 256<<10), // RFC 9106: 8 KiB a lane
		"password_hash_queue":                  bound(c.PasswordHashQueue, 0, 10_000),
		"password_hash_slots":                  bound(c.PasswordHashSlots, 0, 1<<10),
		"password_hash_wait":                   bound(c.PasswordHashWait, time.Millisecond, time.Minute),
		"database_lock_timeout":                positive(c.DatabaseLockTimeout),
		"password_hash_parallelism":            bound(c.PasswordHashParallelism, 1, 16),
		"password_hash_iterations":             bound(c.PasswordHashIterations, 1, 16),
		"database_connect_timeout":             positive(c.DatabaseConnectTimeout),
		"database_acquire_timeout":             positive(c.DatabaseAcquireTimeout),
		"database_statement_timeout":           positive(c.DatabaseStatementTimeout),
		"database_idle_in_transaction_timeout": positive(c.DatabaseIdleInTransactionTimeout),
	}
	var wrong []string
	for key, err := range errs {
		if err != nil {
			wrong = append(wrong, refusal(key, err.Error()))
		}
	}
	return refuse(wrong)
}

// refusal names a key and its variable.
func refusal(key, why string) string { return key + " (" + strings.ToUpper(key) + "): " + why }

// refuse puts every refusal into one line.
func refuse(wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	sort.Strings(wrong)
	return errorf("%s", strings.Join(wrong, "; "))
}

func bound[T int | time.Duration](v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("must be between %v and %v", low, high)
	}
	return nil
}

func oneOf(v string, allowed ...string) error {
	if slices.Contains(allowed, v) {
		return nil
	}
	last := len(allowed) - 1
	return fmt.Errorf("must be %s or %s", strings.Join(allowed[:last], ", "), allowed[last])
}

func compatible(v string) error {
	if v != "" && v != Django {
		return errors.New("must be empty or " + Django)
	}
	return nil
}

// wholeSeconds is the precision of a token's dates (RFC 7519, NumericDate).
func wholeSeconds(v, low, high time.Duration) error {
	if v%time.Second != 0 {
		return errors.New("must be whole seconds")
	}
	return bound(v, low, high)
}

// postgresURL refuses what is not an address of PostgreSQL, without repeating it: it may hold a password.
func postgresURL(value any) error {
	url, _ := value.(string)
	if url == "" {
		return nil
	}
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return errors.New("must start with postgres:// (empty: the embedded SQLite)")
	}
	conn, err := pgconn.ParseConfig(url)
	// A host with an @ is the end of a password, which would be shown.
	if err != nil || strings.Contains(conn.Host, "@") || slices.ContainsFunc(conn.Fallbacks, func(next *pgconn.FallbackConfig) bool { return strings.Contains(next.Host, "@") }) {
		return errors.New("is not an address such as postgres://user:password@host:5432/name (special characters in the password are written %XX)")
	}
	return nil
}

// Location returns the time zone that decides which day it is. It is UTC while the configuration was not checked.
func (c Config) Location() *time.Location {
	location, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return time.UTC
	}
	return location
}

// zoneName accepts names of the IANA time zone database. "Local" depends on the machine, so it is refused.
func zoneName(value any) error {
	name := value.(string)
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		return errors.New("must be a name of the IANA time zone database, such as UTC, Asia/Kolkata or Europe/Berlin")
	}
	return nil
}

func hostPort(value any) error {
	_, port, err := net.SplitHostPort(value.(string))
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("must be host:port, such as 127.0.0.1:8000 or :8000")
	}
	return nil
}

// origin is scheme://host[:port] and nothing more (RFC 6454). Any origin (*) cannot be said: answers hold patient data.
func origin(value any) error {
	u, err := url.Parse(value.(string))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsAny(u.Host, "*,") || u.Scheme+"://"+u.Host != value {
		return fmt.Errorf("%q is not an origin such as https://app.clinic.example", value)
	}
	return nil
}

// each returns the first error that check finds in values.
func each(values []string, check func(any) error) error {
	for _, value := range values {
		if err := check(value); err != nil {
			return err
		}
	}
	return nil
}

func prefix(value any) error {
	network, err := netip.ParsePrefix(value.(string))
	if err != nil {
		return fmt.Errorf("%q is not a CIDR range such as 10.0.0.0/8", value)
	}
	if network.Addr().Is4In6() {
		return fmt.Errorf("%q is a range of IPv4 addresses: write it as such, like 10.0.0.0/8", value)
	}
	return nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)

// servedHost checks one of the hosts that are served: a name as it stands in a Host header, with a dot before it to include what is
// below it, or an address; a port is ignored; "*" is every host.
func servedHost(value any) error {
	host := value.(string)
	name := strings.TrimPrefix(host, ".")
	if before, port, err := net.SplitHostPort(name); err == nil && strings.Trim(port, "0123456789") == "" {
		name = before
	}
	if inside, isBracketed := strings.CutPrefix(name, "["); isBracketed && strings.HasSuffix(inside, "]") {
		name = strings.TrimSuffix(inside, "]")
	}
	_, err := netip.ParseAddr(name)
	switch ascii, idnaErr := idna.Lookup.ToASCII(name); {
	case host == "*" || err == nil && !strings.HasPrefix(host, "."):
		return nil
	case strings.Contains(host, "/"):
		return fmt.Errorf("%q is not the name of a host: leave out the scheme and the path", host)
	case strings.HasPrefix(host, "*."):
		return fmt.Errorf("%q: write %q for a domain and what is below it", host, host[1:])
	case len(name) > 253 || !hostName.MatchString(name):
		if idnaErr == nil && hostName.MatchString(ascii) {
			return fmt.Errorf("%q: write it as clients send it, %q", host, ascii)
		}
		return fmt.Errorf("%q is not the name of a host, such as api.clinic.example or .clinic.example", host)
	}
	return nil
}

// readable says why a file of the operator's cannot be used, naming the variable and the path.
func readable(variable, path string) ([]byte, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the operator's own configuration
	if err != nil {
		return nil, errorf("%s: %v", variable, err)
	}
	return content, nil
}
