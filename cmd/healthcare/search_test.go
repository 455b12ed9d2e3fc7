package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// TestSearchFindsWhatAPersonTypes is about apostrophes, hyphens and letters of other keyboards, in texts that this release stores, and in
// those that the one before stored: they are recomputed while serving, and nothing else of the row changes.
func TestSearchFindsWhatAPersonTypes(t *testing.T) {
	t.Parallel()
	names := map[string]string{
		"O’Connor": "o'connor", "Jean‐Luc": "jean-luc", "Anne–Marie": "anne-marie", "O´Hara": "o'hara", "Søren": "soren", "An\u00adna": "anna",
	}
	// before is how the release before stored each.
	before := strings.NewReplacer("´", " ")
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		s := startService(t, cfg)
		c, admin := s.user(t, "Asha"), s.as(t, auth.Admin, "Root")
		var paths []string
		for name, typed := range names {
			paths = append(paths, "/api/patients/"+c.addPatient(object{"name": name}))
			doctor := object{"name": name, "specialization": "A", "experience": 1}
			paths = append(paths, "/api/doctors/"+c.do("POST", "/api/doctors/", doctor).is(201).id())
			id := admin.do("POST", "/api/users/", object{
				"name": name, "email": strings.ReplaceAll(typed, "'", "") + "@x.example", "password": password,
			}).is(201).id()
			paths = append(paths, "/api/users/"+id)
		}
		found := func(t require.TestingT, is bool) {
			for name, typed := range names {
				for _, list := range []string{"/api/patients/", "/api/doctors/", "/api/users/"} {
					who := c
					if list == "/api/users/" {
						who = admin
					}
					items := who.do("GET", list+"?search="+strings.ReplaceAll(typed, "'", "%27"), nil).is(200).list()
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
			shown[path] = string(admin.orOwn(c, path).raw)
		}
		for _, table := range []string{"patients", "doctors", "users"} {
			for name := range names {
				require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE "+table+" SET search_text = ? WHERE name = ?",
					strings.ToLower(before.Replace(name)), name).Error)
			}
		}
		found(t, false)
		again := startService(t, cfg)
		require.Eventually(t, func() bool {
			var left int64
			for _, table := range []string{"patients", "doctors", "users"} {
				var n int64
				require.NoError(t, s.db.Read(t.Context()).Table(table).Where(database.StaleSearchText(s.db.Engine())).Count(&n).Error)
				left += n
			}
			return left == 0
		}, 20*time.Second, 50*time.Millisecond)
		found(t, true)
		for _, path := range paths {
			require.Equal(t, shown[path], string(admin.orOwn(c, path).raw), "version and time are kept")
		}
		require.Eventually(t, func() bool {
			return strings.Contains(again.log.String(), "recomputed search texts of an earlier release")
		}, 5*time.Second, 50*time.Millisecond)
	})
}

// orOwn reads users as the administrator, the rest as their owner.
func (c *client) orOwn(owner *client, path string) answer {
	if strings.HasPrefix(path, "/api/users/") {
		return c.do("GET", path, nil).is(200)
	}
	return owner.do("GET", path, nil).is(200)
}
