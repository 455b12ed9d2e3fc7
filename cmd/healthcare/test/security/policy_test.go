package security

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"healthcare/cmd/internal/composition"
	"healthcare/cmd/internal/harness"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/contract"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/httpserver"
	"healthcare/platform/rest"
)

// undeclaredRole is a role that no module declares, such as the role of a user after its module was removed.
const undeclaredRole auth.Role = "ghost"

// userRoles returns the roles that the modules declare, and undeclaredRole.
func userRoles(t *testing.T) []auth.Role {
	t.Helper()
	declared, err := declaredRoles()
	require.NoError(t, err)
	return append(declared.Names(), undeclaredRole)
}

var declaredRoles = sync.OnceValues(func() (auth.Roles, error) { return contract.Roles(composition.Documents()...) })

// callerRoles returns the roles of all callers.
func callerRoles(t *testing.T) []auth.Role { return append(userRoles(t), harness.Anonymous) }

// readPolicy returns the expectations, by Route.String. They list the roles that may call each operation, by hand. A
// request that no line allows must be rejected.
func readPolicy(t *testing.T) map[string]harness.Expectation {
	t.Helper()
	all, words := harness.Expectations(t), append(callerRoles(t), "everybody", "users")
	for operation, expectation := range all {
		require.Subset(t, words, expectation.Roles, operation)
	}
	return all
}

// operations returns all described operations, including those for operators.
func operations(s *harness.Service) (all []harness.Route) {
	all = s.Routes()
	for path, item := range s.Document.Paths.Map() {
		for method, op := range item.Operations() {
			if !strings.HasPrefix(path, "/api/") {
				all = append(all, harness.Route{Method: method, Path: path, Operation: op})
			}
		}
	}
	return all
}

func TestR09_RolesMayCallListedOperationsOnly(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		policy := readPolicy(t)
		harness.RequireExpectations(t, operations(s), policy)
		world := newPolicyWorld(t, s)
		before := s.StoredRows(t)
		for _, may := range []bool{false, true} { // the first change nothing
			for _, r := range operations(s) {
				var roles []auth.Role
				for _, role := range callerRoles(t) {
					if policy[r.String()].Allows(role) == may {
						roles = append(roles, role)
					}
				}
				if may && r.Method != http.MethodGet { // new records for each
					roles = harness.Sample(len(r.String()), roles)
				}
				for _, role := range roles {
					t.Run(fmt.Sprintf("%s may call %s: %v", role, r, may),
						func(t *testing.T) { world.check(t, r, role, may) })
				}
				if !may {
					require.Equal(t, before, s.StoredRows(t), "refused calls of %s store nothing", r)
				}
			}
		}
	})
}

// policyWorld is a service with a user of each role, and records of these users for calling every operation.
type policyWorld struct {
	s     *harness.Service
	who   map[auth.Role]*harness.Client
	known map[auth.Role]object
	calls int
}

func newPolicyWorld(t *testing.T, s *harness.Service) *policyWorld {
	w := &policyWorld{s: s, who: map[auth.Role]*harness.Client{harness.Anonymous: s.Anonymous(t)},
		known: map[auth.Role]object{}}
	for _, role := range userRoles(t) {
		w.who[role], w.known[role] = w.signIn(t, role, (*harness.Client).KnownValues)
	}
	w.known[harness.Anonymous] = w.known[auth.Staff]
	return w
}

// signIn creates a new user of the role with known values. The user is staff at first, to add patients.
func (w *policyWorld) signIn(
	t *testing.T, role auth.Role, values func(*harness.Client) object,
) (*harness.Client, object) {
	t.Helper()
	w.calls++
	c := w.s.NewUserWithRole(t, auth.Staff, fmt.Sprintf("%s%d", strings.ToUpper(string(role)), w.calls))
	c.RenewedToken = nil
	known := values(c)
	known["assignment"] = c.Assign(known["patient"].(string), known["doctor"].(string)).Expect(201).ID()
	known["refresh"] = c.SignInTokens()["refresh"]
	known["job"] = w.s.AddJob(t)
	known["session"] = c.Do("GET", "/api/auth/sessions/", nil).Expect(200).List()[0]["id"]
	known["doctor"] = c.AddDoctor() // without assignments
	c.Token = c.SignIn()            // not the session of known["session"]
	c.SetRole(role)
	return c, known
}

