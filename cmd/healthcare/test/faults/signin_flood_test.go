package faults

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// attackers is the number of connections of an attacker.
const attackers = 24

// hashAttack is a kind of request that an attacker sends at full speed.
type hashAttack struct {
	name string
	send func(c *harness.HTTPClient, n, i int) // the i-th request of the n-th connection
}

var hashAttacks = []hashAttack{
	{"registers", func(c *harness.HTTPClient, n, i int) {
		account := object{"name": "N", "email": fmt.Sprintf("n%d.%d@attack.example", n, i),
			"password": "correct horse"}
		_, _ = c.Send("POST", "/api/auth/register/", account, "X-Forwarded-For", "192.0.2.1")
	}},
	{"signs in to its own account", func(c *harness.HTTPClient, _, _ int) {
		own := object{"email": "attacker@attack.example", "password": "correct horse"}
		_, _ = c.Send("POST", "/api/auth/login/", own, "X-Forwarded-For", "192.0.2.1")
	}},
	{"guesses the bystander's password from many networks", func(c *harness.HTTPClient, n, _ int) {
		guess := object{"email": "known@clinic.example", "password": "a guess"}
		_, _ = c.Send("POST", "/api/auth/login/", guess, "X-Forwarded-For", fmt.Sprintf("10.0.%d.1", n))
	}},
}

// begin attacks until stop.
func (a hashAttack) begin(c *harness.HTTPClient) (stop func()) {
	var over atomic.Bool
	var all sync.WaitGroup
	for n := range attackers {
		all.Go(func() {
			for i := 0; !over.Load(); i++ {
				a.send(c, n, i)
			}
		})
	}
	return func() {
		over.Store(true)
		all.Wait()
	}
}

// signInAll signs in n times, one after the other, as the user that email returns. It returns the number of successes
// and the sorted latencies.
func signInAll(
	t testing.TB, c *harness.HTTPClient, n int, email func(i int) string,
) (good int, durations []time.Duration) {
	t.Helper()
	for i := range n {
		start := time.Now()
		response, err := c.Send(
			"POST",
			"/api/auth/login/",
			object{"email": email(i), "password": "correct horse"},
			"X-Forwarded-For",
			"198.51.100.1",
		)
		require.NoError(t, err)
		durations = append(durations, time.Since(start))
		if response.Status == http.StatusOK {
			good++
		}
	}
	slices.Sort(durations)
	return good, durations
}

// registerAccounts registers the attacker, the bystander and n strangers. Of these only the bystander then signs in,
// from the bystander's network.
func registerAccounts(t testing.TB, c *harness.HTTPClient, n int) {
	t.Helper()
	register := func(email string) {
		c.Call("POST", "/api/auth/register/", object{"name": "N", "email": email, "password": "correct horse"}, 201)
	}
	register("attacker@attack.example")
	register("known@clinic.example")
	for i := range n {
		register(stranger(i))
	}
	good, _ := signInAll(t, c, 1, known)
	require.Equal(t, 1, good)
}

func known(int) string { return "known@clinic.example" }

func stranger(i int) string { return fmt.Sprintf("stranger%d@clinic.example", i) }

// TestR58_SignInsDuringHashFloods checks that users sign in while one network keeps the hashing busy, and users of a
// known network while many networks do.
func TestR58_SignInsDuringHashFloods(t *testing.T) {
	const signIns = 20
	for _, attack := range hashAttacks {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
				c := harness.NewHTTPClient(t, s.URL)
				c.HTTP.Transport.(*http.Transport).MaxIdleConnsPerHost = attackers + 1
				registerAccounts(t, c, signIns)
				stop := attack.begin(c)
				defer stop()
				good, _ := signInAll(t, c, signIns, known)
				require.Equal(t, signIns, good, "sign-ins from a known network")
				if attack.name == hashAttacks[2].name {
					return // the attackers use the share of unknown networks
				}
				good, _ = signInAll(t, c, signIns, stranger)
				require.Equal(t, signIns, good, "first sign-ins")
			}, harness.BehindProxy, func(cfg *config.Config) {
				shipped, err := config.Default()
				require.NoError(t, err)
				cfg.PasswordHashMemory = 2048
				cfg.PasswordHashQueue, cfg.PasswordHashWait = shipped.PasswordHashQueue, shipped.PasswordHashWait
				cfg.PasswordHashSlots = 1
			})
		})
	}
}

// BenchmarkSignInsUnderAttack measures the latency of consecutive sign-ins, idle and under each attack, with the
// default parameters, and how many of a hundred succeed. To run it:
//
//	go test ./cmd/healthcare/test/faults -run '^$' -bench SignInsUnderAttack -benchtime 1x
func BenchmarkSignInsUnderAttack(b *testing.B) {
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		for _, attack := range hashAttacks {
			b.Run(string(engine)+"/"+attack.name, func(b *testing.B) {
				for b.Loop() {
					signInUnderAttack(b, engine, attack)
				}
			})
		}
	}
}

func signInUnderAttack(b *testing.B, engine database.Engine, attack hashAttack) {
	const signIns = 100
	p := harness.Env{T: b, Folder: b.TempDir(), Variables: []string{
		"PATH=" + os.Getenv("PATH"), "HTTP_ADDRESS=127.0.0.1:0", "SECRET_KEY=" + harness.SecretKey,
		"AUDIT_KEY=" + harness.AuditKey, "TRUSTED_PROXIES=127.0.0.0/8", "LOG_LEVEL=warn",
		"REGISTRATIONS_PER_HOUR=0", "SIGNIN_CLIENT_FAILURES=1000000",
		"SIGNIN_ACCOUNT_FAILURES=1000000", "SIGNIN_FREE_ATTEMPTS=1000000",
	}}
	if engine == database.Postgres {
		p = p.With("DATABASE_URL=" + databasetest.PostgresURL(b))
	}
	c := harness.NewHTTPClient(b, p.Start().WaitReady())
	c.HTTP.Transport.(*http.Transport).MaxIdleConnsPerHost = attackers + 1
	registerAccounts(b, c, signIns)
	_, idle := signInAll(b, c, signIns, known)
	stop := attack.begin(c)
	goodKnown, knownTook := signInAll(b, c, signIns, known)
	goodStrangers, strangersTook := signInAll(b, c, signIns, stranger)
	stop()
	b.ReportMetric(harness.P99Milliseconds(idle), "ms-p99-idle")
	b.ReportMetric(harness.P99Milliseconds(knownTook), "ms-p99-known")
	b.ReportMetric(harness.P99Milliseconds(strangersTook), "ms-p99-strangers")
	b.ReportMetric(float64(goodKnown), "%-known")
	b.ReportMetric(float64(goodStrangers), "%-strangers")
}
