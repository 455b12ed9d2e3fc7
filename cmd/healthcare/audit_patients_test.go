package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
)

// naming is a place of a request that can name a patient, and the entries that each answer leaves. An entry is
// "action resource outcome status"; one that names the patient ends in "of the patient".
type naming struct {
	role                  auth.Role // of the caller; staff if empty
	foreign, missing, own []string
	status                [3]int
}

const (
	refusedPatient = "refused Patient refused 404 of the patient"
	ofThePatient   = " of the patient"
)

var refusedBoth = naming{foreign: []string{refusedPatient}, missing: []string{refusedPatient}}

func (n naming) with(success int, own string) naming {
	n.own, n.status = []string{own + ofThePatient}, [3]int{404, 404, success}
	return n
}

// namings are all of them. A filter answers with an empty list, whoever the patient is.
var namings = map[string]naming{
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

// otherIDs are the places for ids of something else.
var otherIDs = []string{
	"discharge path id", "readAssignment path id", "assign body doctor",
	"listAssignments query doctor", "listPatients query doctor",
	"listAuditEntries query actor", "readDoctor path id",
	"replaceDoctor path id", "amendDoctor path id", "removeDoctor path id",
	"removeDoctor query reassign_to", "readJob path id",
	"readUser path id", "administerUser path id", "endSession path id",
}

// idPlaces are the places of the route's request that take an id.
func (r route) idPlaces() (all []string) {
	for _, p := range r.params {
		if p.Value.In == "path" || p.Value.In == "query" && p.Value.Schema.Value.Format == "uuid" {
			all = append(all, fmt.Sprint(r.op.OperationID, " ", p.Value.In, " ", p.Value.Name))
		}
	}
	for _, member := range r.members() {
		if r.schemas()[member].Value.Format == "uuid" {
			all = append(all, fmt.Sprint(r.op.OperationID, " body ", member))
		}
	}
	return all
}

// An entry names a patient only if they were shown, changed, or tried and refused, and every try is recorded: for each
// place of the contract that can name a patient.
func TestEveryNamingOfAPatientIsRecorded(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		owner := s.as(t, auth.Staff, "Owner")
		callers := map[auth.Role]*client{"": s.as(t, auth.Staff, "Caller"), "auditor": s.as(t, "auditor", "Auditor")}
		doctor := owner.addDoctor()
		tested := map[string]bool{}
		for _, r := range s.routes() {
			for _, place := range r.idPlaces() {
				n, names := namings[place]
				if !names {
					require.Contains(t, otherIDs, place, "say in namings what is recorded, or that this id is not a patient's")
					continue
				}
				tested[place] = true
				t.Run(place, func(t *testing.T) {
					caller, owner, colleague := callers[n.role].in(t), owner.in(t), callers[""].in(t)
					ask := func(status int, patient string) []string {
						at, body := r.at(patient), any(nil)
						if r.op.RequestBody != nil {
							body = r.body(object{"patient": patient, "doctor": doctor})
						}
						if strings.Contains(place, " query ") {
							at = query(r.path, "patient", patient)
						}
						return s.entriesOf(t, caller.do(r.method, at, body).is(status), patient)
					}
					log := func(who *client, patient string) (all []string) {
						for _, e := range who.do("GET", "/api/patients/"+patient+"/access-log/?ordering=created_at", nil).is(200).list() {
							all = append(
								all,
								fmt.Sprint(e["action"], " ", e["resource_type"], " ", e["outcome"], " ", e["status"], ofThePatient),
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
					foreign := owner.addPatient()
					require.Equal(t, n.foreign, ask(n.status[0], foreign))
					require.Equal(t, slices.Concat(created, named(n.foreign)), log(owner, foreign), "what the owner sees")
					require.Equal(t, n.missing, ask(n.status[1], missing))
					if n.own == nil {
						return
					}
					own := colleague.addPatient()
					if strings.Contains(place, "Assignments") {
						colleague.assign(own, doctor).is(201)
						created = append(created, "create Assignment success 201"+ofThePatient)
					}
					require.Equal(t, n.own, ask(n.status[2], own))
					if r.method != "DELETE" {
						require.Equal(t, slices.Concat(created, n.own), log(colleague, own), "what the owner sees")
					}
				})
			}
		}
		require.ElementsMatch(t, slices.Collect(maps.Keys(namings)), slices.Collect(maps.Keys(tested)))

		t.Run("an own patient without assignments is shown as such", func(t *testing.T) {
			own := callers[""].in(t).addPatient()
			for _, path := range []string{"/api/mappings/" + own + "/", "/api/mappings/?patient=" + own} {
				a := callers[""].in(t).do("GET", path, nil).is(200)
				require.Equal(t, []string{"list Assignment success 200 of the patient"}, s.entriesOf(t, a, own))
			}
		})
		t.Run("a foreign assignment names no patient", func(t *testing.T) {
			patient := owner.in(t).addPatient()
			one := owner.in(t).assign(patient, doctor).is(201).id()
			for method, path := range map[string]string{"GET": "/api/mappings/detail/", "DELETE": "/api/mappings/"} {
				for _, id := range []string{one, missing} {
					a := callers[""].in(t).do(method, path+id+"/", nil).is(404)
					require.Equal(t, []string{"refused Assignment refused 404"}, s.entriesOf(t, a, patient))
				}
			}
		})
	})
}

// entriesOf are the entries of one request, in order. It fails for one that names another patient.
func (s *service) entriesOf(t *testing.T, a answer, patient string) (all []string) {
	t.Helper()
	for _, e := range s.trail(t, a.header.Get("X-Request-Id")) {
		line := fmt.Sprint(e["action"], " ", e["resource_type"], " ", e["outcome"], " ", e["status"])
		if id := e["patient_id"]; id != nil {
			require.Equal(t, patient, textOf(id), line)
			line += ofThePatient
		}
		all = append(all, line)
	}
	return all
}
