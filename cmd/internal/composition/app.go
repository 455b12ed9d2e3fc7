// Package composition is the whole program as one fx application: its modules and the configuration of each. The
// commands of cmd/healthcare and cmd/bench run it.
package composition

import (
	"context"
	"net/netip"
	"strings"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"healthcare/migrations"
	"healthcare/modules/appointments"
	"healthcare/modules/appointments/appointmentsfx"
	"healthcare/modules/assignments"
	"healthcare/modules/assignments/assignmentsfx"
	"healthcare/modules/audit"
	"healthcare/modules/audit/auditfx"
	"healthcare/modules/doctors"
	"healthcare/modules/doctors/doctorsfx"
	"healthcare/modules/identity"
	"healthcare/modules/identity/identityfx"
	"healthcare/modules/notifications"
	"healthcare/modules/notifications/notificationsfx"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientsfx"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/contract"
	"healthcare/platform/database"
	"healthcare/platform/events"
	"healthcare/platform/httpserver"
	"healthcare/platform/httpserver/transport"
	"healthcare/platform/idempotency"
	"healthcare/platform/jobs"
	"healthcare/platform/keyring"
	"healthcare/platform/logging"
	"healthcare/platform/mail"
	"healthcare/platform/telemetry"
)

// Serving returns the program that serves requests.
func Serving() fx.Option {
	return fx.Options(
		Parts(),
		fx.Invoke(
			database.WarnOfVerboseLog, database.UpdateSearchTexts, jobs.Run, sweepIdempotencyKeys,
			notificationsfx.Send, httpserver.Serve, heapBallast,
		),
	)
}

// modules are the business modules, each with its part of the contract. A new module is one line here.
var modules = []struct {
	module   fx.Option
	document []byte
}{
	{identityfx.Module, identityfx.Document},
	{doctorsfx.Module, doctorsfx.Document},
	{patientsfx.Module, patientsfx.Document},
	{assignmentsfx.Module, assignmentsfx.Document},
	{appointmentsfx.Module, appointmentsfx.Document},
	{notificationsfx.Module, notificationsfx.Document},
	{auditfx.Module, auditfx.Document},
}

// Documents returns the modules' parts of the contract.
func Documents() contract.Documents {
	var documents contract.Documents
	for _, m := range modules {
		documents = append(documents, m.document)
	}
	return documents
}

// Parts returns the whole program: platform and modules.
func Parts() fx.Option {
	var all []fx.Option
	for _, m := range modules {
		all = append(all, m.module)
	}
	return fx.Options(
		logging.Module,
		telemetry.Module,
		clock.Module,
		database.Module,
		events.Module,
		jobs.Module,
		httpserver.Module,

		fx.Options(all...),
		fx.Supply(Documents()),

		fx.Provide(
			func(db *database.DB) httpserver.Readiness { return db.Ready },
			idempotency.New,
			func(store *idempotency.Store) httpserver.Deduplicator { return store },
			func(queue *jobs.Queue) httpserver.Jobs { return queue },
			replicas, roles,
		),
		telemetry.Collect(idempotency.Collectors),
		telemetry.Collect(logging.Collectors),
	)
}

// roles returns the roles that the modules declare, with their requirements.
func roles(documents contract.Documents, required auth.Requirements) (auth.Roles, error) {
	declared, err := contract.Roles(documents...)
	if err != nil {
		return nil, err
	}
	return declared, declared.Require(required.All...)
}

// sweepIdempotencyKeys deletes expired Idempotency-Keys while the program serves.
func sweepIdempotencyKeys(lc fx.Lifecycle, store *idempotency.Store, log *zap.Logger) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.StartStopHook(
		func() { go func() { defer close(done); store.Run(ctx, log) }() },
		func() { stop(); <-done },
	))
}

// replicas returns the replicas, which are watched while the program serves, or nil if none is configured. Commands
// read from the primary.
func replicas(lc fx.Lifecycle, db *database.DB) httpserver.Replicas {
	all := db.Replicas()
	if all == nil {
		return nil
	}
	lc.Append(fx.StartStopHook(all.Watch, all.Stop))
	return all
}

// Configuration supplies each owner with its part of a checked configuration that has its secret. The version is that
// of the published contract.
func Configuration(cfg config.Config, version string) fx.Option {
	keys, err := KeyRing(cfg)
	if err != nil {
		return fx.Error(err) // fails the start
	}
	described := func(documents contract.Documents) (*contract.Contract, error) {
		return contract.New(version, documents...)
	}
	return fx.Options(fx.Provide(described), fx.Supply(
		keys,
		cfg.Location(),
		logging.Config{Level: cfg.LogLevel, Readable: cfg.Debug, Color: config.Color()},
		telemetry.Config{MetricsAddress: cfg.MetricsAddress, Traces: config.TracingEnabled(), Version: version},
		DatabaseConfig(cfg),
		database.StartupMigrations{Migrations: migrations.All(), Apply: cfg.DatabaseMigrateOnStart},
		serverConfig(cfg, keys),
		identityConfig(cfg),
		AuditConfig(cfg),
		doctors.Config{Mode: doctors.Mode(cfg.DoctorDirectory), MaxPerUser: cfg.MaxDoctorsPerUser},
		patients.Config{
			MaxPerUser: cfg.MaxPatientsPerUser, PatientSeesNotes: cfg.PatientSeesNotes,
			EmergencyAccess: cfg.EmergencyAccess,
		},
		assignments.Config{MaxPerUser: cfg.MaxAssignmentsPerUser, Default: careTeamAccess(cfg)},
		appointments.Config{MaxOpenPerPatient: cfg.MaxAppointmentsPerPatient},
		MailConfig(cfg),
		notifications.Config{
			PublicURL: cfg.PublicURL, PracticeName: cfg.PracticeName, Language: cfg.NotificationLanguage,
			QuietHours: cfg.QuietHours, Detail: notifications.Detail(cfg.NotificationDetail),
			MailsPerHour:        cfg.MailsPerHour,
			WebhookAllowPrivate: prefixes(cfg.WebhookAllowPrivate),
		},
	))
}

