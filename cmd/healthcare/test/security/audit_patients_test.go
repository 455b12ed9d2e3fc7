package security

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// expectedEntries is a place of a request that can name a patient, and the entries that each answer leaves. An entry is
// "action resource outcome status"; one that names the patient ends in "of the patient".
type expectedEntries struct {
	role                  auth.Role // of the caller; staff if empty
	foreign, missing, own []string
	status                [3]int
}

const (
	refusedPatient = "refused Patient refused 404 of the patient"
	ofThePatient   = " of the patient"
)

var refusedBoth = expectedEntries{foreign: []string{refusedPatient}, missing: []string{refusedPatient}}

func (n expectedEntries) with(success int, own string) expectedEntries {
	n.own, n.status = []string{own + ofThePatient}, [3]int{404, 404, success}
	return n
}

// expectedByRoute are all of them. A filter answers with an empty list, whoever the patient is.
var expectedByRoute = map[string]expectedEntries{
	"readPatient path id":                      refusedBoth.with(200, "read Patient success 200"),
	"replacePatient path id":                   refusedBoth.with(200, "update Patient success 200"),
	"amendPatient path id":                     refusedBoth.with(200, "update Patient success 200"),
	"removePatient path id":                    refusedBoth.with(204, "delete Patient success 204"),
	"listPatientAccesses path id":              refusedBoth.with(200, "trail_read AuditEvent success 200"),
	"listAssignmentsOfPatient path id":         refusedBoth.with(200, "list Assignment success 200"),
	"listAssignmentsByPatient path patient_id": refusedBoth.with(200, "list Assignment success 200"),
	"assign body patient":                      refusedBoth.with(201, "create Assignment success 201"),
	"listAssignments query patient": {
		foreign: []string{"refused Patient refused 200 of the patient"},
		missing: []string{"refused Patient refused 200 of the patient"},
		own:     []string{"list Assignment success 200 of the patient"}, status: [3]int{200, 200, 200},
	},
	"listAuditEntries query patient": { // auditors see every patient's entries, and no patient's data
		role: "auditor", foreign: []string{"trail_read AuditEvent success 200 of the patient"},
		missing: []string{"trail_read AuditEvent success 200"}, status: [3]int{200, 200, 0},
	},
}

// unrelatedIDs are the places for ids of something else.
var unrelatedIDs = []string{
	"discharge path id", "readAssignment path id", "assign body doctor",
	"listAssignments query doctor", "listPatients query doctor",
	"listAuditEntries query actor", "readDoctor path id",
	"replaceDoctor path id", "amendDoctor path id", "removeDoctor path id",
	"removeDoctor query reassign_to", "readJob path id",
	"readUser path id", "administerUser path id", "endSession path id",
}

// idLocations are the places of the route's request that take an id.
func idLocations(r harness.Route) (all []string) {
	for _, p := range r.Parameters {
		if p.Value.In == "path" || p.Value.In == "query" && p.Value.Schema.Value.Format == "uuid" {
			all = append(all, fmt.Sprint(r.Operation.OperationID, " ", p.Value.In, " ", p.Value.Name))
		}
	}
	for _, member := range r.BodyMembers() {
		if r.BodySchemas()[member].Value.Format == "uuid" {
			all = append(all, fmt.Sprint(r.Operation.OperationID, " body ", member))
		}
	}
	return all
}

// An entry names a patient only if they were shown, changed, or tried and refused, and every try is recorded: for each
// place of the contract that can name a patient.
func TestEveryUseOfAPatientsIDIsRecorded(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		owner := s.NewUserWithRole(t, auth.Staff, "Owner")
		callers := map[auth.Role]*harness.Client{"": s.NewUserWithRole(t, auth.Staff, "Caller"),
			"auditor": s.NewUserWithRole(t, "auditor", "Auditor")}
		doctor := owner.AddDoctor()
		tested := map[string]bool{}
		for _, r := range s.Routes() {
			for _, place := range idLocations(r) {
				n, names := expectedByRoute[place]
				if !names {
					require.Contains(t, unrelatedIDs, place,
						"expectedByRoute needs the entries, or unrelatedIDs this id")
					continue
				}
				tested[place] = true
				t.Run(place, func(t *testing.T) {
					caller, owner, colleague := callers[n.role].ForTest(t), owner.ForTest(t), callers[""].ForTest(t)
					ask := func(status int, patient string) []string {
						at, body := r.PathWith(patient), any(nil)
						if r.Operation.RequestBody != nil {
							body = r.Body(object{"patient": patient, "doctor": doctor})
						}
						if strings.Contains(place, " query ") {
							at = harness.PathWithQuery(r.Path, "patient", patient)
						}
						return entrySummaries(t, s, caller.Do(r.Method, at, body).Expect(status), patient)
					}
					log := func(who *harness.Client, patient string) (all []string) {
						for _, e := range who.Do("GET", "/api/patients/"+patient+"/access-log/?ordering=created_at",
							nil).Expect(200).List() {
							all = append(
								all,
								fmt.Sprint(e["action"], " ", e["resource_type"], " ", e["outcome"], " ", e["status"],
									ofThePatient),
							)
						}
						return all
					}
					created := []string{"create Patient success 201" + ofThePatient}
					named := func(entries []string) []string {
						return slices.DeleteFunc(
							slices.Clone(entries), func(e string) bool { return !strings.HasSuffix(e, ofThePatient) },
						)
					}
					foreign := owner.AddPatient()
					require.Equal(t, n.foreign, ask(n.status[0], foreign))
					require.Equal(t, slices.Concat(created, named(n.foreign)), log(owner, foreign),
						"what the owner sees")
					require.Equal(t, n.missing, ask(n.status[1], harness.MissingID))
					if n.own == nil {
						return
					}
					own := colleague.AddPatient()
					if strings.Contains(place, "Assignments") {
						colleague.Assign(own, doctor).Expect(201)
						created = append(created, "create Assignment success 201"+ofThePatient)
					}
					require.Equal(t, n.own, ask(n.status[2], own))
					if r.Method != "DELETE" {
						require.Equal(t, slices.Concat(created, n.own), log(colleague, own), "what the owner sees")
					}
				})
			}
		}
		require.ElementsMatch(t, slices.Collect(maps.Keys(expectedByRoute)), slices.Collect(maps.Keys(tested)))

		t.Run("an own patient without assignments is shown as such", func(t *testing.T) {
			own := callers[""].ForTest(t).AddPatient()
			for _, path := range []string{"/api/mappings/" + own + "/", "/api/mappings/?patient=" + own} {
				a := callers[""].ForTest(t).Do("GET", path, nil).Expect(200)
				require.Equal(t, []string{"list Assignment success 200 of the patient"}, entrySummaries(t, s, a, own))
			}
		})
		t.Run("a foreign assignment names no patient", func(t *testing.T) {
			patient := owner.ForTest(t).AddPatient()
			one := owner.ForTest(t).Assign(patient, doctor).Expect(201).ID()
			for method, path := range map[string]string{"GET": "/api/mappings/detail/", "DELETE": "/api/mappings/"} {
				for _, id := range []string{one, harness.MissingID} {
					a := callers[""].ForTest(t).Do(method, path+id+"/", nil).Expect(404)
					require.Equal(t, []string{"refused Assignment refused 404"}, entrySummaries(t, s, a, patient))
				}
			}
		})
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
