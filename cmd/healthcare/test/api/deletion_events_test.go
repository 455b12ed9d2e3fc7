package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
)

// A module that refers to patients or doctors and does not react to their removal is a fault of the program. The log
// names the table and the constraint, and the response does not.
func TestMissingReactionToADeletionIsLogged(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		for path, of := range map[string]string{"/api/patients/": "patients", "/api/doctors/": "doctors"} {
			id := c.AddPatient()
			if of == "doctors" {
				id = c.AddDoctor()
			}
			write := s.DB.Write(t.Context())
			kind := map[bool]string{true: "text", false: "uuid"}[s.DB.Engine() == database.SQLite]
			require.NoError(t, write.Exec("CREATE TABLE visits_of_"+of+" (id integer PRIMARY KEY, seen "+kind+
				" CONSTRAINT visits_of_"+of+"_seen_fkey REFERENCES "+of+" (id))").Error)
			require.NoError(t, write.Exec("INSERT INTO visits_of_"+of+" VALUES (1, ?)", id).Error)
			require.NotContains(t, c.Do("DELETE", path+id, nil).Expect(500).Body, "visits")
			waitForLog(t, s, "visits_of_"+of+"_seen_fkey", 1)
			waitForLog(t, s, "must react to "+of+".Deleted", 1)
			c.Do("GET", path+id, nil).Expect(200)
		}
	})
}
