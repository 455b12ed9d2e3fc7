package api

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// newValues holds values of members of PATCH bodies that are not free text. They differ from those of a new record.
var newValues = object{
	"age": 40, "birth_date": "1990-02-28", "gender": "Other", "email": "changed@clinic.example",
	"experience": 10, "role": "auditor", "active": false,
}

// TestEveryChangedFieldIsRecorded changes each member of each PATCH body, and requires the new value and an entry of
// the audit trail that names the member.
func TestEveryChangedFieldIsRecorded(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		changed := 0
		for _, r := range s.Routes() {
			if r.Method != "PATCH" {
				continue
			}
			for _, member := range r.BodyMembers() {
				t.Run(fmt.Sprintf("%s of %s", member, r), func(t *testing.T) {
					c := s.NewUserWithRole(t, auth.Admin, fmt.Sprintf("Changer%d", changed))
					known := c.KnownValues()
					changed++
					value, special := newValues[member]
					if !special {
						value = r.ChangedBody(object{})[member]
					}
					if value == nil { // optional, and unique
						value = fmt.Sprintf("Changed %d", changed)
					}
					a := c.Do(r.Method, r.PathWith(r.PathID(known)), object{member: value}).Expect(200)
					var shown object
					require.NoError(t, json.Unmarshal(a.Body, &shown))
					require.EqualValues(t, value, shown[member])
					fields := ""
					for _, entry := range s.AuditEntries(t, a.Header.Get("X-Request-Id")) {
						fields += fmt.Sprint(entry["fields"])
					}
					require.Contains(t, fields, member)
				})
			}
		}
		require.GreaterOrEqual(t, changed, 18)
	})
}
