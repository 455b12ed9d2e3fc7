package api

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// endOfAccess is a way to lose the access to a patient after a request with an Idempotency-Key.
type endOfAccess struct {
	name string
	// begin gives the user access to the patient, who is shared with the practice, and returns a function that ends it.
	begin func(owner, user *harness.Client, patient, practice, doctor string) (end func())
}

var endsOfAccess = []endOfAccess{
	{"a restriction for the user", func(owner, user *harness.Client, patient, practice, _ string) func() {
		joined(owner, user, practice, "write")
		return func() {
			owner.Do("POST", patientAt(patient)+"restrictions/", object{"user": user.UserID()}).Expect(201)
		}
	}},
	{"a restriction for the doctor of a member", func(
		owner, user *harness.Client, patient, practice, doctor string,
	) func() {
		joined(owner, user, practice, "write")
		return func() {
			owner.Do("POST", patientAt(patient)+"restrictions/", object{"doctor": doctor}).Expect(201)
		}
	}},
	{"the end of a share", func(owner, user *harness.Client, patient, _, _ string) func() {
		invited := owner.Do("POST", patientAt(patient)+"invitations/", object{"as": "colleague", "level": "write"})
		code := object{"code": invited.Expect(201).Object()["code"]}
		grant := user.Do("POST", claims, code).Expect(201).ID()
		return func() { owner.Do("DELETE", patientAt(patient)+"grants/"+grant+"/", nil).Expect(204) }
	}},
	{"the removal from a practice", func(owner, user *harness.Client, _, practice, _ string) func() {
		joined(owner, user, practice, "keep")
		return func() {
			owner.Do("DELETE", practiceAt(practice)+"members/"+user.UserID()+"/", nil).Expect(204)
		}
	}},
	{"the end of a deputyship", func(owner, user *harness.Client, _, _, _ string) func() {
		user.Do("POST", deputyClaims, object{"code": owner.InviteDeputy("write")["code"]}).Expect(201)
		return func() { owner.Do("DELETE", deputies+user.UserID()+"/", nil).Expect(204) }
	}},
}

// A repeated request shows its result only to a user who may still see the patient.
func TestRepeatedRequestsAfterTheEndOfAnAccess(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		owner, admin := s.NewUser(t, "Owner"), s.NewUserWithRole(t, auth.Admin, "Admin")
		for i, ended := range endsOfAccess {
			t.Run(ended.name, func(t *testing.T) {
				owner, practice := owner.ForTest(t), owner.ForTest(t).AddPractice()
				patient := owner.AddPatient(object{"name": "Zebra Crossing", "practice": practice})
				doctor, user := admin.ForTest(t).AddDoctor(), s.NewUser(t, fmt.Sprint("User", i))
				claim := object{"code": admin.ForTest(t).InviteDoctor(doctor)["code"]}
				user.Do("POST", doctorClaims, claim).Expect(201)
				end := ended.begin(owner, user, patient, practice, doctor)
				assigned := object{"patient": patient, "doctor": owner.AddDoctor()}
				repeat := func() harness.Response {
					return user.Do("POST", "/api/mappings/", assigned, "Idempotency-Key", "repeated")
				}
				first := repeat().Expect(201)
				require.Contains(t, string(first.Body), "Zebra")
				require.Equal(t, first.ID(), repeat().Expect(201).ID())
				end()
				again := repeat()
				again.ExpectProblem(410, "gone")
				for _, secret := range []string{"Zebra", patient, first.ID()} {
					require.NotContains(t, string(again.Body), secret)
				}
				require.Empty(t, again.Header.Get("Location"))
			})
		}
		t.Run("the management of a patient", func(t *testing.T) {
			owner, manager := owner.ForTest(t), s.NewUser(t, "Manager")
			practice := owner.AddPractice()
			patient, doctor := owner.AddPatient(object{"practice": practice}), owner.AddDoctor()
			joined(owner, manager, practice, "keep")
			hide := func() harness.Response {
				return manager.Do("POST", patientAt(patient)+"restrictions/", object{"doctor": doctor},
					"Idempotency-Key", "hide")
			}
			first := hide().Expect(201)
			require.Equal(t, first.Body, hide().Expect(201).Body)
			at := practiceAt(practice) + "members/" + manager.UserID() + "/"
			owner.Do("PUT", at, object{"level": "write"}).Expect(200)
			hide().ExpectProblem(403, "patient_only")
			owner.Do("DELETE", at, nil).Expect(204)
			hide().ExpectProblem(410, "gone")
		})
	})
}
