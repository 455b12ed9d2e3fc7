package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// TestReasonsOfAccesses reads a patient as everyone who may, and finds in the access log and in the trail why they
// could.
func TestReasonsOfAccesses(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		const born = "1990-05-17"
		owner, treating, person := s.NewUser(t, "Owner"), s.NewUser(t, "Treating"), s.NewUser(t, "Person")
		auditor := s.NewUserWithRole(t, "auditor", "Auditor")
		doctor := owner.AddDoctor()
		actsFor(t, treating, doctor)
		patient := owner.AddPatient(object{"name": "Zebra", "age": harness.OmitField, "birth_date": born})
		own := treating.AddPatient()
		mapping := owner.Assign(patient, doctor).Expect(201).ID()
		owner.Do("PATCH", "/api/mappings/"+mapping+"/", object{"access": "write"}).Expect(200)
		grant := claim(person, invite(owner, patient, "self"), born).Expect(201).Object()["id"].(string)
		at := "/api/patients/" + patient + "/"

		reasons := map[string]object{
			owner.UserID():    {"basis": "keep", "grant": nil, "acts_for": nil},
			treating.UserID(): {"basis": "care", "grant": mapping, "acts_for": doctor},
			person.UserID():   {"basis": "self", "grant": grant, "acts_for": person.UserID()},
		}
		newest := func(t *testing.T, action, resource string) object {
			t.Helper()
			for _, entry := range auditor.Do("GET", "/api/audit/", nil).Expect(200).List() {
				if entry["action"] == action && entry["resource_type"] == resource {
					return entry
				}
			}
			require.Fail(t, "no such entry", "%s %s", action, resource)
			return nil
		}
		has := func(t *testing.T, entry, reason object) {
			t.Helper()
			actual := object{"basis": entry["basis"], "grant": entry["grant"], "acts_for": entry["acts_for"]}
			require.Equal(t, reason, actual, entry)
			purpose := map[any]any{"keep": "TREAT", "care": "TREAT", "self": "PATRQT"}[reason["basis"]]
			if entry["action"] == "granted" || entry["action"] == "withdrawn" {
				purpose = nil
			}
			require.Equal(t, purpose, entry["purpose"], entry)
		}
		for name, c := range map[string]*harness.Client{"owner": owner, "doctor": treating, "patient": person} {
			t.Run("the "+name+" reads", func(t *testing.T) {
				c, reason := c.ForTest(t), reasons[c.UserID()]
				ofMany := object{"basis": reason["basis"], "grant": nil, "acts_for": reason["acts_for"]}
				c.Do("GET", at, nil).Expect(200)
				has(t, newest(t, "read", "Patient"), reason)
				c.Do("GET", "/api/mappings/detail/"+mapping+"/", nil).Expect(200)
				has(t, newest(t, "read", "Assignment"), reason)
				c.Do("GET", "/api/mappings/"+patient+"/", nil).Expect(200)
				has(t, newest(t, "list", "Assignment"), reason)
				c.Do("GET", "/api/patients/?search=zebra&ordering=created_at", nil).Expect(200)
				has(t, newest(t, "search", "Patient"), ofMany)
				log := c.Do("GET", at+"access-log/", nil).Expect(200).List()
				has(t, newest(t, "trail_read", "AuditEvent"), reason)
				found := false
				for _, entry := range log {
					if entry["actor"] == c.UserID() && entry["action"] == "read" {
						found = true
						require.Equal(t, reason["basis"], entry["basis"])
						require.Equal(t, reason["acts_for"], entry["acts_for"])
						require.NotEmpty(t, entry["purpose"])
					}
				}
				require.True(t, found)
			})
		}
		t.Run("a list names the patients of each reason", func(t *testing.T) {
			treating := treating.ForTest(t)
			require.Len(t, treating.Do("GET", "/api/patients/", nil).Expect(200).List(), 2)
			entries := auditor.ForTest(t).Do("GET", "/api/audit/?action=list&actor="+treating.UserID(), nil).
				Expect(200).List()
			bases := map[any]any{}
			for _, entry := range entries[:2] {
				require.Equal(t, entries[0]["request_id"], entry["request_id"])
				require.Len(t, entry["ids"], 1)
				bases[entry["basis"]] = entry["ids"].([]any)[0]
			}
			require.Equal(t, map[any]any{"keep": own, "care": patient}, bases)
		})
		t.Run("changes and refusals", func(t *testing.T) {
			owner, treating := owner.ForTest(t), treating.ForTest(t)
			treating.Do("PATCH", at, object{"notes": "x"}).Expect(200)
			has(t, newest(t, "update", "Patient"), reasons[treating.UserID()])
			treating.Do("DELETE", at, nil).Expect(403)
			has(t, newest(t, "refused", "Patient"), reasons[treating.UserID()])
			treating.Do("DELETE", "/api/patients/"+harness.MissingID+"/", nil).Expect(404)
			has(t, newest(t, "refused", "Patient"), object{"basis": nil, "grant": nil, "acts_for": nil})
			another := owner.AddDoctor()
			other := owner.Assign(patient, another).Expect(201).ID()
			has(t, newest(t, "create", "Assignment"), reasons[owner.UserID()])
			granted := object{"basis": "care", "grant": other, "acts_for": another}
			has(t, newest(t, "granted", "Patient"), granted)
			require.Equal(t, []any{"read"}, newest(t, "granted", "Patient")["fields"])
			owner.Do("PATCH", "/api/mappings/"+other+"/", object{"access": "write"}).Expect(200)
			require.Equal(t, []any{"write"}, newest(t, "granted", "Patient")["fields"])
			treating.Do("DELETE", "/api/mappings/"+other+"/", nil).Expect(204)
			has(t, newest(t, "delete", "Assignment"), reasons[treating.UserID()])
			has(t, newest(t, "withdrawn", "Patient"), granted)
			require.Equal(t, treating.UserID(), newest(t, "withdrawn", "Patient")["actor"])
			treating.Do("GET", at+"corrections/", nil).ExpectProblem(403, "requester_only")
			has(t, newest(t, "refused", "Patient"), reasons[treating.UserID()])
		})
		t.Run("corrections and the removal", func(t *testing.T) {
			owner, person := owner.ForTest(t), person.ForTest(t)
			wrong := object{"field": "phone", "value": "1", "because": "x"}
			asked := person.Do("POST", at+"corrections/", wrong).Expect(201)
			has(t, newest(t, "create", "Correction"), reasons[person.UserID()])
			person.Do("GET", at+"corrections/", nil).Expect(200)
			has(t, newest(t, "list", "Correction"), reasons[person.UserID()])
			owner.Do("POST", at+"corrections/"+asked.ID()+"/decision/", object{"decision": "accepted"}).Expect(200)
			has(t, newest(t, "update", "Correction"), reasons[owner.UserID()])
			owner.Do("DELETE", at, nil).Expect(204)
			has(t, newest(t, "delete", "Patient"), reasons[owner.UserID()])
		})
		t.Run("what an administrator does depends on none", func(t *testing.T) {
			admin := s.NewUserWithRole(t, auth.Admin, "Admin")
			admin.Do("POST", "/api/users/"+treating.UserID()+"/transfer/", object{"to": owner.UserID()}).Expect(200)
			has(t, newest(t, "transferred", "Patient"), object{"basis": nil, "grant": nil, "acts_for": nil})
		})
	})
}
