package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// TestIDsInBodies sends each member that is a record's id in forms which no id of the service has.
func TestIDsInBodies(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUserWithRole(t, auth.Admin, "Asha")
		known, tested := c.KnownValues(), 0
		for _, r := range harness.WithBody(s.Routes()) {
			for member, schema := range r.BodySchemas() {
				if schema.Value.Format != "uuid" || member == "practice" && r.TakesID() { // only of a new patient
					continue
				}
				tested++
				t.Run(fmt.Sprintf("%s of %s", member, r), func(t *testing.T) {
					c := c.ForTest(t)
					for _, id := range []string{
						"1", "", "urn:uuid:" + harness.MissingID, "{" + harness.MissingID + "}",
						strings.ReplaceAll(harness.MissingID, "-", ""), harness.MissingID + " ",
					} {
						body := r.Body(known)
						body[member] = id
						var a harness.Response
						send := func() { a = c.Do(r.Method, r.PathOf(known), body) }
						if r.Allows(auth.Admin) {
							send()
						} else {
							c.WithRole(r.Role(), send)
						}
						require.Equal(t, []string{"Must be a UUID."},
							a.ExpectProblem(400, "validation_failed").Errors[member], "%q: %s", id, a.Body)
					}
				})
			}
		}
		require.GreaterOrEqual(t, tested, 7)
	})
}
