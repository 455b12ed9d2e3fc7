package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/httpserver"
	"healthcare/platform/rest"
)

// policy is who may call what: a human wrote it, and no document is read for it. What no line allows is refused. "ghost" is a role that nobody
// declares, as a user may have whose role went with its module.
const policy = `
	GET    /livez                               anonymous ghost staff admin auditor
	GET    /readyz                              anonymous ghost staff admin auditor
	GET    /metrics                             anonymous ghost staff admin auditor
	GET    /openapi.json                        anonymous ghost staff admin auditor
	GET    /docs/                               anonymous ghost staff admin auditor
	GET    /docs/{asset}                        anonymous ghost staff admin auditor
	GET    /problems/{code}                     anonymous ghost staff admin auditor
	GET    /api/jobs/{id}/                      anonymous ghost staff admin auditor

	POST   /api/auth/register/                  anonymous ghost staff admin auditor
	POST   /api/auth/login/                     anonymous ghost staff admin auditor
	POST   /api/auth/refresh/                   anonymous ghost staff admin auditor
	POST   /api/auth/logout/                    ghost staff admin auditor
	POST   /api/auth/logout-all/                ghost staff admin auditor
	GET    /api/auth/sessions/                  ghost staff admin auditor
	DELETE /api/auth/sessions/{id}/             ghost staff admin auditor
	GET    /api/auth/me/                        ghost staff admin auditor
	PATCH  /api/auth/me/                        ghost staff admin auditor
	DELETE /api/auth/me/                        ghost staff admin auditor
	POST   /api/auth/password/                  ghost staff admin auditor

	GET    /api/users/                          admin
	POST   /api/users/                          admin
	GET    /api/users/{id}/                     admin
	PATCH  /api/users/{id}/                     admin

	GET    /api/patients/                       staff admin
	POST   /api/patients/                       staff admin
	GET    /api/patients/{id}/                  staff admin
	PUT    /api/patients/{id}/                  staff admin
	PATCH  /api/patients/{id}/                  staff admin
	DELETE /api/patients/{id}/                  staff admin

	GET    /api/doctors/                        staff admin
	POST   /api/doctors/                        staff admin
	GET    /api/doctors/{id}/                   staff admin
	PUT    /api/doctors/{id}/                   staff admin
	PATCH  /api/doctors/{id}/                   staff admin
	DELETE /api/doctors/{id}/                   staff admin

	GET    /api/mappings/                       staff admin
	POST   /api/mappings/                       staff admin
	GET    /api/mappings/{id}/                  staff admin
	DELETE /api/mappings/{id}/                  staff admin
	GET    /api/mappings/patient/{patient_id}/  staff admin
	GET    /api/mappings/detail/{id}/           staff admin

	GET    /api/patients/{id}/access-log/       staff admin
	GET    /api/audit/                          auditor
`

const anonymous, ghost, auditor auth.Role = "anonymous", "ghost", "auditor"

// allowed reads policy: who may call an operation, by its route.String().
func allowed(t *testing.T) map[string][]auth.Role {
	t.Helper()
	all := map[string][]auth.Role{}
	for line := range strings.Lines(policy) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		operation := words[1] + " " + words[0]
		require.NotContains(t, all, operation, "one line each")
		for _, role := range words[2:] {
			require.Contains(t, []auth.Role{anonymous, ghost, auth.Staff, auth.Admin, auditor}, auth.Role(role))
			all[operation] = append(all[operation], auth.Role(role))
		}
	}
	return all
}

// operations are all that is described, what serves operators too.
func (s *service) operations() (all []route) {
	all = s.routes()
	for path, item := range s.document.Paths.Map() {
		for method, op := range item.Operations() {
			if !strings.HasPrefix(path, "/api/") {
				all = append(all, route{method: method, path: path, op: op})
			}
		}
	}
	return all
}

