package security

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
)

// Values that these tests send for read-only columns. No rule of a column rejects the numbers and times.
const (
	sentinelID   = "5eed5eed-5eed-7eed-8eed-5eed5eed5eed"
	sentinelTime = "2001-02-03T04:05:06.000000Z"
)

var sentinels = []any{sentinelID, sentinelTime, 61, false, true, "sentinel", nil, object{"id": sentinelID}}

// foreignMembers returns the names of all columns and of all members of responses, except those that the route accepts,
// in the spellings that lenient decoders treat as equal.
func foreignMembers(t *testing.T, s *harness.Service, r harness.Route) []string {
	names := map[string]bool{"createdBy": true, "$set": true, "patient_details": true}
	for _, column := range s.ColumnNames(t) {
		names[column] = true
	}
	for _, schema := range s.Document.Components.Schemas {
		for member := range schema.Value.Properties {
			names[member] = true
		}
	}
	for _, name := range slices.Collect(maps.Keys(names)) {
		titled := strings.ToUpper(name[:1]) + name[1:]
		names[titled], names[strings.ToUpper(name)], names[strings.ReplaceAll(titled, "_", "")] = true, true, true
	}
	for _, member := range r.BodyMembers() {
		delete(names, member)
	}
	require.Greater(t, len(names), 100)
	return slices.Sorted(maps.Keys(names))
}

func TestR08_UndeclaredMembersWriteNoColumn(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		for _, r := range harness.WithBody(s.Routes()) {
			t.Run(r.String(), func(t *testing.T) {
				c := s.NewUserWithRole(t, auth.Admin,
					"U"+strings.NewReplacer("/", "", "{", "", "}", "").Replace(r.Path)+r.Method)
				known := c.KnownValues()
				known["id"] = r.PathID(known)
				switch {
				case r.Path == "/api/auth/password/", takesMailToken(r):
					changesNothing(t, s, c, r, known, 204)
				case r.Path == "/api/auth/password-reset/":
					changesNothing(t, s, c, r, known, 202)
				case r.Method == "POST":
					holdsNoSentinel(t, s, c, r, known)
				case r.Method == "DELETE": // rejected for the password, so that the rows remain
					known["password"] = "wrong horse"
					changesNothing(t, s, c, r, known, 400)
				default:
					changesNothing(t, s, c, r, known, 200)
				}
			})
		}
	})
}

// changesNothing sends the stored values together with every foreign member and every sentinel. It requires that the
// database changes only where the route itself writes.
func changesNothing(t *testing.T, s *harness.Service, c *harness.Client, r harness.Route, known object, status int) {
	at := r.PathOf(known)
	bodyOf := func() object {
		if takesMailToken(r) {
			c.AddMailTokens(known, &harness.Client{T: t, Service: s, Name: "Mailed" + c.Name}) // each works once
		}
		return r.Body(known)
	}
	c.ForTest(t).Do(r.Method, at, bodyOf()).Expect(status)
	before := withoutRouteTable(s.StoredRows(t), r)
	names := foreignMembers(t, s, r)
	for _, members := range foreignBodies(r, names) {
		body := bodyOf()
		maps.Copy(body, members)
		c.ForTest(t).Do(r.Method, at, body).Expect(status)
		if r.Method == "PATCH" {
			maps.DeleteFunc(body, func(name string, _ any) bool { return slices.Contains(r.BodyMembers(), name) })
			c.ForTest(t).Do(r.Method, at, body).Expect(status)
		}
	}
	require.Equal(t, before, withoutRouteTable(s.StoredRows(t), r))
}

// takesMailToken reports whether the route takes a token that was sent by e-mail.
func takesMailToken(r harness.Route) bool {
	return strings.HasPrefix(r.Path, "/api/auth/") && strings.HasSuffix(r.Path, "/confirm/")
}

// foreignBodies returns a fifth of the bodies that have each of the names with each sentinel.
func foreignBodies(r harness.Route, names []string) (all []object) {
	for some := range slices.Chunk(names, 100) { // bodies of identity have at most 8 KiB
		for _, sentinel := range sentinels {
			body := object{}
			for _, name := range some {
				body[name] = sentinel
			}
			all = append(all, body)
		}
	}
	return harness.SampleFifth(len(r.String()), all)
}

