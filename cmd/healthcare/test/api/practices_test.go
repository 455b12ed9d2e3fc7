package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

const practiceClaims = "/api/practices/claims/"

func practiceAt(id string) string { return "/api/practices/" + id + "/" }

// joined makes the user a member of the practice at a level.
func joined(manager, user *harness.Client, practice, level string) {
	code := manager.InviteMember(practice, level)["code"]
	user.Do("POST", practiceClaims, object{"code": code}).Expect(201)
}

// entriesOf returns the entries of the trail about a response, as action, resource, outcome and status.
func entriesOf(t *testing.T, s *harness.Service, a harness.Response) (all []string) {
	t.Helper()
	for _, e := range s.AuditEntries(t, a.Header.Get("X-Request-Id")) {
		all = append(all, fmt.Sprint(e["action"], " ", e["resource_type"], " ", e["outcome"], " ", e["status"]))
	}
	return all
}

func TestPractices(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		manager, member, outsider := s.NewUser(t, "Asha"), s.NewUser(t, "Ravi"), s.NewUser(t, "Mira")
		admin := s.NewUserWithRole(t, auth.Admin, "Admin")
		created := manager.Do("POST", "/api/practices/", object{"name": " At the Lake "}, "Idempotency-Key", "k")
		created.Expect(201)
		practice := created.ID()
		at := practiceAt(practice)
		of := func(c *harness.Client) string { return at + "members/" + c.UserID() + "/" }
		membersOf := func(t *testing.T, c *harness.Client) (all []string) {
			for _, m := range c.ForTest(t).Do("GET", at+"members/", nil).Expect(200).List() {
				all = append(all, fmt.Sprint(m["name"], " ", m["level"]))
			}
			return all
		}

		t.Run("are created by any of the three roles, who manages them", func(t *testing.T) {
			require.Equal(t, at, created.Header.Get("Location"))
			require.Equal(t, []string{"create Practice success 201"}, entriesOf(t, s, created))
			shown := created.Object()
			require.Equal(t, "At the Lake", shown["name"])
			require.Equal(t, "keep", shown["level"])
			again := manager.ForTest(t).Do("POST", "/api/practices/", object{"name": " At the Lake "},
				"Idempotency-Key", "k")
			require.Equal(t, practice, again.ID(), "a repeated request creates no second practice")
			require.Equal(t, shown, manager.ForTest(t).Do("GET", at, nil).Expect(200).Object())
			require.Equal(t, []string{"Asha keep"}, membersOf(t, manager))
			for name, role := range map[string]auth.Role{"Auditor": "auditor", "Patient": "patient"} {
				s.NewUserWithRole(t, role, name).Do("POST", "/api/practices/",
					object{"name": "A"}).ExpectProblem(403, "forbidden")
			}
		})
		t.Run("look like missing ones to users who are no members", func(t *testing.T) {
			joined(manager, member, practice, "read")
			responses := func(at string) (all []string) {
				for _, c := range []struct {
					method, path string
					body         any
				}{
					{"GET", "", nil}, {"PATCH", "", object{"name": "A"}}, {"GET", "members/", nil},
					{"POST", "invitations/", object{"level": "read"}},
					{"DELETE", "invitations/" + harness.MissingID + "/", nil},
					{"PUT", "members/" + outsider.UserID() + "/", object{"level": "keep"}},
					{"PUT", "members/" + member.UserID() + "/", object{"level": "read"}},
					{"DELETE", "members/" + outsider.UserID() + "/", nil},
					{"DELETE", "members/" + member.UserID() + "/", nil},
				} {
					a := outsider.ForTest(t).Do(c.method, at+c.path, c.body)
					a.ExpectProblem(404, "not_found")
					all = append(all, fmt.Sprint(a.WithoutRequestID()))
				}
				return all
			}
			of, missing := responses(at), responses(practiceAt(harness.MissingID))
			for i := range of {
				require.Equal(t, strings.ReplaceAll(missing[i], harness.MissingID, practice), of[i])
			}
			require.Empty(t, outsider.ForTest(t).Do("GET", "/api/practices/", nil).Expect(200).List())
			require.Equal(t, []string{"Asha keep", "Ravi read"}, membersOf(t, manager))
		})
		t.Run("are shown to members and to administrators", func(t *testing.T) {
			for c, level := range map[*harness.Client]any{manager: "keep", member: "read", admin: nil} {
				shown := c.ForTest(t).Do("GET", at, nil).Expect(200).Object()
				require.Equal(t, level, shown["level"])
				listed := c.ForTest(t).Do("GET", "/api/practices/", nil).Expect(200).List()
				require.True(t, slices.ContainsFunc(listed, func(p object) bool {
					return p["id"] == practice && p["level"] == level
				}))
				require.Equal(t, []string{"Asha keep", "Ravi read"}, membersOf(t, c))
			}
		})
		t.Run("are listed in pages", func(t *testing.T) {
			second := manager.ForTest(t).Do("POST", "/api/practices/", object{"name": "On the Hill"}).ID()
			first := manager.ForTest(t).Do("GET", "/api/practices/?limit=1", nil).Expect(200)
			require.Equal(t, second, first.List()[0]["id"])
			require.Contains(t, first.Header.Get("Link"), `rel="next"`)
			members := manager.ForTest(t).Do("GET", at+"members/?limit=1&ordering=-name", nil).Expect(200)
			require.Equal(t, "Ravi", members.List()[0]["name"])
			next, _, _ := strings.Cut(strings.TrimPrefix(members.Header.Get("Link"), "<"), ">")
			require.Equal(t, "Asha", manager.ForTest(t).Do("GET", next, nil).Expect(200).List()[0]["name"])
		})
		t.Run("are changed by managers only", func(t *testing.T) {
			for _, c := range []*harness.Client{member, admin} {
				a := c.ForTest(t).Do("PATCH", at, object{"name": "A"})
				a.ExpectProblem(403, "managers_only")
				require.Equal(t, []string{"refused Practice refused 403"}, entriesOf(t, s, a))
				c.ForTest(t).Do("POST", at+"invitations/", object{"level": "read"}).ExpectProblem(403, "managers_only")
				c.ForTest(t).Do("DELETE", at+"invitations/"+harness.MissingID+"/", nil).ExpectProblem(403,
					"managers_only")
			}
			member.ForTest(t).Do("PUT", of(member), object{"level": "keep"}).ExpectProblem(403, "managers_only")
			member.ForTest(t).Do("DELETE", of(manager), nil).ExpectProblem(403, "managers_only")
			a := manager.ForTest(t).Do("PATCH", at, object{"name": "By the Sea"}).Expect(200)
			require.Equal(t, "By the Sea", a.Object()["name"])
			require.Equal(t, []string{"update Practice success 200"}, entriesOf(t, s, a))
		})
		t.Run("get members by codes, each of which is valid once", func(t *testing.T) {
			user := s.NewUser(t, "Uma")
			invited := manager.ForTest(t).Do("POST", at+"invitations/", object{"level": "write"}).Expect(201)
			require.Equal(t, []string{"invited Practice success 201"}, entriesOf(t, s, invited))
			code := invited.Object()["code"].(string)
			expires, err := time.Parse(time.RFC3339Nano, invited.Object()["expires_at"].(string))
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(72*time.Hour), expires, time.Minute)
			for table, rows := range s.StoredRows(t) {
				require.NotContains(t, strings.ToUpper(fmt.Sprint(rows)), code, table)
			}
			member.ForTest(t).Do("POST", practiceClaims, object{"code": code}).ExpectProblem(409, "already_member")
			a := user.ForTest(t).Do("POST", practiceClaims, object{"code": strings.ToLower(code)}).Expect(201)
			require.Equal(t, at, a.Header.Get("Location"))
			require.Equal(t, "write", a.Object()["level"])
			require.Equal(t, []string{"linked Practice success 201"}, entriesOf(t, s, a))
			require.Contains(t, membersOf(t, user), "Uma write")
			shown := admin.ForTest(t).Do("GET", "/api/users/"+user.UserID()+"/", nil).Expect(200).Object()
			party := shown["acts_for"].([]any)[0].(map[string]any)
			require.Equal(t, []any{"practice", practice, "write", nil},
				[]any{party["kind"], party["id"], party["level"], party["until"]})
			user.ForTest(t).Do("DELETE", of(user), nil).Expect(204)
		})
		t.Run("respond to every code that is not valid in the same way", func(t *testing.T) {
			spent, withdrawn := manager.InviteMember(practice, "read"), manager.InviteMember(practice, "read")
			expired := manager.InviteMember(practice, "read")
			at := at + "invitations/" + withdrawn["id"].(string) + "/"
			a := manager.ForTest(t).Do("DELETE", at, nil).Expect(204)
			require.Equal(t, []string{"withdrawn Practice success 204"}, entriesOf(t, s, a))
			manager.ForTest(t).Do("DELETE", at, nil).ExpectProblem(404, "no_such_invitation")
			s.NewUser(t, "Spender").Do("POST", practiceClaims, object{"code": spent["code"]}).Expect(201)
			require.NoError(t, s.DB.Write(t.Context()).Exec(
				`UPDATE acting_invitations SET expires_at = created_at WHERE id = ?`, expired["id"]).Error)
			former := s.NewUser(t, "Former")
			joined(manager, former, practice, "keep")
			void := former.InviteMember(practice, "keep")["code"]
			manager.ForTest(t).Do("PUT", of(former), object{"level": "write"}).Expect(200)
			deputy := manager.InviteDeputy("read")["code"]
			want := ""
			for name, code := range map[string]any{
				"wrong": "00000-00000-00000-00000", "malformed": "x", "spent": spent["code"],
				"withdrawn": withdrawn["code"], "expired": expired["code"], "of a former manager": void,
				"of a deputy": deputy,
			} {
				a := outsider.ForTest(t).Do("POST", practiceClaims, object{"code": code})
				a.ExpectProblem(404, "no_such_invitation")
				require.Equal(t, []string{"refused Practice refused 404"}, entriesOf(t, s, a))
				body := fmt.Sprint(a.WithoutRequestID())
				if want == "" {
					want = body
				}
				require.Equal(t, want, body, name)
			}
		})
		t.Run("have a manager as long as they have other members", func(t *testing.T) {
			manager.ForTest(t).Do("DELETE", of(manager), nil).ExpectProblem(409, "last_manager")
			manager.ForTest(t).Do("PUT", of(manager), object{"level": "write"}).ExpectProblem(409, "last_manager")
			admin.ForTest(t).Do("DELETE", of(manager), nil).ExpectProblem(409, "last_manager")
			admin.ForTest(t).Do("PUT", of(manager), object{"level": "read"}).ExpectProblem(409, "last_manager")
			manager.ForTest(t).Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).ExpectProblem(409,
				"last_manager")
			a := manager.ForTest(t).Do("PUT", of(member), object{"level": "keep"}).Expect(200)
			require.Equal(t, "keep", a.Object()["level"])
			require.Equal(t, []string{"linked Practice success 200"}, entriesOf(t, s, a))
			a = manager.ForTest(t).Do("DELETE", of(manager), nil).Expect(204)
			require.Equal(t, []string{"unlinked Practice success 204"}, entriesOf(t, s, a))
			manager.ForTest(t).Do("GET", at, nil).ExpectProblem(404, "not_found")
			member.ForTest(t).Do("PUT", of(manager), object{"level": "read"}).ExpectProblem(404, "not_found")
		})
		t.Run("are mended by administrators", func(t *testing.T) {
			admin := admin.ForTest(t)
			empty := member.ForTest(t).AddPractice()
			in := func(c *harness.Client) string { return practiceAt(empty) + "members/" + c.UserID() + "/" }
			member.ForTest(t).Do("DELETE", in(member), nil).Expect(204)
			admin.Do("PUT", in(outsider), object{"level": "keep"}).Expect(200)
			outsider.ForTest(t).Do("PATCH", practiceAt(empty), object{"name": "Revived"}).Expect(200)
			for role, name := range map[auth.Role]string{"auditor": "OtherAuditor", "patient": "OtherPatient"} {
				admin.Do("PUT", in(s.NewUserWithRole(t, role, name)),
					object{"level": "keep"}).ExpectProblem(409, "role_conflict")
			}
			admin.Do("PUT", practiceAt(empty)+"members/"+harness.MissingID+"/",
				object{"level": "keep"}).ExpectProblem(404, "not_found")
			admin.Do("DELETE", in(manager), nil).ExpectProblem(404, "not_found")
		})
		t.Run("keep the role of their members", func(t *testing.T) {
			give := func(role string) harness.Response {
				return admin.ForTest(t).Do("PATCH", "/api/users/"+outsider.UserID()+"/", object{"role": role})
			}
			give("patient").ExpectProblem(409, "role_conflict")
			give("auditor").ExpectProblem(409, "role_conflict")
			give("admin").Expect(200)
			give("staff").Expect(200)
		})
		t.Run("are nine at most for one account", func(t *testing.T) {
			user := s.NewUser(t, "Nine").ForTest(t)
			for range auth.MaxCapacities {
				user.AddPractice()
			}
			user.Do("POST", "/api/practices/", object{"name": "A"}).ExpectProblem(409, "too_many_capacities")
			code := member.InviteMember(practice, "read")["code"]
			user.Do("POST", practiceClaims, object{"code": code}).ExpectProblem(409, "too_many_capacities")
			s.NewUser(t, "Eight").Do("POST", practiceClaims, object{"code": code}).Expect(201)
		})
		t.Run("lose a member whose account is removed", func(t *testing.T) {
			user := s.NewUser(t, "Leaving")
			joined(member, user, practice, "keep")
			a := user.ForTest(t).Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).Expect(204)
			require.Equal(t, []string{"unlinked Practice success 204", "delete User success 204"}, entriesOf(t, s, a))
			require.NotContains(t, membersOf(t, member), "Leaving keep")
		})
	})
}

