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
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// remembered is what was not built: a cache of standings that may be a second old. It is here so that the choice can be
// measured again.
type remembered struct {
	ports.Sessions
	known sync.Map // identity.SessionID -> standingAt
}

type standingAt struct {
	domain.Standing
	at time.Time
}

// Standing implements ports.Sessions.
func (r *remembered) Standing(ctx context.Context, id identity.SessionID) (domain.Standing, error) {
	if kept, ok := r.known.Load(id); ok && time.Since(kept.(standingAt).at) < time.Second {
		return kept.(standingAt).Standing, nil
	}
	standing, err := r.Sessions.Standing(ctx, id)
	if err == nil {
		r.known.Store(id, standingAt{standing, time.Now()})
	}
	return standing, err
}

// BenchmarkAuthenticate is what a request pays to know who acts: the token's signature and the standing of its session,
// asked or remembered.
func BenchmarkAuthenticate(b *testing.B) {
	databasetest.EachBench(b, func(b *testing.B, db *database.DB) {
		h := newFixture(b, db)
		h.registered(b, asha())
		tokens := h.signedIn(b)
		for name, sessions := range map[string]ports.Sessions{"asked": h.sessions, "remembered": &remembered{Sessions: h.sessions}} {
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
