package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
)

// What these tests write where nobody may write. Numbers and times are such that no rule of a column refuses them.
const (
	sentinelID   = "5eed5eed-5eed-7eed-8eed-5eed5eed5eed"
	sentinelTime = "2001-02-03T04:05:06.000000Z"
)

var sentinels = []any{sentinelID, sentinelTime, 61, false, true, "sentinel", nil, object{"id": sentinelID}}

// foreignMembers are all names of columns and of members of answers, in the spellings that lenient readers take for the same, but those that
// the route takes.
func (s *service) foreignMembers(t *testing.T, r route) []string {
	names := map[string]bool{"createdBy": true, "$set": true, "patient_details": true}
	for _, column := range s.columns(t) {
		names[column] = true
	}
	for _, schema := range s.document.Components.Schemas {
		for member := range schema.Value.Properties {
			names[member] = true
		}
	}
	for _, name := range slices.Collect(maps.Keys(names)) {
		titled := strings.ToUpper(name[:1]) + name[1:]
		names[titled], names[strings.ToUpper(name)], names[strings.ReplaceAll(titled, "_", "")] = true, true, true
	}
	for _, member := range r.members() {
		delete(names, member)
	}
	require.Greater(t, len(names), 100)
	return slices.Sorted(maps.Keys(names))
}

func TestR08_NoColumnIsWrittenByItsName(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		for _, r := range writing(s.routes()) {
			t.Run(r.String(), func(t *testing.T) {
				c := s.as(t, auth.Admin, "U"+strings.NewReplacer("/", "", "{", "", "}", "").Replace(r.path)+r.method)
				known := c.known()
				known["id"] = r.id(known)
				switch {
				case r.path == "/api/auth/password/":
					s.changesNothing(t, c, r, known, 204)
				case r.method == "POST":
					s.holdsNoSentinel(t, c, r, known)
				case r.method == "DELETE": // refused, or there would be nothing to look at
					known["password"] = "wrong horse"
					s.changesNothing(t, c, r, known, 400)
				default:
					s.changesNothing(t, c, r, known, 200)
				}
			})
		}
	})
}

// changesNothing sends what is stored already, and every foreign member with every sentinel beside it: nothing changes in the database that the
// route itself does not change.
func (s *service) changesNothing(t *testing.T, c *client, r route, known object, status int) {
	at := r.at(known["id"].(string))
	c.in(t).do(r.method, at, r.body(known)).is(status)
	before := s.stored(t).but(r)
	names := s.foreignMembers(t, r)
	for _, sentinel := range sentinels {
		for some := range slices.Chunk(names, 60) { // identity takes 8 KiB
			body := r.body(known)
			for _, name := range some {
				body[name] = sentinel
			}
			c.in(t).do(r.method, at, body).is(status)
			if r.method == "PATCH" {
				maps.DeleteFunc(body, func(name string, _ any) bool { return slices.Contains(r.members(), name) })
				c.in(t).do(r.method, at, body).is(status)
			}
		}
	}
	for _, name := range sampled(len(r.path), names) {
		body := r.body(known)
		body[name] = sentinelID
		c.in(t).do(r.method, at, body).is(status)
	}
	require.Equal(t, before, s.stored(t).but(r))
}

// but leaves out what the route changes by itself.
func (all rows) but(r route) rows {
	delete(all, "signin_attempts")
	delete(all, "known_clients")
	if r.path == "/api/auth/password/" {
		for _, user := range all["users"] {
			for _, column := range []string{"password_hash", "version", "updated_at"} {
				delete(user, column)
			}
		}
	}
	return all
}

// holdsNoSentinel makes things with every foreign member: the rows that come of it are like that of a plain request.
func (s *service) holdsNoSentinel(t *testing.T, c *client, r route, known object) {
	before := s.stored(t)
	send := func(extra object) {
		known := maps.Clone(known)
		switch r.collection() {
		case "/api/mappings/":
			known["doctor"] = c.addDoctor()
		case "/api/auth/register/", "/api/users/":
			known["email"] = strings.ToLower(r.method) + time.Now().Format("150405.000000000") + "@clinic.example"
		case "/api/auth/refresh/":
			known["refresh"] = (&client{t: t, s: s, name: "Another" + c.name}).signInFully()["refresh"]
		}
		body := r.body(known)
		maps.Copy(body, extra)
		a := c.in(t).do(r.method, r.path, body)
		require.Contains(t, []int{200, 201}, a.status, "%v: %s", body, a.raw)
	}
	send(nil)
	plain := s.stored(t).without(before)
	names := s.foreignMembers(t, r)
	for _, sentinel := range sentinels {
		for some := range slices.Chunk(names, 60) { // sign-in takes 8 KiB
			all := object{}
			for _, name := range some {
				all[name] = sentinel
			}
			send(all)
		}
	}
	for _, name := range sampled(len(r.path), names) {
		send(object{name: sentinelID})
	}
	s.stored(t).without(before).like(t, plain)
}

// without takes out the rows of before.
func (all rows) without(before rows) rows {
	rest := rows{}
	for table, content := range all {
		known := map[string]bool{}
		for _, row := range before[table] {
			known[row["id"]] = true
		}
		for _, row := range content {
			if !known[row["id"]] {
				rest[table] = append(rest[table], row)
			}
		}
	}
	return rest
}

// like holds every row against the one of a plain request: the same but in what is each row's own, and that is not what was sent.
func (all rows) like(t *testing.T, plain rows) {
	t.Helper()
	for table, content := range all {
		require.NotEmpty(t, plain[table], "only other requests made rows in %s", table)
		for _, row := range content {
			for column, value := range row {
				require.NotContains(t, value, "5eed5eed", "%s.%s", table, column)
				require.NotContains(t, value, sentinelTime[:19], "%s.%s", table, column)
				own := column == "id" || strings.HasSuffix(column, "_at") || strings.HasSuffix(column, "_hash") || slices.Contains(perRow[table], column)
				if !own {
					require.Equal(t, plain[table][0][column], value, "%s.%s", table, column)
				}
			}
		}
	}
}

// perRow are the columns that these requests themselves make different.
var perRow = map[string][]string{
	"users": {"email", "mailbox", "username", "search_text"}, "user_mailboxes": {"user_id", "mailbox"}, "assignments": {"doctor_id"}, "signin_attempts": {"key", "failures"},
}
