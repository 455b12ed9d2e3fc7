package security

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// failingTrail is the audit trail of a service, which can be made to fail. A failed call leaves the transaction usable,
// so that on both engines only the caller's own handling of the error can undo the effect.
type failingTrail struct {
	audit.Recorder
	calls  atomic.Int64
	failAt atomic.Int64 // the number of the call that fails, 0 for none, -1 for all
	failed atomic.Int64 // calls that failed
}

const failAlways = -1

// set makes the call of that number fail, counted from now.
func (f *failingTrail) set(failAt int64) {
	f.calls.Store(0)
	f.failAt.Store(failAt)
}

// Record implements audit.Recorder.
func (f *failingTrail) Record(ctx context.Context, who auth.Principal, entries ...audit.Entry) error {
	call := f.calls.Add(1)
	if at := f.failAt.Load(); at == call || at == failAlways {
		f.failed.Add(1)
		return errs.New(errs.Unavailable, "unavailable", "The trail of this test fails.")
	}
	return f.Recorder.Record(ctx, who, entries...)
}

func (f *failingTrail) option() fx.Option {
	return fx.Decorate(func(real audit.Recorder) audit.Recorder {
		f.Recorder = real
		return f
	})
}

// soundRequest is a request that succeeds with its status.
type soundRequest struct {
	client *harness.Client
	path   string
	body   any
	header []string
	status int
}

func (q soundRequest) send(t *testing.T, r harness.Route) harness.Response {
	t.Helper()
	return q.client.ForTest(t).Do(r.Method, q.path, q.body, q.header...)
}

// newSoundRequest prepares data for a request to the route and returns the request.
func newSoundRequest(t *testing.T, s *harness.Service, r harness.Route, name string) soundRequest {
	t.Helper()
	role := auth.Staff
	for _, other := range []auth.Role{auth.Admin, "auditor", patients.PrivacyRole} {
		if !r.Allows(role) {
			role = other
		}
	}
	c := s.NewUserWithRole(t, role, name)
	c.RenewedToken = nil
	owner := c
	if role == "auditor" || role == patients.PrivacyRole {
		owner = s.NewUser(t, name+"Owner")
	}
	tokens := c.SignInTokens()
	known := owner.KnownValuesFor(r)
	known["refresh"] = tokens["refresh"]
	known["email"], known["new_password"] = c.Email(), harness.Password+" changed"
	if r.CreatesUser() {
		known["email"] = "new-" + c.Email()
	}
	for _, session := range c.Do("GET", "/api/auth/sessions/", nil).Expect(200).List() {
		if session["current"] != true {
			known["session"] = session["id"]
		}
	}
	if slices.ContainsFunc(r.IDs, func(id harness.ID) bool { return id.Of == "assignment" }) {
		known["assignment"] = owner.Assign(known["patient"].(string), known["doctor"].(string)).Expect(201).ID()
	}
	request := soundRequest{client: c, path: r.PathOf(known)}
	if caller := owner.CallerOf(r); caller != owner {
		request.client = caller
	}
	if role := r.CallingRole(auth.Staff); role == doctors.Role {
		request.client.SetRole(role)
		known[harness.Patient] = owner.AddPatient()
	}
	if strings.Contains(r.Path, "/jobs/") {
		request.path = r.PathWith(s.AddJob(t))
	}
	if r.Operation.RequestBody != nil {
		request.body = r.Body(known)
	}
	if r.Operation.OperationID == "leave" {
		request.path += "?patients=delete"
	}
	request.status = r.SuccessStatus()
	return request
}

// an effect or a response that the trail cannot record does not happen. This holds for every route of the
// contract whose success is recorded, and for each of the calls of the trail that a request makes.
func TestR42_EveryRecordedRouteFailsClosed(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		trail := &failingTrail{}
		s := harness.StartWith(t, db, trail.option())
		expected := harness.Expectations(t)
		for i, r := range s.Routes() {
			t.Run(r.String(), func(t *testing.T) {
				request := newSoundRequest(t, s, r, fmt.Sprintf("Sound%d", i))
				trail.set(0)
				a := request.send(t, r).Expect(request.status)
				calls := trail.calls.Load()
				recorded := len(s.AuditEntries(t, a.Header.Get("X-Request-Id"))) > 0
				require.Equal(t, expected[r.String()].Trail == "recorded", recorded, "the request leaves an entry")
				if !recorded {
					return
				}
				type failure struct {
					call   int64
					header []string
				}
				var all []failure
				for call := int64(1); call <= calls; call++ {
					all = append(all, failure{call, nil})
					if slices.Contains(r.ParameterNames("header"), "Idempotency-Key") {
						all = append(all, failure{call, []string{"Idempotency-Key", "a-key"}})
					}
				}
				for _, f := range harness.Sample(i, all) {
					request := newSoundRequest(t, s, r, fmt.Sprintf("Closed%dAt%d%d", i, f.call, len(f.header)))
					request.header = f.header
					requireFailsClosed(t, s, trail, f.call, r, request)
				}
			})
		}
	})
}

