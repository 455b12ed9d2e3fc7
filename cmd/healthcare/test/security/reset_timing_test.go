package security

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

// Known, unknown and disabled addresses are indistinguishable by the response to a request for a reset, by its number
// of statements and by its time, also when the mailbox got too many messages. As in TestR14, the times of each round
// are measured together, and the best of several rounds counts. The test does not run in parallel, because it measures
// time.
func TestR14_PasswordResetsDoNotRevealAccounts(t *testing.T) {
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		known, disabled := s.NewUser(t, "Known"), s.NewUser(t, "Disabled")
		require.NoError(t, s.DB.Write(t.Context()).Exec(
			"UPDATE users SET active = ? WHERE mailbox = ?", false, disabled.Email()).Error)
		c, recorded := s.Anonymous(t), s.RecordStatements(t)
		responses, statements := map[string]bool{}, map[int]bool{}
		request := func(email string) time.Duration {
			recorded.Count()
			start := time.Now()
			a := c.Do("POST", "/api/auth/password-reset/", object{"email": email})
			elapsed := time.Since(start)
			statements[recorded.Count()] = true
			a.Header.Del("Date")
			responses[fmt.Sprint(a.Expect(202).Status, a.WithoutRequestID(), a.Header)] = true
			return elapsed
		}
		var ratio float64
		for range 5 {
			times := make([][]time.Duration, 3)
			for range 40 {
				for i, email := range []string{known.Email(), "nobody@clinic.example", disabled.Email()} {
					times[i] = append(times[i], request(email))
				}
			}
			require.Len(t, responses, 1, "all responses are equal")
			require.Len(t, statements, 1, "all requests send the same number of statements")
			var medians []time.Duration
			for _, durations := range times {
				slices.Sort(durations)
				medians = append(medians, durations[len(durations)/2])
			}
			ratio = float64(slices.Max(medians)) / float64(slices.Min(medians))
			t.Logf("medians %v, ratio %.2f", medians, ratio)
			if ratio < 1.25 {
				return
			}
		}
		require.Less(t, ratio, 1.25)
	})
}