func TestR09_RolesMayWhatIsWrittenAndNothingElse(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		policy, described := allowed(t), []string{}
		for _, r := range s.operations() {
			described = append(described, r.String())
		}
		written := []string{}
		for operation := range policy {
			written = append(written, operation)
		}
		require.ElementsMatch(t, described, written, "a line for every operation, and for no other")
		world := s.inhabit(t)
		for _, r := range s.operations() {
			for _, role := range []auth.Role{anonymous, ghost, auth.Staff, auth.Admin, auditor} {
				may := slices.Contains(policy[r.String()], role)
				t.Run(fmt.Sprintf("%s may call %s: %v", role, r, may), func(t *testing.T) { world.try(t, r, role, may) })
			}
		}
	})
}

// world is a service with somebody of each role, and something of theirs to call every operation with.
type world struct {
	s     *service
	who   map[auth.Role]*client
	known map[auth.Role]object
	calls int
}

func (s *service) inhabit(t *testing.T) *world {
	w := &world{s: s, who: map[auth.Role]*client{anonymous: s.client(t)}, known: map[auth.Role]object{}}
	for _, role := range []auth.Role{auth.Staff, auth.Admin, ghost, auditor} {
		w.renew(t, role)
	}
	w.known[anonymous] = w.known[auth.Staff]
	return w
}

// renew makes somebody new of the role, who first was staff, to have patients.
func (w *world) renew(t *testing.T, role auth.Role) {
	t.Helper()
	w.calls++
	c := w.s.as(t, auth.Staff, fmt.Sprintf("%s%d", strings.ToUpper(string(role)), w.calls))
	c.stay = nil
	known := c.known()
	known["assignment"] = c.assign(known["patient"].(string), known["doctor"].(string)).is(201).id()
	known["refresh"] = c.signInFully()["refresh"]
	known["job"] = w.s.addJob(t)
	known["session"] = c.do("GET", "/api/auth/sessions/", nil).is(200).list()[0]["id"]
	known["doctor"] = c.addDoctor() // whom nobody is assigned to
	c.token = c.signIn()            // another session than the one that is named
	c.become(t, role)
	w.who[role], w.known[role] = c, known
}

// become gives the user a role that no route would give.
func (c *client) become(t *testing.T, role auth.Role) {
	t.Helper()
	require.NoError(t, c.s.db.Write(t.Context()).Exec("UPDATE users SET role = ? WHERE mailbox = ?", role, c.email()).Error)
}

// try calls the operation as somebody of the role, with what it takes.
func (w *world) try(t *testing.T, r route, role auth.Role, may bool) {
	c, known := w.who[role].in(t), w.known[role]
	call := func(method string) answer {
		w.calls++
		body := r.bodyOrNone(known)
		if r.makesUsers() {
			body.(object)["email"] = fmt.Sprintf("new%d@clinic.example", w.calls)
		}
		if r.op.RequestBody == nil && method != http.MethodGet && method != http.MethodHead {
			body = object{}
		}
		return c.do(method, r.at(r.idOf(known)), body)
	}
	methods := []string{r.method}
	if r.method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	for _, method := range methods {
		if may {
			a := call(method)
			if r.String() == "/api/auth/me/ DELETE" {
				a.problem(409, "owns_patients") // no role's matter: the handler was reached
			} else {
				require.Contains(t, []int{200, 201, 204}, a.status, "the handler does its work: %s", a.raw)
			}
			continue
		}
		before := w.s.stored(t)
		a := call(method)
		status, code := http.StatusForbidden, "forbidden"
		if role == anonymous {
			status, code = http.StatusUnauthorized, "not_authenticated"
		}
		a.is(status)
		if method != http.MethodHead {
			a.problem(status, code)
		}
		require.Equal(t, before, w.s.stored(t), "nothing has happened")
	}
	if may && role != anonymous && r.method != http.MethodGet { // they may be signed out, or what they had may be gone
		w.renew(t, role)
	}
}