// careTeamAccess returns the access of new assignments by default.
func careTeamAccess(cfg config.Config) assignments.Access {
	if cfg.CareTeamAccess == "off" {
		return assignments.None
	}
	return assignments.Read
}

// KeyRing returns the keys of the configuration's secrets. Errors: it has no secret, or one that was not checked.
func KeyRing(cfg config.Config) (keyring.Ring, error) {
	var previous [][]byte
	for _, secret := range cfg.PreviousSecrets() {
		previous = append(previous, []byte(secret.Reveal()))
	}
	return keyring.New([]byte(cfg.SecretKey.Reveal()), previous...)
}

// DatabaseConfig returns the part of the store.
func DatabaseConfig(cfg config.Config) database.Config {
	return database.Config{
		URL: cfg.DatabaseURL.Reveal(), ReplicaURLs: cfg.ReplicaURLs(), ReplicaMaxLag: cfg.DatabaseReplicaMaxLag,
		Path: cfg.DatabasePath(), PoolSize: cfg.DatabasePoolSize, ConnectTimeout: cfg.DatabaseConnectTimeout,
		AcquireTimeout: cfg.DatabaseAcquireTimeout, StatementTimeout: cfg.DatabaseStatementTimeout,
		LockTimeout:     cfg.DatabaseLockTimeout,
		IdleInTxTimeout: cfg.DatabaseIdleInTransactionTimeout, SlowQuery: cfg.DatabaseSlowQuery,
	}
}

// MailConfig returns the part of mail.
func MailConfig(cfg config.Config) mail.Config {
	return mail.Config{
		URL: cfg.MailURL, From: cfg.MailFrom, DKIMSelector: cfg.MailDKIMSelector, DKIMKey: cfg.MailDKIMKey,
		Folder: cfg.MailFolder(),
	}
}

// prefixes parses CIDR ranges, which config has checked.
func prefixes(ranges []string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(ranges))
	for i, text := range ranges {
		parsed[i] = netip.MustParsePrefix(text)
	}
	return parsed
}

func serverConfig(cfg config.Config, keys keyring.Ring) httpserver.Config {
	header := "" // X-Forwarded-For
	if strings.EqualFold(cfg.ForwardedHeader, transport.Forwarded) {
		header = transport.Forwarded
	}
	return httpserver.Config{
		Address: cfg.HTTPAddress, AllowedHosts: cfg.AllowedHosts, CORSOrigins: cfg.CORSOrigins,
		TrustedProxies: prefixes(cfg.TrustedProxies), ForwardedHeader: header,
		BodyLimit: cfg.HTTPBodyLimit, HeaderLimit: cfg.HTTPHeaderLimit, URLLimit: cfg.HTTPURLLimit,
		Connections: cfg.HTTPConnections, StoreConnections: cfg.DatabasePoolSize,
		RecordedPerHour: cfg.AuditRequestsPerHour,
		ReadTimeout:     cfg.HTTPReadTimeout, WriteTimeout: cfg.HTTPWriteTimeout, IdleTimeout: cfg.HTTPIdleTimeout,
		HandlerTimeout: cfg.HTTPHandlerTimeout, ShutdownDelay: cfg.HTTPShutdownDelay,
		ShutdownTimeout: cfg.HTTPShutdownTimeout,
		RequireIfMatch:  cfg.RequireIfMatch, CursorKeys: keys, TimeZone: cfg.Location(),
		Django: cfg.Compat == config.Django,
	}
}

func identityConfig(cfg config.Config) identity.Config {
	return identity.Config{
		AccessTokenLifetime: cfg.AccessTokenLifetime, SessionIdleLifetime: cfg.SessionIdleLifetime,
		SessionLifetime:    cfg.SessionLifetime,
		Django:             cfg.Compat == config.Django,
		RegistrationClosed: cfg.Registration == "closed", RegistrationsPerHour: cfg.RegistrationsPerHour,
		RequireVerifiedEmail: cfg.RequireVerifiedEmail, StrictPasswords: cfg.PasswordPolicy == "strict",
		FreeAttempts: cfg.SignInFreeAttempts, AccountFailures: cfg.SignInAccountFailures,
		ClientFailures:  cfg.SignInClientFailures,
		HashMemory:      uint32(cfg.PasswordHashMemory),     //nolint:gosec // config bounds it
		HashIterations:  uint32(cfg.PasswordHashIterations), //nolint:gosec // config bounds it
		HashParallelism: uint8(cfg.PasswordHashParallelism), //nolint:gosec // config bounds it
		HashSlots:       cfg.PasswordHashSlots,
		HashQueue:       cfg.PasswordHashQueue, HashWait: cfg.PasswordHashWait,
	}
}

// AuditConfig returns the part of the audit trail.
func AuditConfig(cfg config.Config) audit.Config {
	var previous [][]byte
	for _, key := range cfg.PreviousAuditKeys() {
		previous = append(previous, []byte(key.Reveal()))
	}
	return audit.Config{
		Key: []byte(cfg.AuditKey.Reveal()), PreviousKeys: previous, Checkpoints: cfg.AuditCheckpointsPath(),
		CheckpointEvery: cfg.AuditCheckpointEvery, CommitTimeout: cfg.HTTPHandlerTimeout,
	}
}