// check calls the operation as a user of the role, with valid parameters.
func (w *policyWorld) check(t *testing.T, r harness.Route, role auth.Role, may bool) {
	c, known := w.who[role].ForTest(t), w.known[role]
	if may && r.Method != http.MethodGet { // an earlier call may have removed the session or the records
		owner := role
		if role == harness.Anonymous {
			owner = auth.Staff
		}
		signedIn, values := w.signIn(t, owner, func(c *harness.Client) object { return c.KnownValuesFor(r) })
		if known = values; role != harness.Anonymous {
			c = signedIn
		}
	}
	call := func(method string) harness.Response {
		w.calls++
		body := bodyOrNone(r, known)
		if r.CreatesUser() {
			body.(object)["email"] = fmt.Sprintf("new%d@clinic.example", w.calls)
		}
		if r.Operation.RequestBody == nil && method != http.MethodGet && method != http.MethodHead {
			body = object{}
		}
		return c.Do(method, pathOf(r, known), body)
	}
	methods := []string{r.Method}
	if r.Method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	for _, method := range methods {
		if may {
			a := call(method)
			switch { // a refusal below is not a matter of the operation's roles: the handler ran
			case r.String() == "/api/auth/me/ DELETE":
				a.ExpectProblem(409, "owns_patients")
			case r.String() == "/api/doctors/claims/ POST" && role != auth.Staff && role != auth.Admin:
				a.ExpectProblem(409, "role_conflict")
			case r.String() == "/api/doctors/{id}/link/ DELETE" && role != auth.Admin:
				a.ExpectProblem(403, "record_is_linked") // linked to another user
			case strings.Contains(r.Path, "/calendar-feeds/") && role == doctors.Role:
				require.Equal(t, 403, a.Status, "another user is linked to the doctor")
			case r.String() == "/api/patients/claims/ POST" && role == patients.Role:
				a.ExpectProblem(409, "colleague_only")
			case r.String() == "/api/emergency-access/ POST" && role == doctors.Role:
				a.ExpectProblem(409, "already_visible")
			case r.String() == "/api/emergency-access/ POST":
				a.ExpectProblem(403, "forbidden") // EMERGENCY_ACCESS is doctors
			case strings.HasPrefix(r.Path, "/api/emergency-access/{id}/") && role != patients.PrivacyRole:
				require.Equal(t, 404, a.Status, "another user has opened it")
			case strings.HasPrefix(r.Path, "/api/appointments/{id}/") || strings.HasSuffix(r.Path, "{id}/offer/"):
				require.Contains(t, []int{200, 201, 409}, a.Status, "the status and the free times decide: %s", a.Body)
			case r.RefusesKeeper():
				a.ExpectProblem(403, "requester_only")
			case role == doctors.Role && r.Method != http.MethodGet && slices.ContainsFunc(r.IDs, isOpenDoctor):
				a.ExpectProblem(403, "not_your_doctor")
			default:
				require.Contains(t, []int{200, 201, 202, 204}, a.Status, "the handler does its work: %s", a.Body)
			}
			continue
		}
		a := call(method)
		status, code := http.StatusForbidden, "forbidden"
		if role == harness.Anonymous {
			status, code = http.StatusUnauthorized, "not_authenticated"
		}
		a.Expect(status)
		if method != http.MethodHead {
			a.ExpectProblem(status, code)
		}
	}
}

// isOpenDoctor reports whether the id is that of a doctor for whom no user acts, and whose opening hours change.
func isOpenDoctor(id harness.ID) bool { return id.Of == "open_doctor" }

// pathOf returns the path with the ids of the caller's records.
func pathOf(r harness.Route, known object) string {
	switch r.String() {
	case "/calendar/{file} GET":
		return r.PathWith(known["calendar_file"].(string))
	case "/unsubscribe/{link} GET", "/unsubscribe/{link} POST":
		return r.PathWith(known["unsubscribe_link"].(string))
	case "/docs/{asset} GET":
		return r.PathWith("docs.js")
	case "/problems/{code} GET":
		return r.PathWith("not_found")
	}
	return r.PathOf(known)
}

