// Package identityfx wires the identity module. It is the only package of the module that uses fx.
package identityfx

import (
	"context"

	"github.com/spf13/cobra"
	"go.uber.org/fx"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/cli"
	"healthcare/modules/identity/internal/adapters/password"
	"healthcare/modules/identity/internal/adapters/rest"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/adapters/token"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/events"
	"healthcare/platform/httpserver"
	"healthcare/platform/idempotency"
	"healthcare/platform/jobs"
	"healthcare/platform/keyring"
	"healthcare/platform/onetime"
	"healthcare/platform/telemetry"
)

// Document is the module's part of the contract.
var Document = rest.Document

// Module provides auth.Authenticator and the module's API; it needs an identity.Config and a keyring.Ring.
var Module = fx.Module("identity",
	fx.Provide(
		store.NewUsers, store.NewMailboxes, recorded, responses,
		store.NewSessions, acting, store.NewPractices, store.NewActingInvitations, store.NewMailStates,
		attempts, registrations, mailLimits, passwords, common, tokens, token.NewMail,
		app.NewCredentials, app.New, app.NewAddresses, app.NewAccounts, app.NewAuthenticator, app.NewContacts,
		practiceCodes, deputyCodes, app.NewPractices, app.NewDeputies,
		app.NewCapacities, names, store.NewParties, store.NewRoles, reauthenticator,
	),
	events.Subscribe(app.WhenDoctorLinked),
	events.Subscribe(app.WhenDoctorUnlinked),
	events.Subscribe(app.WhenPatientClaimed),
	jobs.Handle(app.NewErasure),
	database.ProvideSearchTexts(store.NewSearchTexts),
	httpserver.Handle(api),
	telemetry.Collect(password.Collectors),
	telemetry.Collect(store.AttemptCollectors),
)

// attempts are counted under the newest secret. A rotation resets them, which gives a guesser new free attempts. Known
// networks stay known, so that a rotation does not announce every sign-in.
func attempts(cfg identity.Config, keys keyring.Ring, db *database.DB, clk clock.Clock) ports.Attempts {
	limits := domain.AttemptLimits{
		FreeAttempts: cfg.FreeAttempts, AccountFailures: cfg.AccountFailures, ClientFailures: cfg.ClientFailures,
	}
	var secrets [][]byte
	for _, key := range keys.All("sign-in attempts") {
		secrets = append(secrets, key.Secret)
	}
	return store.NewAttempts(db, secrets[0], limits, clk, secrets[1:]...)
}

// registrations are counted under the newest secret as well.
func registrations(cfg identity.Config, keys keyring.Ring, db *database.DB, clk clock.Clock) ports.Registrations {
	return store.NewRegistrations(
		db,
		keys.Newest("sign-in attempts").Secret,
		domain.HourlyLimit(cfg.RegistrationsPerHour),
		clk,
	)
}

func mailLimits(cfg identity.Config, keys keyring.Ring, db *database.DB, clk clock.Clock) ports.MailLimits {
	limit := domain.HourlyLimit(cfg.RegistrationsPerHour)
	return store.NewMailLimits(db, keys.Newest("sign-in attempts").Secret, limit, clk)
}

func acting(cfg identity.Config, db *database.DB, clk clock.Clock, states ports.MailStates) ports.Acting {
	return app.RequireVerified(cfg, store.NewActing(db, clk), states)
}

func practiceCodes(keys keyring.Ring) app.PracticeCodes {
	return app.PracticeCodes{Codes: onetime.For(keys, "practice invitation")}
}

func deputyCodes(keys keyring.Ring) app.DeputyCodes {
	return app.DeputyCodes{Codes: onetime.For(keys, "deputy invitation")}
}

func names(users ports.Users) identity.Names { return users }

func reauthenticator(accounts *app.Accounts) identity.Reauthenticator { return accounts }

func responses(store *idempotency.Store) ports.StoredResponses { return store }

func common() ports.CommonPasswords { return password.Common }

func passwords(cfg identity.Config) (ports.Passwords, error) {
	return password.New(password.Config{
		Memory: cfg.HashMemory, Iterations: cfg.HashIterations, Parallelism: cfg.HashParallelism,
		Slots: cfg.HashSlots, Queue: cfg.HashQueue, Wait: cfg.HashWait,
	})
}

func tokens(cfg identity.Config, keys keyring.Ring, clk clock.Clock) (ports.Tokens, error) {
	return token.New(token.Config{
		Keys: keys, Issuer: "healthcare", Audience: "healthcare-api", Lifetime: cfg.AccessTokenLifetime,
		UserIDClaim: cfg.Django,
	}, clk)
}

// Command is `healthcare user`. over fills target from the program's graph, whose store is open while work runs.
func Command(over func(ctx context.Context, target any, work func(context.Context) error) error) *cobra.Command {
	return cli.New(func(ctx context.Context, do func(context.Context, *app.Accounts) error) error {
		var accounts *app.Accounts
		return over(ctx, &accounts, func(ctx context.Context) error { return do(ctx, accounts) })
	})
}