// idOf is what the path names, of what the caller has.
func (r route) idOf(known object) string {
	switch r.String() {
	case "/api/mappings/detail/{id}/ GET", "/api/mappings/{id}/ DELETE":
		return known["assignment"].(string)
	case "/api/jobs/{id}/ GET":
		return known["job"].(string)
	case "/docs/{asset} GET":
		return "docs.js"
	case "/problems/{code} GET":
		return "not_found"
	}
	return r.id(known)
}

// what is not described has no handler, whoever calls and however they dress it up.
func TestR09_VerbsThatAreNotDescribedNeverSucceed(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		world := s.inhabit(t)
		described := map[string][]string{}
		for _, r := range s.operations() {
			described[r.path] = append(described[r.path], r.method)
		}
		before := s.stored(t)
		verbs := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY", "LINK", "get", "GETS"}
		calls := 0
		for path, methods := range described {
			for _, role := range []auth.Role{anonymous, ghost, auth.Staff, auth.Admin, auditor} {
				c, at := world.who[role], route{path: path}.at(world.known[role]["patient"].(string))
				for _, verb := range verbs {
					if slices.Contains(methods, verb) || verb == "HEAD" && slices.Contains(methods, "GET") {
						continue
					}
					for _, header := range []string{"X-Nothing", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
						a := c.do(verb, at, object{}, header, methods[0])
						if calls++; verb == "OPTIONS" {
							require.Contains(t, a.is(204).header.Get("Allow"), methods[0])
							continue
						}
						require.GreaterOrEqual(t, a.status, 400, "%s %s %s", verb, at, header)
					}
				}
				if !slices.Contains(methods, "GET") {
					continue
				}
				for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
					for _, verb := range []string{"DELETE", "PUT", "PATCH", "POST"} {
						plain, dressed := c.do("GET", at, nil), c.do("GET", at, nil, header, verb)
						require.Equal(t, plain.status, dressed.status, "%s %s", header, verb)
					}
				}
			}
		}
		require.Equal(t, before, s.stored(t), "nothing has happened")
		t.Logf("%d calls", calls)
	})
}

// An administrator keeps accounts. Whose patients there are is not among what they see.
func TestR09_AdministratorsSeeNoPatientsOfOthers(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		owner, admin := s.user(t, "Owner"), s.as(t, auth.Admin, "Admin")
		patient, doctor := owner.addPatient(object{"name": "Zyxcanary"}), owner.addDoctor()
		assignment := owner.assign(patient, doctor).is(201).id()
		before := s.stored(t)
		for _, path := range []string{
			"/api/patients/", "/api/patients/?search=zyxcanary", "/api/patients/?doctor=" + doctor, "/api/mappings/", "/api/mappings/?patient=" + patient,
			"/api/mappings/?doctor=" + doctor,
		} {
			require.NotEmpty(t, owner.do("GET", path, nil).is(200).list(), "there is something to see: %s", path)
			a := admin.do("GET", path, nil, "Prefer", "count=exact").is(200)
			require.Empty(t, a.list(), path)
			require.Equal(t, "0", a.header.Get("X-Total-Count"), path)
		}
		for _, path := range []string{"/api/patients/" + patient, "/api/mappings/" + patient, "/api/mappings/patient/" + patient, "/api/mappings/detail/" + assignment} {
			owner.do("GET", path, nil).is(200)
			admin.do("GET", path, nil).is(404)
		}
		admin.do("PATCH", "/api/patients/"+patient, object{"name": "Mine"}).is(404)
		admin.do("DELETE", "/api/patients/"+patient, nil).is(404)
		admin.do("DELETE", "/api/mappings/"+assignment, nil).is(404)
		admin.do("POST", "/api/mappings/", object{"patient": patient, "doctor": doctor}).is(404)
		require.Equal(t, before, s.stored(t))
		require.NotContains(t, string(admin.do("GET", "/api/users/"+owner.id(), nil).is(200).raw), "zyxcanary")
	})
}

