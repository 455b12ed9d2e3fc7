package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

// A module that refers to patients or doctors and does not react to their removal is a fault of the program. The log
// says which table and constraint it is, and the caller learns nothing of it.
func TestWhoDoesNotReactToARemovalIsNamedInTheLog(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		for path, of := range map[string]string{"/api/patients/": "patients", "/api/doctors/": "doctors"} {
			id := c.addPatient()
			if of == "doctors" {
				id = c.addDoctor()
			}
			write := s.db.Write(t.Context())
			kind := map[bool]string{true: "text", false: "uuid"}[s.db.Engine() == database.SQLite]
			require.NoError(t, write.Exec("CREATE TABLE visits_of_"+of+" (id integer PRIMARY KEY, seen "+kind+
				" CONSTRAINT visits_of_"+of+"_seen_fkey REFERENCES "+of+" (id))").Error)
			require.NoError(t, write.Exec("INSERT INTO visits_of_"+of+" VALUES (1, ?)", id).Error)
			require.NotContains(t, c.do("DELETE", path+id, nil).is(500).raw, "visits")
			s.says(t, "visits_of_"+of+"_seen_fkey", 1)
			s.says(t, "must react to "+of+".Deleted", 1)
			c.do("GET", path+id, nil).is(200)
		}
	})
}
