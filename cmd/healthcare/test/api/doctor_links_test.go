package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/config"
)

const doctorClaims = "/api/doctors/claims/"

func doctorAt(id string) string { return "/api/doctors/" + id + "/" }

// An administrator invites a doctor, who claims the record and later loses it.
func TestLinksOfDoctors(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin, staff := s.NewUserWithRole(t, auth.Admin, "Admin"), s.NewUser(t, "Staff")
		doctor, user := admin.AddDoctor(), s.NewUser(t, "Vikram")
		role := func(c *harness.Client) any { return c.Do("GET", "/api/auth/me/", nil).Expect(200).Object()["role"] }
		invite := func(id string) object {
			return admin.Do("POST", doctorAt(id)+"invitations/", nil).Expect(201).Object()
		}
		trail := func(a harness.Response) (all []string) {
			for _, e := range s.AuditEntries(t, a.Header.Get("X-Request-Id")) {
				all = append(all, fmt.Sprint(e["action"], " ", e["resource_type"], " ", e["outcome"], " ", e["status"]))
			}
			return all
		}

		t.Run("an invitation shows its code once and stores only its MAC", func(t *testing.T) {
			a := admin.ForTest(t).Do("POST", doctorAt(doctor)+"invitations/", nil, "Idempotency-Key", "k").Expect(201)
			require.Regexp(t, `^([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$`, a.Object()["code"])
			expires, err := time.Parse(time.RFC3339Nano, a.Object()["expires_at"].(string))
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(72*time.Hour), expires, time.Minute)
			require.Equal(t, []string{"invited Doctor success 201"}, trail(a))
			again := admin.ForTest(t).Do("POST", doctorAt(doctor)+"invitations/", nil, "Idempotency-Key", "k")
			again.Expect(201)
			require.NotEqual(t, a.Object()["code"], again.Object()["code"], "the key is ignored")
			code := again.Object()["code"].(string)
			for table, rows := range s.StoredRows(t) {
				stored := strings.ToUpper(fmt.Sprint(rows))
				require.NotContains(t, stored, code, table)
				require.NotContains(t, stored, strings.ReplaceAll(code, "-", ""), table)
			}
			require.NotContains(t, s.Log.String(), code)
			admin.ForTest(t).Do("POST", doctorAt(harness.MissingID)+"invitations/", nil).Expect(404)
			staff.ForTest(t).Do("POST", doctorAt(doctor)+"invitations/", nil).ExpectProblem(403, "forbidden")
		})
		t.Run("the role needs a link", func(t *testing.T) {
			admin.ForTest(t).Do("PATCH", "/api/users/"+user.UserID()+"/",
				object{"role": "doctor"}).ExpectProblem(409, "no_doctor_linked")
			require.Equal(t, "staff", role(user))
		})
		t.Run("no other role can be given while there is a link, or to a user who keeps patients", func(t *testing.T) {
			admin, linked, keeper := admin.ForTest(t), s.NewUser(t, "Linked"), s.NewUser(t, "Keeper")
			linked.Do("POST", doctorClaims, object{"code": invite(admin.AddDoctor())["code"]}).Expect(201)
			keeper.AddPatient()
			give := func(c *harness.Client, role string) harness.Response {
				return admin.Do("PATCH", "/api/users/"+c.UserID()+"/", object{"role": role})
			}
			for _, other := range []string{"staff", "patient", "auditor"} {
				give(linked, other).ExpectProblem(409, "role_conflict")
			}
			require.Equal(t, "doctor", role(linked))
			give(linked, "admin").Expect(200)
			give(linked, "doctor").Expect(200)
			give(keeper, "patient").ExpectProblem(409, "keeps_patients")
			give(keeper, "auditor").ExpectProblem(409, "keeps_patients")
			require.Equal(t, "staff", role(keeper))
			give(s.NewUser(t, "New"), "patient").Expect(200)
		})
		t.Run("every code that is not valid gets the same response", func(t *testing.T) {
			other := admin.AddDoctor()
			replaced := invite(other)["code"]
			withdrawn := invite(other)
			at := doctorAt(other) + "invitations/" + withdrawn["id"].(string) + "/"
			staff.ForTest(t).Do("DELETE", at, nil).ExpectProblem(403, "forbidden")
			admin.ForTest(t).Do("DELETE", doctorAt(doctor)+"invitations/"+withdrawn["id"].(string)+"/",
				nil).ExpectProblem(404, "no_such_invitation")
			a := admin.ForTest(t).Do("DELETE", at, nil).Expect(204)
			require.Equal(t, []string{"withdrawn Doctor success 204"}, trail(a))
			admin.ForTest(t).Do("DELETE", at, nil).ExpectProblem(404, "no_such_invitation")
			spent, expired := invite(other)["code"], invite(admin.AddDoctor())
			s.NewUser(t, "Spender").Do("POST", doctorClaims, object{"code": spent}).Expect(201)
			require.NoError(t, s.DB.Write(t.Context()).Exec(`UPDATE doctor_invitations SET expires_at = created_at
				WHERE id = ?`, expired["id"]).Error)
			want, before := "", s.StoredRows(t)
			for name, code := range map[string]any{
				"wrong": "00000-00000-00000-00000", "malformed": "x", "replaced": replaced,
				"withdrawn": withdrawn["code"], "spent": spent, "expired": expired["code"],
			} {
				a := user.ForTest(t).Do("POST", doctorClaims, object{"code": code})
				a.ExpectProblem(404, "no_such_invitation")
				a.Header.Del("Date")
				require.Equal(t, []string{"refused Doctor refused 404"}, trail(a))
				body := a.WithoutRequestID()
				a.Header.Del("X-Request-Id")
				got := fmt.Sprint(body, a.Header)
				if want == "" {
					want = got
				}
				require.Equal(t, want, got, name)
			}
			after := s.StoredRows(t)
			for _, table := range []string{"users", "doctors", "doctor_links", "doctor_invitations", "acting"} {
				require.Equal(t, before[table], after[table])
			}
		})
		t.Run("a claim makes staff a doctor with the next request", func(t *testing.T) {
			code := invite(doctor)["code"].(string)
			a := user.ForTest(t).Do("POST", doctorClaims, object{"code": strings.ToLower(code)}).Expect(201)
			require.Equal(t, doctor, a.ID())
			require.Equal(t, doctorAt(doctor), a.Header.Get("Location"))
			require.NotEmpty(t, a.Header.Get("ETag"))
			require.Equal(t, []string{"role_changed User success 200", "linked Doctor success 201"}, trail(a))
			require.Equal(t, "doctor", role(user))
			user.ForTest(t).Do("GET", "/api/patients/", nil).Expect(200)
			user.AddPatient()
			admin.ForTest(t).Do("POST", doctorAt(doctor)+"invitations/", nil).ExpectProblem(409, "already_linked")
			code = invite(admin.AddDoctor())["code"].(string)
			user.ForTest(t).Do("POST", doctorClaims, object{"code": code}).ExpectProblem(409, "already_linked")
			s.NewUserWithRole(t, "auditor", "Auditor").Do("POST", doctorClaims, object{"code": code}).ExpectProblem(409,
				"role_conflict")
			admin.ForTest(t).Do("POST", doctorClaims, object{"code": code}).Expect(201)
			require.Equal(t, "admin", role(admin), "an administrator keeps the role")
		})
		t.Run("a linked record is changed by its user and administrators", func(t *testing.T) {
			for _, change := range []struct {
				method string
				body   any
			}{{"PUT", khanna}, {"PATCH", object{"experience": 12}}, {"DELETE", nil}} {
				a := staff.ForTest(t).Do(change.method, doctorAt(doctor), change.body, "If-Match", `"v9"`)
				a.ExpectProblem(403, "record_is_linked")
				require.Equal(t, []string{"refused Doctor refused 403"}, trail(a))
			}
			user.ForTest(t).Do("PATCH", doctorAt(doctor), object{"experience": 12}).Expect(200)
			admin.ForTest(t).Do("PATCH", doctorAt(doctor), object{"experience": 13}).Expect(200)
		})
		t.Run("a link is ended by its user or an administrator, with the next request", func(t *testing.T) {
			link, another := doctorAt(doctor)+"link/", s.NewUser(t, "Another")
			other := admin.AddDoctor()
			another.Do("POST", doctorClaims, object{"code": invite(other)["code"]}).Expect(201)
			another.Do("DELETE", link, nil).ExpectProblem(403, "record_is_linked")
			staff.ForTest(t).Do("DELETE", link, nil).ExpectProblem(403, "forbidden")
			require.Equal(t, []string{"role_changed User success 200", "unlinked Doctor success 204"},
				trail(user.ForTest(t).Do("DELETE", link, nil).Expect(204)))
			require.Equal(t, "staff", role(user))
			user.ForTest(t).Do("DELETE", link, nil).ExpectProblem(403, "forbidden")
			admin.ForTest(t).Do("DELETE", link, nil).ExpectProblem(404, "not_linked")
			admin.ForTest(t).Do("DELETE", doctorAt(harness.MissingID)+"link/", nil).ExpectProblem(404, "not_found")
			admin.ForTest(t).Do("DELETE", doctorAt(other)+"link/", nil).Expect(204)
			require.Equal(t, "staff", role(another))
			staff.ForTest(t).Do("PATCH", doctorAt(doctor), object{"experience": 14}).Expect(200)
		})
		t.Run("a removal ends link and invitation", func(t *testing.T) {
			code := invite(doctor)["code"]
			user.ForTest(t).Do("POST", doctorClaims, object{"code": code}).Expect(201)
			invited := admin.AddDoctor()
			code = invite(invited)["code"]
			removed := user.ForTest(t).Do("DELETE", doctorAt(doctor), nil).Expect(204)
			require.Equal(t, []string{"role_changed User success 200", "unlinked Doctor success 204",
				"delete Doctor success 204"}, trail(removed))
			removed = admin.ForTest(t).Do("DELETE", doctorAt(invited), nil).Expect(204)
			require.Equal(t, []string{"delete Doctor success 204"}, trail(removed))
			require.Equal(t, "staff", role(user))
			user.ForTest(t).Do("POST", doctorClaims, object{"code": code}).ExpectProblem(404, "no_such_invitation")
		})
		t.Run("a user who leaves ends the link", func(t *testing.T) {
			other := admin.AddDoctor()
			leave := func(c *harness.Client, status int) harness.Response {
				return c.Do("DELETE", "/api/auth/me/?patients=delete",
					object{"password": harness.Password}).Expect(status)
			}
			leaver := s.NewUser(t, "Leaver")
			leaver.Do("POST", doctorClaims, object{"code": invite(other)["code"]}).Expect(201)
			left := trail(leave(leaver, 204))
			require.Equal(t, []string{"unlinked Doctor success 204", "delete User success 204"}, left)
			require.Equal(t, []string{"delete User success 204"}, trail(leave(s.NewUser(t, "Unlinked"), 204)))

			keeper := s.NewUser(t, "KeeperOfMany")
			keeper.Do("POST", doctorClaims, object{"code": invite(other)["code"]}).Expect(201)
			s.AddPatients(t, keeper.UserID(), 101)
			closed := leave(keeper, 202)
			invite(other)
			require.Equal(t, []string{"unlinked Doctor success 204", "delete User success 202"}, trail(closed))
			admin.ForTest(t).Do("DELETE", doctorAt(other), nil).Expect(204)
		})
		t.Run("a job that removes a linked doctor ends the link", func(t *testing.T) {
			linked, treating := s.NewUser(t, "LinkedToRemoved"), admin.AddDoctor()
			linked.Do("POST", doctorClaims, object{"code": invite(treating)["code"]}).Expect(201)
			admin.ForTest(t).Do("DELETE", doctorAt(treating)+"?force=true", nil).Expect(202)
			ended := func() (actions []any) {
				for _, e := range s.FindAuditEntries(t, func(e object) bool { return e["resource_id"] == treating }) {
					actions = append(actions, e["action"])
				}
				return actions
			}
			done := func() bool { return slices.Contains(ended(), "delete") }
			require.Eventually(t, done, time.Minute, 20*time.Millisecond)
			all := ended()
			require.Equal(t, []any{"unlinked", "delete"}, all[len(all)-2:])
			require.Equal(t, "staff", role(linked))
		})
	})
}

