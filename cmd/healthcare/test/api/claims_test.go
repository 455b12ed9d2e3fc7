package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

const claims = "/api/patients/claims/"

// invite returns the response to an invitation to see the patient.
func invite(c *harness.Client, patient, as string) object {
	c.T.Helper()
	return c.Do("POST", "/api/patients/"+patient+"/invitations/", object{"as": as}).Expect(201).Object()
}

// claim returns the response to the acceptance of an invitation. A nil birth date suits a patient of whom only the age
// is known.
func claim(c *harness.Client, invited object, born any) harness.Response {
	c.T.Helper()
	if born == nil {
		born = "1900-01-01"
	}
	return c.Do("POST", claims, object{"code": invited["code"], "birth_date": born})
}

// TestClaims is the way of a patient from the invitation to the own record, and back.
func TestClaims(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		const born = "1995-04-18"
		keeper, person, stranger := s.NewUser(t, "Keeper"), s.NewUser(t, "Person"), s.NewUser(t, "Stranger")
		dated := object{"age": harness.OmitField, "birth_date": born, "notes": "Zyxnotes."}
		patient := keeper.AddPatient(dated)
		other := keeper.AddPatient(object{"name": "Somebody else"})
		doctor := keeper.AddDoctor()
		assignment := keeper.Assign(patient, doctor).Expect(201).ID()
		at := "/api/patients/" + patient + "/"
		grants, first := at+"grants/", ""

		t.Run("need the right code and birth date, and refuse everything else alike", func(t *testing.T) {
			keeper, person, stranger := keeper.ForTest(t), person.ForTest(t), stranger.ForTest(t)
			invited := invite(keeper, patient, "self")
			withdrawn := invite(keeper, patient, "self")
			keeper.Do("DELETE", at+"invitations/"+withdrawn["id"].(string)+"/", nil).Expect(204)
			keeper.Do("DELETE", at+"invitations/"+withdrawn["id"].(string)+"/", nil).ExpectProblem(404,
				"no_such_invitation")
			refused := claim(stranger, invited, "1995-04-19").Expect(404).WithoutRequestID()
			for _, a := range []harness.Response{
				claim(stranger, object{"code": "no code"}, born), claim(stranger, withdrawn, born),
				claim(stranger, object{"code": "00000-00000-00000-00000"}, born), claim(stranger, invited, nil),
			} {
				require.Equal(t, refused, a.Expect(404).WithoutRequestID())
			}
			claim(stranger, invited, "yesterday").ExpectProblem(400, "validation_failed")
			stranger.Do("GET", at, nil).Expect(404)
			claim(keeper, invited, born).ExpectProblem(409, "already_kept")
			person.Do("POST", claims, object{"code": invited["code"]}).ExpectProblem(400, "validation_failed")
			typed := object{"code": strings.ToLower(invited["code"].(string))}
			granted := claim(person, typed, born).Expect(201).Object()
			require.Equal(t, object{
				"id": invited["id"], "patient": patient, "as": "self", "level": "read", "until": nil,
			}, granted)
			first = invited["id"].(string)
			claim(person, invited, born).ExpectProblem(404, "no_such_invitation")
			second := s.NewUser(t, "Second")
			second.Do("POST", claims, object{"code": invited["code"]}).ExpectProblem(404, "no_such_invitation")
			keeper.Do("POST", at+"invitations/", object{"as": "self"}).ExpectProblem(409, "already_claimed")
		})
		t.Run("are listed for the keeper, with who accepted them", func(t *testing.T) {
			keeper := keeper.ForTest(t)
			open := invite(keeper, patient, "delegate")
			listed := keeper.Do("GET", at+"invitations/", nil, "Prefer", "count=exact").Expect(200)
			require.Equal(t, "2", listed.Header.Get("X-Total-Count"))
			states := object{}
			for _, i := range listed.List() {
				require.NotContains(t, i, "code")
				states[i["id"].(string)] = object{"as": i["as"], "state": i["state"], "by": i["accepted_by"]}
			}
			require.Equal(t, object{
				open["id"].(string): object{"as": "delegate", "state": "open", "by": nil},
				first:               object{"as": "self", "state": "accepted", "by": person.UserID()},
			}, states)
			person.ForTest(t).Do("GET", at+"invitations/", nil).ExpectProblem(403, "forbidden")
			stranger.ForTest(t).Do("GET", at+"invitations/", nil).ExpectProblem(404, "not_found")
			keeper.Do("DELETE", at+"invitations/"+open["id"].(string)+"/", nil).Expect(204)
		})
		t.Run("make an account a patient's that registered itself and keeps nothing", func(t *testing.T) {
			require.Equal(t, "patient", person.ForTest(t).Do("GET", "/api/auth/me/", nil).Expect(200).Object()["role"])
			admin := s.NewUserWithRole(t, auth.Admin, "Admin")
			keeps := s.NewUser(t, "Keeps")
			keeps.AddPatient()
			for c, role := range map[*harness.Client]string{admin: "admin", keeps: "staff"} {
				claim(c, invite(keeper.ForTest(t), patient, "delegate"), born).Expect(201)
				require.Equal(t, role, c.Do("GET", "/api/auth/me/", nil).Expect(200).Object()["role"])
				c.Do("GET", at, nil).Expect(200)
			}
		})
		t.Run("show the record, the care team and the access log, and nothing else", func(t *testing.T) {
			person := person.ForTest(t)
			for _, path := range []string{
				at, at + "access-log/", "/api/mappings/" + patient + "/",
				"/api/doctors/", "/api/doctors/" + doctor + "/",
			} {
				person.Do("GET", path, nil).Expect(200)
			}
			team := person.Do("GET", "/api/mappings/"+patient+"/", nil).Expect(200).List()
			require.Len(t, team, 1)
			detail := person.Do("GET", "/api/mappings/detail/"+assignment+"/", nil).Expect(200)
			require.Equal(t, team[0], detail.Object())
			listed := person.Do("GET", "/api/patients/", nil, "Prefer", "count=exact").Expect(200)
			require.Equal(t, "1", listed.Header.Get("X-Total-Count"))
			require.Equal(t, patient, listed.List()[0]["id"])
			require.Empty(t, listed.List()[0]["notes"])
			require.Empty(t, person.Do("GET", at, nil).Expect(200).Object()["notes"])
			require.Equal(t, "Zyxnotes.", keeper.ForTest(t).Do("GET", at, nil).Expect(200).Object()["notes"])
			actions := []any{}
			for _, e := range person.Do("GET", at+"access-log/", nil).Expect(200).List() {
				actions = append(actions, e["action"])
			}
			for _, action := range []string{"create", "invited", "withdrawn", "granted", "refused", "read"} {
				require.Contains(t, actions, action)
			}
			for _, path := range []string{"", "access-log/"} {
				missing := person.Do("GET", "/api/patients/"+harness.MissingID+"/"+path, nil).Expect(404)
				foreign := person.Do("GET", "/api/patients/"+other+"/"+path, nil).Expect(404)
				require.Equal(t, missing.WithoutRequestID(), foreign.WithoutRequestID())
			}
		})
		t.Run("permit no change", func(t *testing.T) {
			person := person.ForTest(t)
			for _, r := range []struct {
				method, path string
				body         any
			}{
				{"PATCH", at, object{"name": "N"}}, {"DELETE", at, nil}, {"POST", "/api/patients/", object{}},
				{"POST", at + "invitations/", object{"as": "self"}}, {"POST", "/api/mappings/", object{}},
				{"DELETE", "/api/mappings/" + assignment + "/", nil}, {"POST", "/api/doctors/", object{}},
				{"DELETE", "/api/doctors/" + doctor + "/", nil},
			} {
				person.Do(r.method, r.path, r.body).ExpectProblem(403, "forbidden")
			}
			staff := s.NewUserWithRole(t, auth.Staff, "Relative")
			staff.AddPatient()
			grant := claim(staff, invite(keeper.ForTest(t), patient, "delegate"), born).Expect(201).ID()
			staff.Do("PATCH", at, object{"name": "N"}).ExpectProblem(403, "read_only")
			staff.Do("DELETE", at, nil).ExpectProblem(403, "keeper_only")
			staff.Do("POST", at+"invitations/", object{"as": "self"}).ExpectProblem(403, "keeper_only")
			staff.Do("DELETE", at+"invitations/"+harness.MissingID+"/", nil).ExpectProblem(403, "keeper_only")
			stranger.ForTest(t).Do("POST", at+"invitations/", object{"as": "self"}).ExpectProblem(404, "not_found")
			stranger.ForTest(t).Do("DELETE", grants+grant+"/", nil).ExpectProblem(404, "not_found")
			person.Do("DELETE", grants+grant+"/", nil).ExpectProblem(403, "keeper_only")
			keeper.ForTest(t).Do("DELETE", grants+grant+"/", nil).Expect(204)
			keeper.ForTest(t).Do("DELETE", grants+grant+"/", nil).ExpectProblem(404, "not_found")
			staff.Do("GET", at, nil).Expect(404)
		})
		t.Run("of a child's delegate end with the corrected birth date", func(t *testing.T) {
			keeper, kin := keeper.ForTest(t), s.NewUser(t, "Kin")
			child := keeper.AddPatient(object{"age": 10})
			path := "/api/patients/" + child + "/"
			until := func() any {
				return keeper.Do("GET", path+"invitations/", nil).Expect(200).List()[0]["until"]
			}
			claim(kin, invite(keeper, child, "delegate"), nil).Expect(201)
			require.NotNil(t, until(), "only the age is known")
			keeper.Do("PATCH", path, object{"birth_date": "2016-05-05"}).Expect(200)
			require.Equal(t, "2034-05-05T00:00:00.000000Z", until())
			kin.Do("GET", path, nil).Expect(200)
			keeper.Do("PATCH", path, object{"birth_date": "2006-01-01"}).Expect(200)
			kin.Do("GET", path, nil).Expect(404)
			require.Empty(t, keeper.Do("GET", path+"invitations/", nil).Expect(200).List())
			actions := []any{}
			for _, e := range keeper.Do("GET", path+"access-log/", nil).Expect(200).List() {
				if e["action"] == "granted" || e["action"] == "withdrawn" {
					actions = append(actions, e["action"])
				}
			}
			require.Equal(t, []any{"withdrawn", "granted", "granted"}, actions)
		})
		t.Run("are not for roles that see no patients", func(t *testing.T) {
			auditor := s.NewUserWithRole(t, "auditor", "Auditor")
			invited := invite(keeper.ForTest(t), patient, "delegate")
			claim(auditor, invited, born).ExpectProblem(403, "forbidden")
			claim(s.NewUser(t, "Friend"), invited, born).Expect(201)
		})
		t.Run("end when the person or the keeper ends the grant", func(t *testing.T) {
			person := person.ForTest(t)
			again := claim(person, invite(keeper.ForTest(t), patient, "delegate"), born).Expect(201).ID()
			person.Do("DELETE", grants+first+"/", nil).Expect(204)
			person.Do("GET", at, nil).Expect(200)
			keeper.ForTest(t).Do("DELETE", grants+again+"/", nil).Expect(204)
			left := keeper.ForTest(t).Do("GET", at+"invitations/", nil).Expect(200).List()
			require.Len(t, left, 3, "of other delegates")
			require.NotContains(t, []any{left[0]["id"], left[1]["id"], left[2]["id"]}, again)
			person.Do("GET", at, nil).Expect(404)
			require.Empty(t, person.Do("GET", "/api/patients/", nil).Expect(200).List())
		})
	})
}