// withoutRouteTable returns the rows without the table that the route writes to.
func withoutRouteTable(all harness.Rows, r harness.Route) harness.Rows {
	delete(all, "signin_attempts")
	if !strings.HasPrefix(r.Path, "/api/deliveries/{id}") {
		delete(all, "deliveries")
	}
	delete(all, "known_clients")
	if takesMailToken(r) || strings.HasPrefix(r.Path, "/api/auth/password") {
		delete(all, "user_mail_tokens")
		delete(all, "registrations")
		for _, user := range all["users"] {
			for _, column := range []string{"password_hash", "version", "updated_at", "token_version"} {
				delete(user, column)
			}
		}
	}
	return all
}

// holdsNoSentinel creates records with every foreign member. It requires rows that equal those of a plain request.
func holdsNoSentinel(t *testing.T, s *harness.Service, c *harness.Client, r harness.Route, known object) {
	keeper := s.NewUser(t, "Keeper"+c.Name)
	kept, caller := keeper.AddPatient(), c.CallerOf(r)
	other := &harness.Client{T: t, Service: s, Name: "Another" + c.Name}
	other.Token = other.SignIn() // the user to whom the known patient is granted
	others := other.AddPractice()
	before := s.StoredRows(t)
	var plain harness.Rows
	claims, acting := 0, 0
	send := func(extra object) {
		known, role := maps.Clone(known), auth.Admin
		switch r.CollectionPath() {
		case "/api/patients/claims/":
			if claims++; claims%40 == 0 { // a patient has 50 accepted invitations
				tables := []string{"patient_grants", "patient_invitations"}
				requireSimilar(t, without(s.StoredRowsOf(t, tables...), before), plain)
				for _, table := range tables {
					require.NoError(t, s.DB.Write(t.Context()).Exec(
						"DELETE FROM "+table+" WHERE patient_id = ?", kept).Error)
				}
			}
			known[r.Path+" code"] = keeper.InviteColleague(kept)["code"]
		case "/api/patients/":
			if r.TakesID() {
				known[harness.Patient] = c.AddPatient() // a patient has ten open invitations, and twenty corrections
			}
			if strings.Contains(r.Path, "/corrections/") {
				c.AddGrant(known, other)
				defer func(patient, grant string) { // a user has 100 grants
					c.Do("DELETE", "/api/patients/"+patient+"/grants/"+grant+"/", nil).Expect(204)
				}(known[harness.Patient].(string), known["grant"].(string))
			}
		case "/api/emergency-access/":
			role, known[harness.Patient] = doctors.Role, kept
			if r.TakesID() {
				role = patients.PrivacyRole
				other.WithRole(doctors.Role, func() { known["emergency"] = other.OpenEmergency(kept).Expect(201).ID() })
			}
			defer requireDeleted(t, s, "emergency_accesses WHERE patient_id = ?", kept)
		case "/api/mappings/":
			known["doctor"] = c.AddDoctor()
		case "/api/auth/register/", "/api/users/":
			known["email"] = strings.ToLower(r.Method) + time.Now().Format("150405.000000000") + "@clinic.example"
		case "/api/auth/refresh/":
			known["refresh"] = (&harness.Client{T: t, Service: s, Name: "Another" + c.Name}).SignInTokens()["refresh"]
		case "/api/practices/", "/api/practices/claims/", "/api/auth/deputies/claims/", "/api/auth/me/deputies/":
			// A user acts for nine others, and has ten or twenty open invitations.
			requireDeleted(t, s, "acting WHERE user_id = ? AND kind <> 'self' AND principal_id <> ?", c.UserID(),
				known["practice"])
			if acting++; acting%5 == 0 {
				requireSimilar(t, without(s.StoredRowsOf(t, "acting_invitations"), before), plain)
				requireDeleted(t, s, "acting_invitations WHERE invited_by = ?", c.UserID())
			}
			known["/api/practices/claims/ code"] = other.InviteMember(others, "read")["code"]
			known["/api/auth/deputies/claims/ code"] = other.InviteDeputy("read")["code"]
			defer requireDeleted(t, s, "acting_invitations WHERE invited_by = ?", other.UserID())
		case "/api/appointments/":
			c.AddAppointmentFor(r, known)
		case "/api/waiting-list/":
			known[harness.Patient] = c.AddPatient() // a patient waits ten times
			if r.TakesID() {
				known["doctor"] = c.AddDoctor()
				c.AddRecords(known, "")
				c.AddAppointmentFor(r, known)
				requireDeleted(t, s, "waiting_entries WHERE state = 'offered'") // of which a user has twenty
			}
		case "/api/doctors/":
			if strings.HasSuffix(r.Path, "/calendar-feeds/") {
				known["linked_doctor"] = c.AddDoctor() // a doctor has five feeds
			}
		case "/api/webhooks/": // a service has at most 50
			requireDeleted(t, s, `webhook_endpoints WHERE id NOT IN
				(SELECT id FROM webhook_endpoints ORDER BY created_at DESC, id DESC LIMIT 20)`)
		case "/api/doctors/claims/":
			doctor := known["invited_doctor"].(string)
			c.Do("DELETE", "/api/doctors/"+doctor+"/link/", nil) // of the claim before
			known["/api/doctors/claims/ code"] = c.InviteDoctor(doctor)["code"]
		}
		body := r.Body(known)
		maps.Copy(body, extra)
		var a harness.Response
		do := func() { a = caller.ForTest(t).Do(r.Method, r.PathOf(known), body) }
		if role == auth.Admin {
			do()
		} else {
			caller.WithRole(role, do)
		}
		require.Contains(t, []int{200, 201}, a.Status, "%v: %s", body, a.Body)
	}
	send(nil)
	plain = without(s.StoredRows(t), before)
	names := foreignMembers(t, s, r)
	for _, members := range foreignBodies(r, names) {
		send(members)
	}
	requireSimilar(t, without(s.StoredRows(t), before), plain)
}

