package api

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestSearchFindsTypedSpellings searches for apostrophes, hyphens and letters of other keyboards, in texts that this
// and earlier releases stored. The latter are recomputed while the service runs, without other changes of the rows.
func TestSearchFindsTypedSpellings(t *testing.T) {
	t.Parallel()
	names := map[string]string{
		"O’Connor": "o'connor", "Jean‐Luc": "jean-luc", "Anne–Marie": "anne-marie", "O´Hara": "o'hara",
		"Søren": "soren", "An\u00adna": "anna",
	}
	// before holds the search texts as earlier releases stored them.
	before := strings.NewReplacer("´", " ")
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		s := harness.Start(t, cfg)
		c, admin := s.NewUser(t, "Asha"), s.NewUserWithRole(t, auth.Admin, "Root")
		var paths []string
		for name, typed := range names {
			paths = append(paths, "/api/patients/"+c.AddPatient(object{"name": name}))
			doctor := object{"name": name, "specialization": "A", "experience": 1}
			paths = append(paths, "/api/doctors/"+c.Do("POST", "/api/doctors/", doctor).Expect(201).ID())
			id := admin.Do("POST", "/api/users/", object{
				"name": name, "email": strings.ReplaceAll(typed, "'", "") + "@x.example", "password": harness.Password,
			}).Expect(201).ID()
			paths = append(paths, "/api/users/"+id)
		}
		found := func(t require.TestingT, is bool) {
			for name, typed := range names {
				for _, list := range []string{"/api/patients/", "/api/doctors/", "/api/users/"} {
					who := c
					if list == "/api/users/" {
						who = admin
					}
					items := who.Do("GET", list+"?search="+strings.ReplaceAll(typed, "'", "%27"),
						nil).Expect(200).List()
					require.Equal(t, is, len(items) == 1, "%s in %s", typed, list)
					if is {
						require.Equal(t, name, items[0]["name"])
					}
				}
			}
		}
		found(t, true)
		shown := map[string]string{}
		for _, path := range paths {
			shown[path] = string(getAsOwner(admin, c, path).Body)
		}
		for _, table := range []string{"patients", "doctors", "users"} {
			for name := range names {
				require.NoError(t, s.DB.Write(t.Context()).Exec("UPDATE "+table+" SET search_text = ? WHERE name = ?",
					strings.ToLower(before.Replace(name)), name).Error)
			}
		}
		found(t, false)
		again := harness.Start(t, cfg)
		require.Eventually(t, func() bool {
			var left int64
			for _, table := range []string{"patients", "doctors", "users"} {
				var n int64
				require.NoError(
					t, s.DB.Read(t.Context()).Table(table).
						Where(database.StaleSearchTextCondition(s.DB.Engine())).Count(
						&n).Error)
				left += n
			}
			return left == 0
		}, 20*time.Second, 50*time.Millisecond)
		found(t, true)
		for _, path := range paths {
			require.Equal(t, shown[path], string(getAsOwner(admin, c, path).Body), "version and time are unchanged")
		}
		require.Eventually(t, func() bool {
			return strings.Contains(again.Log.String(), "recomputed search texts of an earlier release")
		}, time.Minute, 50*time.Millisecond)
	})
}

// getAsOwner reads users as the administrator, and other records as their owner.
func getAsOwner(c *harness.Client, owner *harness.Client, path string) harness.Response {
	if strings.HasPrefix(path, "/api/users/") {
		return c.Do("GET", path, nil).Expect(200)
	}
	return owner.Do("GET", path, nil).Expect(200)
}
