package api

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// Genders and roles are listed where they are sent, and accepted in any letter case.
func TestGendersAndRolesInAnyLetterCase(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		t.Run("the document lists them in bodies and in queries", func(t *testing.T) {
			genders := []any{"Male", "Female", "Other", "Unknown"}
			roles := []any{"admin", "auditor", "doctor", "patient", "privacy", "staff"}
			for _, name := range []string{"PatientInput", "PatientChanges"} {
				require.Subset(t, s.Document.Components.Schemas[name].Value.Properties["gender"].Value.Enum, genders,
					name)
			}
			for _, name := range []string{"NewUser", "UserChanges"} {
				require.Subset(t, s.Document.Components.Schemas[name].Value.Properties["role"].Value.Enum, roles, name)
			}
			require.Equal(t, genders, queryOf(t, s.Document.Paths.Value("/api/patients/").Get, "gender").Enum)
			require.Equal(t, roles, queryOf(t, s.Document.Paths.Value("/api/users/").Get, "role").Enum)
		})
		t.Run("a gender", func(t *testing.T) {
			c := s.NewUser(t, "Gender")
			c.Undocumented = true
			patient := c.Do("POST", "/api/patients/", object{"name": "A", "age": 1, "gender": "fEMALE"}).Expect(201)
			require.Equal(t, "Female", patient.Object()["gender"])
			require.Equal(
				t, "Other", c.Do("PATCH", "/api/patients/"+patient.ID(),
					object{"gender": "OTHER"}).Expect(200).Object()["gender"])
			require.Equal(
				t, "Male", c.Do("PUT", "/api/patients/"+patient.ID(),
					object{"name": "A", "age": 1, "gender": "male"}).Expect(200).Object()["gender"])
			require.Len(t, c.Do("GET", "/api/patients/?gender=MALE", nil).Expect(200).List(), 1)
			require.Empty(t, c.Do("GET", "/api/patients/?gender=other", nil).Expect(200).List())
			require.Len(t, c.Do("GET", "/api/patients/?gender=", nil).Expect(200).List(), 1, "empty: no filter")
			require.Contains(
				t, c.Do("GET", "/api/patients/?gender=nonsense", nil).ExpectProblem(400, "validation_failed").Errors,
				"gender")
			require.Contains(
				t, c.Do("PATCH", "/api/patients/"+patient.ID(), object{"gender": "nonsense"}).ExpectProblem(400,
					"validation_failed").Errors, "gender")
		})
		t.Run("an access", func(t *testing.T) {
			c := s.NewUser(t, "Access")
			c.Undocumented = true
			made := c.Do("POST", "/api/mappings/",
				object{"patient": c.AddPatient(), "doctor": c.AddDoctor(), "access": "READ"}).Expect(201)
			require.Equal(t, "read", made.Object()["access"])
			changed := c.Do("PATCH", "/api/mappings/"+made.ID()+"/", object{"access": "Write"}).Expect(200)
			require.Equal(t, "write", changed.Object()["access"])
		})
		t.Run("a role", func(t *testing.T) {
			admin := s.NewUserWithRole(t, auth.Admin, "Admin")
			admin.Undocumented = true
			user := admin.Do("POST", "/api/users/",
				object{"name": "N", "email": "n@clinic.example", "password": harness.Password,
					"role": "Auditor"}).Expect(201)
			require.Equal(t, "auditor", user.Object()["role"])
			require.Len(t, admin.Do("GET", "/api/users/?role=AUDITOR", nil).Expect(200).List(), 1)
			require.Equal(
				t, "admin", admin.Do("PATCH", "/api/users/"+user.ID(),
					object{"role": "ADMIN"}).Expect(200).Object()["role"])
			require.Len(t, admin.Do("GET", "/api/users/?role=admin", nil).Expect(200).List(), 2)
			require.Contains(
				t, admin.Do("GET", "/api/users/?role=nonsense", nil).ExpectProblem(400, "validation_failed").Errors,
				"role")
			require.Contains(
				t, admin.Do("PATCH", "/api/users/"+user.ID(), object{"role": "nonsense"}).ExpectProblem(400,
					"validation_failed").Errors, "role")
		})
	})
}

func queryOf(t *testing.T, op *openapi3.Operation, name string) *openapi3.Schema {
	t.Helper()
	parameter := op.Parameters.GetByInAndName(openapi3.ParameterInQuery, name)
	require.NotNil(t, parameter)
	return parameter.Schema.Value
}

func TestOneDeprecatedPath(t *testing.T) {
	t.Parallel()
	document := harness.CommittedContract(t)
	for route, item := range document.Paths.Map() {
		for _, op := range item.Operations() {
			require.Equal(t, route == "/api/mappings/patient/{patient_id}/", op.Deprecated, route)
		}
	}
}

// TestExpensiveReadsAreLimited checks the limit of words in searches, and the filters that cost more.
func TestExpensiveReadsAreLimited(t *testing.T) {
	t.Parallel()
	document := harness.CommittedContract(t)
	searches, heavy := 0, map[string]any{}
	for _, item := range document.Paths.Map() {
		for _, op := range item.Operations() {
			for _, parameter := range op.Parameters {
				if parameter.Value.In == openapi3.ParameterInQuery && parameter.Value.Name == "search" {
					searches++
					require.EqualValues(t, 6, parameter.Value.Schema.Value.Extensions["x-max-words"], op.OperationID)
				}
			}
			if list, is := op.Extensions["x-list"].(map[string]any); is {
				heavy[op.OperationID] = list["heavy"]
			}
		}
	}
	require.Equal(t, 3, searches, "of patients, doctors and users")
	require.ElementsMatch(
		t,
		[]any{"doctor", "gender", "age_min", "age_max", "created_after", "created_before"},
		heavy["listPatients"],
	)
	require.ElementsMatch(
		t,
		[]any{"specialization", "experience_min", "experience_max", "created_after", "created_before"},
		heavy["listDoctors"],
	)
}

func TestEveryOperationHasOneTag(t *testing.T) {
	t.Parallel()
	document := harness.CommittedContract(t)
	for route, item := range document.Paths.Map() {
		for method, op := range item.Operations() {
			require.Len(t, op.Tags, 1, "%s %s", method, route)
			require.NotNil(t, document.Tags.Get(op.Tags[0]), op.Tags[0])
			tooling := map[string]bool{"/metrics": true, "/docs/": true, "/docs/{asset}": true,
				"/problems/{code}": true, "/openapi.json": true}[route]
			require.Equal(t, tooling, op.Tags[0] == "Tooling", route)
		}
	}
}