func TestClaimsOfOneCodeAtOnce(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		manager := s.NewUser(t, "Asha")
		users := []*harness.Client{s.NewUser(t, "One"), s.NewUser(t, "Two"), s.NewUser(t, "Three")}
		practice := manager.AddPractice()
		for round := range 5 {
			for at, code := range map[string]any{
				practiceClaims: manager.InviteMember(practice, "read")["code"],
				deputyClaims:   manager.InviteDeputy("read")["code"],
			} {
				statuses := atOnce(users, func(c *harness.Client) int {
					return c.ForTest(t).Do("POST", at, object{"code": code}).Status
				})
				require.Equal(t, []int{201, 404, 404}, statuses, "round %d of %s", round, at)
			}
			for _, c := range users {
				for _, path := range []string{practiceAt(practice) + "members/", deputies} {
					require.Contains(t, []int{204, 404}, manager.Do("DELETE", path+c.UserID()+"/", nil).Status)
				}
			}
		}
	})
}

func TestManagersWhoLeaveAtOnce(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		for round := range 4 {
			first, second := s.NewUser(t, fmt.Sprint("First", round)), s.NewUser(t, fmt.Sprint("Second", round))
			practice, member := first.AddPractice(), s.NewUser(t, fmt.Sprint("Member", round))
			joined(first, second, practice, "keep")
			joined(first, member, practice, "read")
			statuses := atOnce([]*harness.Client{first, second}, func(c *harness.Client) int {
				if round%2 == 0 && c == first {
					return c.ForTest(t).Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).Status
				}
				return c.ForTest(t).Do("DELETE", practiceAt(practice)+"members/"+c.UserID()+"/", nil).Status
			})
			require.Equal(t, []int{204, 409}, statuses, "round %d", round)
			require.Len(t, member.Do("GET", practiceAt(practice)+"members/", nil).Expect(200).List(), 2)
		}
	})
}

