package security

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
)

const ofThePatient = " of the patient"

// idPlaces returns the places of the route's request that take an id, as the contract describes them.
func idPlaces(r harness.Route) (all []string) {
	for _, p := range r.Parameters {
		if p.Value.In == "path" || p.Value.In == "query" && p.Value.Schema.Value.Format == "uuid" {
			all = append(all, p.Value.In+" "+p.Value.Name)
		}
	}
	for _, member := range r.BodyMembers() {
		if r.BodySchemas()[member].Value.Format == "uuid" {
			all = append(all, "body "+member)
		}
	}
	return all
}

// The module of a route declares which record each id of its requests identifies. The other tests rely on it.
func TestEveryIDIsDeclared(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		for _, r := range s.Routes() {
			declared := []string{}
			for _, id := range r.IDs {
				declared = append(declared, id.String())
			}
			t.Run(r.String(), func(t *testing.T) {
				require.ElementsMatch(t, idPlaces(r), declared,
					"the ids of the contract, and those below its line in testdata/operations.txt of its module")
			})
		}
	})
}

// patientRequest is a request that names a patient in one of its ids.
type patientRequest struct {
	s     *harness.Service
	r     harness.Route
	id    harness.ID
	known object // the ids of other records
}

// send sends the request with the id of the patient and returns the entries that it leaves.
func (p patientRequest) send(t *testing.T, c *harness.Client, status int, patient string) []string {
	t.Helper()
	at, body := p.r.PathOf(p.known), any(nil)
	if p.r.Operation.RequestBody != nil {
		body = p.r.Body(p.known)
	}
	switch p.id.In {
	case "path":
		known := maps.Clone(p.known)
		known[harness.Patient] = patient
		at = p.r.PathOf(known)
	case "query":
		path, required, _ := strings.Cut(at, "?")
		query, err := url.ParseQuery(required)
		require.NoError(t, err)
		query.Set(p.id.Name, patient)
		at = path + "?" + query.Encode()
	case "body":
		body.(object)[p.id.Name] = patient
	}
	return entrySummaries(t, p.s, c.Do(p.r.Method, at, body).Expect(status), patient)
}

// success returns the entry of an action on the patient, or of a refusal to the user who keeps the patient.
func (p patientRequest) success(status int) string {
	if status == http.StatusForbidden {
		return fmt.Sprint(p.id.Entry, " refused ", status)
	}
	return fmt.Sprint(p.id.Entry, " success ", status)
}

// accessLog returns the entries that the owner of the patient sees.
func accessLog(owner *harness.Client, patient string) (all []string) {
	owner.T.Helper()
	at := "/api/patients/" + patient + "/access-log/?ordering=created_at"
	for _, e := range owner.Do("GET", at, nil).Expect(200).List() {
		all = append(all, fmt.Sprint(e["action"], " ", e["resource_type"], " ", e["outcome"], " ", e["status"],
			ofThePatient))
	}
	return all
}

// creatorsOf returns the operations that create a record of the resource for a patient.
func creatorsOf(s *harness.Service, resource any) (all []patientRequest) {
	for _, r := range s.Routes() {
		for _, id := range r.IDs {
			if r.Method == "POST" && id.In == "body" && id.Of == harness.Patient &&
				r.Operation.Extensions["x-audit"] == resource {
				all = append(all, patientRequest{s: s, r: r, id: id})
			}
		}
	}
	return all
}