// The user of a record may change it also in a directory that only administrators curate.
func TestLinksInACuratedDirectory(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin, user := s.NewUserWithRole(t, auth.Admin, "Admin"), s.NewUser(t, "Vikram")
		own, other := admin.AddDoctor(), admin.AddDoctor()
		user.Do("POST", doctorClaims, object{"code": admin.InviteDoctor(own)["code"]}).Expect(201)
		user.Do("PATCH", doctorAt(own), object{"experience": 12}).Expect(200)
		user.Do("PATCH", doctorAt(other), object{"experience": 12}).ExpectProblem(403, "directory_is_curated")
		user.Do("POST", "/api/doctors/", khanna).ExpectProblem(403, "directory_is_curated")
	}, func(c *config.Config) { c.DoctorDirectory = "curated" })
}

// A code that several users claim at once links one of them.
func TestConcurrentClaims(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		admin, rivals := s.NewUserWithRole(t, auth.Admin, "Admin"), []*harness.Client{}
		for i := range 4 {
			rivals = append(rivals, s.NewUser(t, fmt.Sprint("Rival", i)))
		}
		for range 5 {
			doctor := admin.AddDoctor()
			body := object{"code": admin.InviteDoctor(doctor)["code"]}
			statuses := harness.Concurrently(len(rivals), func(i int) harness.Response {
				return rivals[i].Do("POST", doctorClaims, body)
			})
			require.Equal(t, map[int]int{201: 1, 404: 3}, statuses)
			roles := []any{}
			for _, c := range rivals {
				roles = append(roles, c.Do("GET", "/api/auth/me/", nil).Object()["role"])
			}
			require.Len(t, slices.DeleteFunc(roles, func(role any) bool { return role != "doctor" }), 1)
			admin.Do("DELETE", doctorAt(doctor)+"link/", nil).Expect(204)
		}
	})
}