// requireFailsClosed sends a request of which one call of the trail fails: it is answered 503 and changes nothing.
// Afterwards it succeeds.
func requireFailsClosed(
	t *testing.T, s *harness.Service, trail *failingTrail, call int64, r harness.Route, request soundRequest,
) {
	t.Helper()
	before, failed := effects(t, s), trail.failed.Load()
	trail.set(call)
	a := request.send(t, r)
	trail.set(0)
	require.Greater(t, trail.failed.Load(), failed, "the request did not reach the trail: %d %s", a.Status, a.Body)
	require.Equal(t, http.StatusServiceUnavailable, a.Status, "call %d: %s", call, a.Body)
	require.NotContains(t, strings.ToLower(string(a.Body)), "ananya")
	require.Equal(t, before, effects(t, s), "call %d: the effect is stored although the trail failed", call)
	request.send(t, r).Expect(request.status)
}

// effects returns the stored rows without the bookkeeping of the limits of sign-ins and of repeated requests, which
// outlives a request that fails.
func effects(t *testing.T, s *harness.Service) harness.Rows {
	t.Helper()
	rows := s.StoredRows(t)
	maps.DeleteFunc(rows, func(table string, _ []map[string]string) bool {
		return slices.Contains([]string{"signin_attempts", "known_clients", "idempotency_keys", "registrations"}, table)
	})
	return rows
}

// A refusal that cannot be recorded is a 503.
func TestR42_RefusalsFailClosed(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		trail := &failingTrail{}
		s := harness.StartWith(t, db, trail.option())
		owner, other := s.NewUser(t, "Owner"), s.NewUser(t, "Other")
		auditor := s.NewUserWithRole(t, "auditor", "Auditor")
		patient, doctor := owner.AddPatient(), owner.AddDoctor()
		assign := object{"patient": patient, "doctor": doctor}
		first := other.SignInTokens()
		anybody := s.Anonymous(t)
		anybody.Do("POST", "/api/auth/refresh/", object{"refresh": first["refresh"]}).Expect(200)
		second := other.SignInTokens()
		next := anybody.Do("POST", "/api/auth/refresh/", object{"refresh": second["refresh"]}).Expect(200).Object()
		anybody.Do("POST", "/api/auth/refresh/", object{"refresh": next["refresh"]}).Expect(200)
		for name, request := range map[string]struct {
			client       *harness.Client
			method, path string
			body         any
			header       []string
			status       int
		}{
			"an assignment of a foreign patient": {other, "POST", "/api/mappings/", assign, nil, 404},
			"an assignment of a foreign patient with an Idempotency-Key": {
				other, "POST", "/api/mappings/", assign, []string{"Idempotency-Key", "foreign"}, 404,
			},
			"a foreign patient": {other, "GET", "/api/patients/" + patient + "/", nil, nil, 404},
			"a change of a foreign patient": {other, "PATCH", "/api/patients/" + patient + "/", object{"name": "B"},
				nil, 404},
			"a removal of a foreign patient": {other, "DELETE", "/api/patients/" + patient + "/", nil, nil, 404},
			"a foreign patient's log": {other, "GET", "/api/patients/" + patient + "/access-log/", nil, nil,
				404},
			"a foreign patient's doctors": {other, "GET", "/api/mappings/" + patient + "/", nil, nil, 404},
			"a role that may not":         {auditor, "GET", "/api/patients/", nil, nil, 403},
			"a missing assignment": {other, "DELETE", "/api/mappings/" + harness.MissingID + "/", nil, nil,
				404},
			"a forced removal by staff": {owner, "DELETE", "/api/doctors/" + doctor + "/?force=true", nil, nil,
				403},
			"a reused refresh token": {
				anybody, "POST", "/api/auth/refresh/", object{"refresh": second["refresh"]}, nil, 401,
			},
		} {
			t.Run(name, func(t *testing.T) {
				before := effects(t, s)
				trail.set(failAlways)
				c := request.client.ForTest(t)
				a := c.Do(request.method, request.path, request.body, request.header...)
				trail.set(0)
				require.Equal(t, http.StatusServiceUnavailable, a.Status, "%s", a.Body)
				require.Equal(t, before, effects(t, s))
				c.Do(request.method, request.path, request.body, request.header...).Expect(request.status)
			})
		}
	})
}