// an operation that is not described has no handler, for any caller and in any form.
func TestR09_UndescribedMethodsNeverSucceed(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		world := newPolicyWorld(t, s)
		described := map[string][]string{}
		for _, r := range operations(s) {
			described[r.Path] = append(described[r.Path], r.Method)
		}
		before := s.StoredRows(t)
		verbs := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND",
			"QUERY", "LINK", "get", "GETS"}
		calls, turn := 0, 0
		for _, path := range slices.Sorted(maps.Keys(described)) { // in a fixed order, for the samples
			methods := described[path]
			slices.Sort(methods)
			for _, role := range callerRoles(t) {
				turn++
				c, at := world.who[role], harness.Route{Path: path}.PathWith(world.known[role]["patient"].(string))
				var all [][2]string // verbs and headers
				for _, verb := range verbs {
					if slices.Contains(methods, verb) || verb == "HEAD" && slices.Contains(methods, "GET") {
						continue
					}
					for _, header := range []string{"X-Nothing", "X-HTTP-Method-Override", "X-HTTP-Method",
						"X-Method-Override"} {
						all = append(all, [2]string{verb, header})
					}
				}
				for _, try := range harness.SampleFifth(turn, all) {
					verb, header := try[0], try[1]
					a := c.Do(verb, at, object{}, header, methods[0])
					if calls++; verb == "OPTIONS" {
						require.Contains(t, a.Expect(204).Header.Get("Allow"), methods[0])
						continue
					}
					require.GreaterOrEqual(t, a.Status, 400, "%s %s %s", verb, at, header)
				}
				if !slices.Contains(methods, "GET") {
					continue
				}
				all = nil
				for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
					for _, verb := range []string{"DELETE", "PUT", "PATCH", "POST"} {
						all = append(all, [2]string{verb, header})
					}
				}
				plain := c.Do("GET", at, nil)
				for _, try := range harness.Sample(turn, all) {
					dressed := c.Do("GET", at, nil, try[1], try[0])
					require.Equal(t, plain.Status, dressed.Status, "%s %s", try[1], try[0])
				}
			}
		}
		require.Equal(t, before, s.StoredRows(t), "nothing is stored")
		t.Logf("%d calls", calls)
	})
}

// Administrators manage accounts. They do not see the patients of other users.
func TestR09_AdministratorsSeeNoPatientsOfOthers(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		owner, admin := s.NewUser(t, "Owner"), s.NewUserWithRole(t, auth.Admin, "Admin")
		patient, doctor := owner.AddPatient(object{"name": "Zyxcanary"}), owner.AddDoctor()
		assignment := owner.Assign(patient, doctor).Expect(201).ID()
		before := s.StoredRows(t)
		for _, path := range []string{
			"/api/patients/", "/api/patients/?search=zyxcanary", "/api/patients/?doctor=" + doctor, "/api/mappings/",
			"/api/mappings/?patient=" + patient,
			"/api/mappings/?doctor=" + doctor,
		} {
			require.NotEmpty(t, owner.Do("GET", path, nil).Expect(200).List(), "the owner must see records: %s", path)
			a := admin.Do("GET", path, nil, "Prefer", "count=exact").Expect(200)
			require.Empty(t, a.List(), path)
			require.Equal(t, "0", a.Header.Get("X-Total-Count"), path)
		}
		for _, path := range []string{"/api/patients/" + patient, "/api/mappings/" + patient, "/api/mappings/patient/" +
			patient, "/api/mappings/detail/" + assignment} {
			owner.Do("GET", path, nil).Expect(200)
			admin.Do("GET", path, nil).Expect(404)
		}
		admin.Do("PATCH", "/api/patients/"+patient, object{"name": "Mine"}).Expect(404)
		admin.Do("DELETE", "/api/patients/"+patient, nil).Expect(404)
		admin.Do("DELETE", "/api/mappings/"+assignment, nil).Expect(404)
		admin.Do("POST", "/api/mappings/", object{"patient": patient, "doctor": doctor}).Expect(404)
		require.Equal(t, before, s.StoredRows(t))
		require.NotContains(t, string(admin.Do("GET", "/api/users/"+owner.UserID(), nil).Expect(200).Body), "zyxcanary")
	})
}

// fixtureModule declares a role and an API for it, as a later module could. Its name belongs to no real module, and
// identity knows neither the name nor the role.
type fixtureModule struct{ linked atomic.Pointer[uuid.UUID] }