// atOnce calls do for all users at the same time, and returns the sorted statuses.
func atOnce(users []*harness.Client, do func(*harness.Client) int) []int {
	statuses := make([]int, len(users))
	var all sync.WaitGroup
	for i, c := range users {
		all.Go(func() { statuses[i] = do(c) })
	}
	all.Wait()
	slices.Sort(statuses)
	return statuses
}

// micros is the format of times in responses.
const micros = "2006-01-02T15:04:05.000000Z"

const (
	deputies     = "/api/auth/me/deputies/"
	deputyClaims = "/api/auth/deputies/claims/"
)

func TestDeputies(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		colleague, deputy := s.NewUser(t, "Asha"), s.NewUser(t, "Ravi")
		until := time.Now().UTC().Add(48 * time.Hour).Format(micros)
		list := func(t *testing.T, c *harness.Client, member string) (all []string) {
			listed := c.ForTest(t).Do("GET", deputies, nil).Expect(200).Object()[member].([]any)
			for _, one := range listed {
				d := one.(map[string]any)
				all = append(all, fmt.Sprint(d["name"], " ", d["level"], " ", d["until"]))
			}
			return all
		}
		invite := func(t *testing.T, c *harness.Client, level, until string) harness.Response {
			return c.ForTest(t).Do("POST", deputies, object{"level": level, "until": until})
		}

		t.Run("stand in after a claim, until a time", func(t *testing.T) {
			a := invite(t, colleague, "read", until).Expect(201)
			require.Equal(t, []string{"invited User success 201"}, entriesOf(t, s, a))
			invited := a.Object()
			require.Equal(t, "read", invited["level"])
			require.Equal(t, until, invited["until"])
			require.Equal(t, until, invited["expires_at"], "the code expires with the deputyship")
			open := colleague.ForTest(t).Do("GET", deputies, nil).Expect(200).Object()["invitations"].([]any)
			require.Equal(t, invited["id"], open[0].(map[string]any)["id"])
			colleague.ForTest(t).Do("POST", deputyClaims, object{"code": invited["code"]}).ExpectProblem(409,
				"own_invitation")
			a = deputy.ForTest(t).Do("POST", deputyClaims, object{"code": invited["code"]}).Expect(201)
			require.Equal(t, []string{"linked User success 201"}, entriesOf(t, s, a))
			require.Equal(t, colleague.UserID(), a.Object()["user"])
			require.Equal(t, []string{"Ravi read " + until}, list(t, colleague, "deputies"))
			require.Equal(t, []string{"Asha read " + until}, list(t, deputy, "colleagues"))
			require.Empty(t, list(t, colleague, "invitations"))
			require.Empty(t, list(t, deputy, "deputies"))
			deputy.ForTest(t).Do("POST", deputyClaims, object{"code": invited["code"]}).ExpectProblem(404,
				"no_such_invitation")
		})
		t.Run("get another level and end with another code", func(t *testing.T) {
			later := time.Now().UTC().Add(72 * time.Hour).Format(micros)
			code := invite(t, colleague, "write", later).Expect(201).Object()["code"]
			deputy.ForTest(t).Do("POST", deputyClaims, object{"code": code}).Expect(201)
			require.Equal(t, []string{"Ravi write " + later}, list(t, colleague, "deputies"))
		})
		t.Run("are not invited to keep, or for longer than 90 days", func(t *testing.T) {
			for _, c := range []struct{ level, until, field string }{
				{"keep", until, "level"}, {"", until, "level"}, {"read", "tomorrow", "until"},
				{"read", time.Now().Add(-time.Second).Format(time.RFC3339), "until"},
				{"read", time.Now().Add(91 * 24 * time.Hour).Format(time.RFC3339), "until"},
			} {
				problem := invite(t, colleague, c.level, c.until).ExpectProblem(400, "validation_failed")
				require.Contains(t, problem.Errors, c.field)
			}
			colleague.ForTest(t).Do("POST", deputies, object{"level": "read"}).Expect(400)
		})
		t.Run("keep their role, and have one of three", func(t *testing.T) {
			admin := s.NewUserWithRole(t, auth.Admin, "Admin").ForTest(t)
			admin.Do("PATCH", "/api/users/"+deputy.UserID()+"/", object{"role": "auditor"}).ExpectProblem(409,
				"role_conflict")
			code := invite(t, colleague, "read", until).Expect(201).Object()["code"]
			for name, role := range map[string]auth.Role{"Auditor": "auditor", "Patient": "patient"} {
				c := s.NewUserWithRole(t, role, name)
				for method, path := range map[string]string{"GET": deputies, "POST": deputyClaims} {
					c.Do(method, path, object{"code": code}).ExpectProblem(403, "forbidden")
				}
			}
			admin.Do("POST", deputyClaims, object{"code": code}).Expect(201)
			colleague.ForTest(t).Do("DELETE", deputies+admin.UserID()+"/", nil).Expect(204)
		})
		t.Run("are lost at the end", func(t *testing.T) {
			user := s.NewUser(t, "Late")
			code := invite(t, colleague, "read", until).Expect(201).Object()["code"]
			user.Do("POST", deputyClaims, object{"code": code}).Expect(201)
			require.NoError(t, s.DB.Write(t.Context()).Exec(`UPDATE acting SET until = since WHERE user_id = ?`,
				user.UserID()).Error)
			require.Empty(t, list(t, user, "colleagues"))
			require.Len(t, list(t, colleague, "deputies"), 1)
			colleague.ForTest(t).Do("DELETE", deputies+user.UserID()+"/", nil).ExpectProblem(404, "not_found")
		})
		t.Run("are ended by either user, as are invitations by the user who invited", func(t *testing.T) {
			a := deputy.ForTest(t).Do("DELETE", deputies+colleague.UserID()+"/", nil).Expect(204)
			require.Equal(t, []string{"unlinked User success 204"}, entriesOf(t, s, a))
			require.Empty(t, list(t, colleague, "deputies"))
			invited := invite(t, colleague, "read", until).Expect(201).Object()
			at := deputies + invited["id"].(string) + "/"
			deputy.ForTest(t).Do("DELETE", at, nil).ExpectProblem(404, "not_found")
			a = colleague.ForTest(t).Do("DELETE", at, nil).Expect(204)
			require.Equal(t, []string{"withdrawn User success 204"}, entriesOf(t, s, a))
			a = deputy.ForTest(t).Do("POST", deputyClaims, object{"code": invited["code"]})
			a.ExpectProblem(404, "no_such_invitation")
			require.Equal(t, []string{"refused User refused 404"}, entriesOf(t, s, a))
			colleague.ForTest(t).Do("DELETE", at, nil).ExpectProblem(404, "not_found")
		})
		t.Run("end with the account of either", func(t *testing.T) {
			for i, leaves := range []string{"colleague", "deputy"} {
				one, other := s.NewUser(t, fmt.Sprint("One", i)), s.NewUser(t, fmt.Sprint("Other", i))
				code := invite(t, one, "read", until).Expect(201).Object()["code"]
				open := invite(t, one, "read", until).Expect(201).Object()["code"]
				other.ForTest(t).Do("POST", deputyClaims, object{"code": code}).Expect(201)
				if leaves == "deputy" {
					one, other = other, one
				}
				a := one.ForTest(t).Do("DELETE", "/api/auth/me/", object{"password": harness.Password}).Expect(204)
				require.Equal(t, []string{"unlinked User success 204", "delete User success 204"}, entriesOf(t, s, a))
				require.Empty(t, list(t, other, "deputies"))
				require.Empty(t, list(t, other, "colleagues"))
				if leaves == "colleague" {
					deputy.ForTest(t).Do("POST", deputyClaims, object{"code": open}).ExpectProblem(404,
						"no_such_invitation")
				}
			}
		})
		t.Run("cannot be invited by a disabled colleague", func(t *testing.T) {
			disabled := s.NewUser(t, "Disabled")
			code := invite(t, disabled, "read", until).Expect(201).Object()["code"]
			require.NoError(t, s.DB.Write(t.Context()).Exec(`UPDATE users SET active = ? WHERE id = ?`, false,
				disabled.UserID()).Error)
			deputy.ForTest(t).Do("POST", deputyClaims, object{"code": code}).ExpectProblem(404, "no_such_invitation")
		})
		t.Run("are ten at most, with open invitations", func(t *testing.T) {
			user := s.NewUser(t, "Ten")
			for range 9 {
				user.InviteDeputy("read")
			}
			deputy.ForTest(t).Do("POST", deputyClaims,
				object{"code": user.InviteDeputy("read")["code"]}).Expect(http.StatusCreated)
			invite(t, user, "read", until).ExpectProblem(409, "too_many_deputies")
			user.ForTest(t).Do("DELETE", deputies+deputy.UserID()+"/", nil).Expect(204)
			invite(t, user, "read", until).Expect(201)
		})
	})
}