// visits is a module that a later one could be: it brings a role and an API for it, and identity learns of neither.
type visits struct{ linked atomic.Pointer[uuid.UUID] }

func (v *visits) part() fx.Option {
	return fx.Options(
		auth.Declare(func() auth.Declaration {
			return auth.Declaration{Role: "doctor", Description: "Sees patients who are assigned.", Fits: v.fits}
		}),
		httpserver.Handle(v.api),
	)
}

func (v *visits) fits(_ context.Context, user uuid.UUID) error {
	if linked := v.linked.Load(); linked == nil || *linked != user {
		return errs.New(errs.Conflict, "no_record", "No doctor's record is linked to this user.")
	}
	return nil
}

func (v *visits) api() rest.API {
	return rest.API{Document: []byte(`
openapi: 3.0.3
info: {title: Visits, version: "1.0"}
tags: [{name: Visits, description: Only in this test.}]
paths:
  /api/visits/:
    get:
      operationId: listVisits
      tags: [Visits]
      summary: Whom the caller sees.
      x-access: [doctor]
      x-audit: Patient
      responses: {"204": {description: Nobody.}}
x-problems: {no_record: Link the user to a doctor first.}
`), Register: func(router fiber.Router) {
		router.Get("/api/visits/", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) })
	}}
}

func TestR09_ModulesBringTheirOwnRoles(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		var module visits
		s := startWith(t, db, module.part())
		admin, staff, doctor := s.as(t, auth.Admin, "Admin"), s.user(t, "Staff"), s.user(t, "Doctor")
		id, _ := uuid.Parse(doctor.id())
		at := "/api/users/" + id.String() + "/"
		role := func() any { return admin.do("GET", at, nil).is(200).object()["role"] }

		t.Run("which nobody is given before the module says that it fits", func(t *testing.T) {
			admin.in(t).do("PATCH", at, object{"role": "doctor"}).problem(409, "no_record")
			admin.in(t).do("POST", "/api/users/", object{"name": "N", "email": "n@clinic.example", "password": password, "role": "doctor"}).problem(409, "no_record")
			require.Equal(t, "staff", role())
			require.Contains(t, admin.in(t).do("PATCH", at, object{"role": "nurse"}).problem(400, "validation_failed").Errors["role"][0], "doctor", "it is told of")
		})
		t.Run("which may call what names it from then on, and nothing of other modules", func(t *testing.T) {
			doctor.in(t).do("GET", "/api/visits/", nil).is(403)
			module.linked.Store(&id)
			require.Equal(t, "doctor", admin.in(t).do("PATCH", at, object{"role": "doctor"}).is(200).object()["role"])
			doctor.in(t).do("GET", "/api/visits/", nil).is(204)
			for operation, roles := range allowed(t) {
				path, method, _ := strings.Cut(operation, " ")
				if slices.Contains(roles, anonymous) || slices.Contains(roles, ghost) {
					continue
				}
				doctor.in(t).do(method, route{path: path}.at(missing), object{}).problem(403, "forbidden")
			}
			doctor.in(t).do("GET", "/api/auth/me/", nil).is(200)
			doctor.in(t).do("GET", "/api/auth/sessions/", nil).is(200)
		})
		t.Run("which others may not call", func(t *testing.T) {
			s.client(t).do("GET", "/api/visits/", nil).is(401)
			admin.in(t).do("GET", "/api/visits/", nil).problem(403, "forbidden")
			staff.in(t).do("GET", "/api/visits/", nil).problem(403, "forbidden")
		})
		t.Run("which an administrator takes away again, at once", func(t *testing.T) {
			admin.in(t).do("PATCH", at, object{"role": "staff"}).is(200)
			doctor.in(t).do("GET", "/api/visits/", nil).problem(403, "forbidden")
			doctor.in(t).do("GET", "/api/patients/", nil).is(200)
		})
	})
}
