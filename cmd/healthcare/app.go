package main

import (
	"net/netip"

	"go.uber.org/fx"

	"healthcare/migrations"
	"healthcare/modules/assignments/assignmentsfx"
	"healthcare/modules/audit"
	"healthcare/modules/audit/auditfx"
	"healthcare/modules/doctors/doctorsfx"
	"healthcare/modules/identity"
	"healthcare/modules/identity/identityfx"
	"healthcare/modules/patients/patientsfx"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/database/idempotency"
	"healthcare/platform/events"
	"healthcare/platform/httpserver"
	"healthcare/platform/keyring"
	"healthcare/platform/logging"
)

// serving is the program that answers requests.
func serving() fx.Option { return fx.Options(parts(), fx.Invoke(httpserver.Serve)) }

// parts is the whole program: what it stands on, and what it does. A new module is one line here.
func parts() fx.Option {
	return fx.Options(
		logging.Module,
		clock.Module,
		auth.Module,
		database.Module,
		events.Module,
		httpserver.Module,

		identityfx.Module,
		doctorsfx.Module,
		patientsfx.Module,
		assignmentsfx.Module,
		auditfx.Module,

		fx.Provide(
			func(db *database.DB) httpserver.Readiness { return db.Ping },
			idempotency.New,
			func(keys *idempotency.Keys) httpserver.Repeater { return keys },
		),
	)
}

// configuration hands each owner its part of a checked configuration that has its secret.
func configuration(cfg config.Config) fx.Option {
	keys, err := keyRing(cfg)
	if err != nil {
		return fx.Error(err) // which the application starts with
	}
	return fx.Supply(
		keys,
		logging.Config{Level: cfg.LogLevel, Readable: cfg.Debug},
		databaseConfig(cfg),
		database.OnStart{Migrations: migrations.All(), Apply: cfg.DatabaseMigrateOnStart},
		serverConfig(cfg, keys),
		identityConfig(cfg),
		auditConfig(cfg),
	)
}

// keyRing is the configuration's secrets. Errors: there is none, or one that config has not checked.
func keyRing(cfg config.Config) (keyring.Ring, error) {
	var previous [][]byte
	for _, secret := range cfg.PreviousSecrets() {
		previous = append(previous, []byte(secret.Reveal()))
	}
	return keyring.New([]byte(cfg.SecretKey.Reveal()), previous...)
}

func databaseConfig(cfg config.Config) database.Config {
	return database.Config{
		URL: cfg.DatabaseURL.Reveal(), Path: cfg.DatabasePath(), PoolSize: cfg.DatabasePoolSize,
		ConnectTimeout: cfg.DatabaseConnectTimeout, StatementTimeout: cfg.DatabaseStatementTimeout, LockTimeout: cfg.DatabaseLockTimeout,
		IdleInTxTimeout: cfg.DatabaseIdleInTransactionTimeout, SlowQuery: cfg.DatabaseSlowQuery,
	}
}

func serverConfig(cfg config.Config, keys keyring.Ring) httpserver.Config {
	proxies := make([]netip.Prefix, len(cfg.TrustedProxies))
	for i, proxy := range cfg.TrustedProxies {
		proxies[i] = netip.MustParsePrefix(proxy) // checked by config
	}
	return httpserver.Config{
		Address: cfg.HTTPAddress, AllowedHosts: cfg.AllowedHosts, CORSOrigins: cfg.CORSOrigins, TrustedProxies: proxies, BodyLimit: cfg.HTTPBodyLimit,
		HeaderLimit: cfg.HTTPHeaderLimit, URLLimit: cfg.HTTPURLLimit, Connections: cfg.HTTPConnections, ReadTimeout: cfg.HTTPReadTimeout,
		WriteTimeout: cfg.HTTPWriteTimeout, IdleTimeout: cfg.HTTPIdleTimeout, HandlerTimeout: cfg.HTTPHandlerTimeout,
		ShutdownDelay: cfg.HTTPShutdownDelay, ShutdownTimeout: cfg.HTTPShutdownTimeout, Version: programVersion(),
		RequireIfMatch: cfg.RequireIfMatch, CursorKeys: keys,
	}
}

func identityConfig(cfg config.Config) identity.Config {
	return identity.Config{
		AccessTokenLifetime: cfg.AccessTokenLifetime, SessionIdleLifetime: cfg.SessionIdleLifetime, SessionLifetime: cfg.SessionLifetime,
		RegistrationClosed: cfg.Registration == "closed", StrictPasswords: cfg.PasswordPolicy == "strict",
		FreeAttempts: cfg.SignInFreeAttempts, AccountFailures: cfg.SignInAccountFailures, ClientFailures: cfg.SignInClientFailures,
		HashMemory:      uint32(cfg.PasswordHashMemory),     //nolint:gosec // config bounds it
		HashIterations:  uint32(cfg.PasswordHashIterations), //nolint:gosec // config bounds it
		HashParallelism: uint8(cfg.PasswordHashParallelism), //nolint:gosec // config bounds it
		HashSlots:       cfg.PasswordHashSlots,
		HashQueue:       cfg.PasswordHashQueue, HashWait: cfg.PasswordHashWait,
	}
}

func auditConfig(cfg config.Config) audit.Config {
	var previous [][]byte
	for _, key := range cfg.PreviousAuditKeys() {
		previous = append(previous, []byte(key.Reveal()))
	}
	return audit.Config{
		Key: []byte(cfg.AuditKey.Reveal()), PreviousKeys: previous, Checkpoints: cfg.AuditCheckpointsPath(),
		CheckpointEvery: cfg.AuditCheckpointEvery, CommitTimeout: cfg.HTTPHandlerTimeout,
	}
}