func (v *fixtureModule) option() fx.Option {
	return fx.Options(
		harness.WithDocument(fixtureDocument),
		auth.Require(func() auth.Requirement { return auth.Requirement{Role: "nurse", Fits: v.fits} }),
		httpserver.Handle(v.api),
	)
}

func (v *fixtureModule) fits(_ context.Context, user uuid.UUID) error {
	if linked := v.linked.Load(); linked == nil || *linked != user {
		return errs.New(errs.Conflict, "no_record", "No nurse's record is linked to this user.")
	}
	return nil
}

const fixtureDocument = `
openapi: 3.0.3
info: {title: Fixtures, version: "1.0"}
tags: [{name: Fixtures, description: Only in this test.}]
paths:
  /api/fixtures/:
    get:
      operationId: listFixtures
      tags: [Fixtures]
      summary: Whom the caller sees.
      x-access: [nurse]
      x-audit: Patient
      responses: {"204": {description: Nobody.}}
x-user-roles: {nurse: Sees patients who are assigned.}
x-problems: {no_record: Link the user to a nurse first.}
`

func (v *fixtureModule) api() rest.API {
	return func(router fiber.Router) {
		router.Get("/api/fixtures/", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) })
	}
}

func TestR09_ModulesDeclareRoles(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		var module fixtureModule
		s := harness.StartWith(t, db, module.option())
		admin, staff, nurse := s.NewUserWithRole(t, auth.Admin, "Admin"), s.NewUser(t, "Staff"), s.NewUser(t, "Nurse")
		id, _ := uuid.Parse(nurse.UserID())
		at := "/api/users/" + id.String() + "/"
		role := func() any { return admin.Do("GET", at, nil).Expect(200).Object()["role"] }

		t.Run("a user cannot have the role before the module accepts the user", func(t *testing.T) {
			admin.ForTest(t).Do("PATCH", at, object{"role": "nurse"}).ExpectProblem(409, "no_record")
			admin.ForTest(t).Do("POST", "/api/users/",
				object{"name": "N", "email": "n@clinic.example", "password": harness.Password,
					"role": "nurse"}).ExpectProblem(409, "no_record")
			require.Equal(t, "staff", role())
			require.Contains(
				t, admin.ForTest(t).Do("PATCH", at, object{"role": "ghost"}).ExpectProblem(400,
					"validation_failed").Errors["role"][0], "nurse", "the error names it")
		})
		t.Run("the role may then call operations that name it, and none of other modules", func(t *testing.T) {
			nurse.ForTest(t).Do("GET", "/api/fixtures/", nil).Expect(403)
			module.linked.Store(&id)
			require.Equal(
				t, "nurse", admin.ForTest(t).Do("PATCH", at, object{"role": "nurse"}).Expect(200).Object()["role"])
			nurse.ForTest(t).Do("GET", "/api/fixtures/", nil).Expect(204)
			for operation, expectation := range readPolicy(t) {
				path, method, _ := strings.Cut(operation, " ")
				if expectation.Allows(undeclaredRole) {
					continue
				}
				nurse.ForTest(t).Do(method, harness.Route{Path: path}.PathWith(harness.MissingID),
					object{}).ExpectProblem(403, "forbidden")
			}
			nurse.ForTest(t).Do("GET", "/api/auth/me/", nil).Expect(200)
			nurse.ForTest(t).Do("GET", "/api/auth/sessions/", nil).Expect(200)
		})
		t.Run("other roles may not call these operations", func(t *testing.T) {
			s.Anonymous(t).Do("GET", "/api/fixtures/", nil).Expect(401)
			admin.ForTest(t).Do("GET", "/api/fixtures/", nil).ExpectProblem(403, "forbidden")
			staff.ForTest(t).Do("GET", "/api/fixtures/", nil).ExpectProblem(403, "forbidden")
		})
		t.Run("an administrator can remove the role, with immediate effect", func(t *testing.T) {
			admin.ForTest(t).Do("PATCH", at, object{"role": "staff"}).Expect(200)
			nurse.ForTest(t).Do("GET", "/api/fixtures/", nil).ExpectProblem(403, "forbidden")
			nurse.ForTest(t).Do("GET", "/api/patients/", nil).Expect(200)
		})
	})
}
