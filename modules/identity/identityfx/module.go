// Package identityfx wires the identity module; nothing else of it knows fx.
package identityfx

import (
	"go.uber.org/fx"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/password"
	"healthcare/modules/identity/internal/adapters/rest"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/adapters/token"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/httpserver"
	"healthcare/platform/keyring"
)

// Module provides auth.Authenticator and the module's API; it needs an identity.Config and a keyring.Ring.
var Module = fx.Module("identity",
	fx.Provide(store.NewUsers, store.NewSessions, passwords, tokens, app.New, app.NewAuthenticator),
	httpserver.Handle(rest.New),
)

func passwords(cfg identity.Config) (ports.Passwords, error) {
	return password.New(password.Config{
		Memory: cfg.HashMemory, Iterations: cfg.HashIterations, Parallelism: cfg.HashParallelism,
		Slots: cfg.HashSlots, Queue: cfg.HashQueue, Wait: cfg.HashWait,
	})
}

func tokens(cfg identity.Config, keys keyring.Ring, clock clock.Clock) (ports.Tokens, error) {
	return token.New(token.Config{
		Keys: keys, Issuer: "healthcare", Audience: "healthcare-api", Lifetime: cfg.AccessTokenLifetime,
	}, clock)
}
