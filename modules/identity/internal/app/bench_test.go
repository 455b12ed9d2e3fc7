package app_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// cachedStandings caches standings for a second. The program has no such cache; the benchmark measures what it would
// save.
type cachedStandings struct {
	ports.Sessions
	known sync.Map // identity.SessionID -> standingAt
}

type standingAt struct {
	domain.Standing
	at time.Time
}

// Standing implements ports.Sessions.
func (r *cachedStandings) Standing(
	ctx context.Context, id identity.SessionID,
) (domain.Standing, []auth.Capacity, error) {
	if cached, ok := r.known.Load(id); ok && time.Since(cached.(standingAt).at) < time.Second {
		return cached.(standingAt).Standing, nil, nil
	}
	standing, capacities, err := r.Sessions.Standing(ctx, id)
	if err == nil {
		r.known.Store(id, standingAt{standing, time.Now()})
	}
	return standing, capacities, err
}

// BenchmarkAuthenticate measures the authentication of a request: the token's signature and the standing of its
// session, from the store or cached.
func BenchmarkAuthenticate(b *testing.B) {
	databasetest.EachBench(b, func(b *testing.B, db *database.DB) {
		h := newFixture(b, db)
		h.registered(b, asha())
		tokens := h.signedIn(b)
		for name, sessions := range map[string]ports.Sessions{"stored": h.sessions,
			"cached": &cachedStandings{Sessions: h.sessions}} {
			b.Run(name, func(b *testing.B) {
				authenticator := app.NewAuthenticator(h.tokens, sessions)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						_, err := authenticator.Authenticate(context.Background(), tokens.Access)
						require.NoError(b, err)
					}
				})
			})
		}
	})
}
