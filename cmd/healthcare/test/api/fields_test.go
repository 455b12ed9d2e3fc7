package api

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

var fieldName = regexp.MustCompile(`\w+`)

// TestEveryChangedFieldIsRecorded changes each member of each PATCH body that is recorded, and requires the new value
// and an entry of the audit trail that names the member.
func TestEveryChangedFieldIsRecorded(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		changed := 0
		for _, r := range s.Routes() {
			if r.Method != "PATCH" || r.Expectation.Trail != "recorded" {
				continue
			}
			for _, member := range r.BodyMembers() {
				t.Run(fmt.Sprintf("%s of %s", member, r), func(t *testing.T) {
					c := s.NewUserWithRole(t, auth.Admin, fmt.Sprintf("Changer%d", changed))
					known := c.KnownValuesFor(r)
					changed++
					value := r.ChangedValue(member)
					switch known := known[r.Path+" "+member].(type) {
					case string: // one that the field accepts
						value = known
					case bool: // the present one
						value = !known
					}
					a := c.Do(r.Method, r.PathWith(r.PathID(known)), object{member: value}).Expect(200)
					var shown object
					require.NoError(t, json.Unmarshal(a.Body, &shown))
					require.EqualValues(t, value, shown[member])
					entries := s.AuditEntries(t, a.Header.Get("X-Request-Id"))
					var fields []string
					for _, entry := range entries {
						fields = append(fields, fieldName.FindAllString(harness.ValueText(entry["fields"]), -1)...)
					}
					require.Contains(t, fields, member)
				})
			}
		}
		require.GreaterOrEqual(t, changed, 18)
	})
}