// An entry names a patient only if they were shown, changed, or requested and refused, and every attempt is recorded:
// for each id of a request that can be a patient's.
func TestEveryUseOfAPatientsIDIsRecorded(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		owner, colleague := s.NewUser(t, "Owner"), s.NewUser(t, "Colleague")
		known := colleague.KnownValues()
		known["access"] = "none" // a grant would have an entry of its own
		created, tested := "create Patient success 201"+ofThePatient, 0
		for _, r := range s.Routes() {
			for _, id := range r.IDs {
				if id.Of != harness.Patient {
					continue
				}
				tested++
				t.Run(fmt.Sprint(r.Operation.OperationID, " ", id), func(t *testing.T) {
					request, owner, caller := patientRequest{s, r, id, known}, owner.ForTest(t), colleague.ForTest(t)
					refused := fmt.Sprint("refused Patient refused ", id.Foreign)
					missing, foreign := refused+ofThePatient, refused+ofThePatient
					if id.Own == 0 { // the caller sees the entries of every patient, and no patient's data
						missing, foreign = request.success(id.Foreign), request.success(id.Foreign)+ofThePatient
					}
					if r.Role() != auth.Staff {
						caller = s.NewUserWithRole(t, r.Role(), r.Operation.OperationID)
					}
					patient := owner.AddPatient()
					require.Equal(t, []string{foreign}, request.send(t, caller, id.Foreign, patient))
					require.Equal(t, []string{created, foreign}, accessLog(owner, patient), "the owner sees it")
					require.Equal(t, []string{missing}, request.send(t, caller, id.Foreign, uuid.NewString()))
					if id.Own == 0 {
						return
					}
					own, log := caller.AddPatient(), []string{created}
					if len(r.ParameterNames("path")) > 1 {
						request.known = maps.Clone(known)
						request.known[harness.Patient] = own
						caller.AddGrant(request.known, owner)
						log = append(accessLog(caller, own), "trail_read AuditEvent success 200"+ofThePatient)
					}
					requireOwn := func() {
						entry := request.success(id.Own) + ofThePatient
						require.Equal(t, []string{entry}, request.send(t, caller, id.Own, own))
						if log = append(log, entry); r.Method != "DELETE" {
							require.Equal(t, log, accessLog(caller, own), "the owner sees it")
							log = append(log, "trail_read AuditEvent success 200"+ofThePatient)
						}
					}
					requireOwn()
					if r.Method != "GET" {
						return
					}
					for _, creator := range creatorsOf(s, r.Operation.Extensions["x-audit"]) {
						creator.known = known
						log = append(log, creator.success(creator.id.Own)+ofThePatient)
						require.Equal(t, log[len(log)-1:], creator.send(t, caller, creator.id.Own, own))
						requireOwn() // with a record to show
					}
				})
			}
		}
		require.GreaterOrEqual(t, tested, 10)
	})
}

// A record of a foreign patient is refused like a missing one, and the entry names no patient.
func TestAForeignRecordNamesNoPatient(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		owner, caller, tested := s.NewUser(t, "Owner"), s.NewUser(t, "Caller"), 0
		known := owner.KnownValues()
		patient := known[harness.Patient].(string)
		known["assignment"] = owner.Assign(patient, known["doctor"].(string)).Expect(201).ID()
		for _, r := range s.Routes() {
			for _, id := range r.IDs {
				isPatient := func(id harness.ID) bool { return id.In == "path" && id.Of == harness.Patient }
				if id.In != "path" || slices.ContainsFunc(r.IDs, isPatient) || !ofPatient(s, r) ||
					r.Role() == patients.PrivacyRole { // which sees the records of every patient
					continue
				}
				tested++
				require.Contains(t, known, id.Of, "%s %s: no operation creates this record", r.Method, r.Path)
				caller.SetRole(r.Role())
				for _, one := range []string{known[id.Of].(string), harness.MissingID} {
					body := any(nil)
					if r.Operation.RequestBody != nil {
						body = r.Body(object{harness.Patient: caller.AddPatient()})
					}
					a := caller.Do(r.Method, r.PathWith(one), body).Expect(404)
					refused := fmt.Sprint("refused ", r.Operation.Extensions["x-audit"], " refused 404")
					require.Equal(t, []string{refused}, entrySummaries(t, s, a, patient), "%s %s", r.Method, r.Path)
				}
			}
		}
		require.GreaterOrEqual(t, tested, 2)
	})
}

// entrySummaries are the entries of one request, in order. It fails for one that names another patient.
func entrySummaries(t *testing.T, s *harness.Service, a harness.Response, patient string) (all []string) {
	t.Helper()
	for _, e := range s.AuditEntries(t, a.Header.Get("X-Request-Id")) {
		line := fmt.Sprint(e["action"], " ", e["resource_type"], " ", e["outcome"], " ", e["status"])
		if id := e["patient_id"]; id != nil {
			require.Equal(t, patient, harness.ValueText(id), line)
			line += ofThePatient
		}
		all = append(all, line)
	}
	return all
}