// requireDeleted deletes rows of a table.
func requireDeleted(t *testing.T, s *harness.Service, rows string, values ...any) {
	t.Helper()
	require.NoError(t, s.DB.Write(t.Context()).Exec("DELETE FROM "+rows, values...).Error)
}

// without removes the rows of before.
func without(all harness.Rows, before harness.Rows) harness.Rows {
	rest := harness.Rows{}
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

// requireSimilar compares every row with the row of a plain request. They may differ in the columns of perRow, which
// must not contain the sent values.
func requireSimilar(t *testing.T, all harness.Rows, plain harness.Rows) {
	t.Helper()
	for table, content := range all {
		require.NotEmpty(t, plain[table], "only other requests made rows in %s", table)
		for _, row := range content {
			for column, value := range row {
				require.NotContains(t, value, "5eed5eed", "%s.%s", table, column)
				require.NotContains(t, value, sentinelTime[:19], "%s.%s", table, column)
				own := column == "id" || strings.HasSuffix(column, "_at") || strings.HasSuffix(column, "_hash") ||
					slices.Contains(perRow[table], column)
				if !own {
					require.Equal(t, plain[table][0][column], value, "%s.%s", table, column)
				}
			}
		}
	}
}

// perRow holds the columns that differ in every row.
var perRow = map[string][]string{
	"deliveries": { // the messages of a request differ in their kind and recipient, and are sent meanwhile
		"kind", "channel", "recipient_kind", "recipient_id", "subject_id", "subject_version", "state", "attempts",
		"last_error",
	},
	"webhook_endpoints": {"secret", "created_by"},
	"users":             {"email", "mailbox", "username", "search_text"}, "user_mailboxes": {"user_id", "mailbox"},
	"patient_invitations": {"patient_id", "mac"}, "assignments": {"doctor_id"}, "signin_attempts": {"key", "failures"},
	"patient_corrections": {"patient_id", "value", "because"},
	"acting_invitations":  {"mac"}, "appointment_types": {"name"}, "calendar_feeds": {"doctor_id"},
	"availability": {"doctor_id"}, "availability_windows": {"doctor_id", "weekday"},
	"waiting_entries": {"patient_id", "doctor_id", "appointment_id", "offered_until"},
	"appointments": {
		"session_id", "series_id", "blocks_from", "blocks_to", "local_start", "doctor_id", "patient_id",
	},
}
