package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// neverCleared holds the members of PATCH bodies that a record always has.
var neverCleared = []string{"name", "gender", "specialization", "experience", "role", "active", "access",
	"minutes", "buffer_before", "buffer_after", "capacity", "needs_confirmation", "for_patients",
	"url", "enabled"}

// Null means "unknown". The contract allows it for every optional member, and the service accepts it for those only.
func TestNullIsAcceptedWhereTheContractAllowsIt(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUserWithRole(t, auth.Admin, "Asha")
		known, nullable, users, bookings := c.KnownValues(), 0, 0, 0
		c.OfferAppointments(known["doctor"].(string))
		for _, r := range harness.WithBody(s.Routes()) {
			required := r.Operation.RequestBody.Value.Content.Get("application/json").Schema.Value.Required
			for _, member := range r.BodyMembers() {
				allowed := r.BodySchemas()[member].Value.Nullable
				t.Run(fmt.Sprintf("%s with %s: null, allowed: %t", r, member, allowed), func(t *testing.T) {
					c := c.ForTest(t)
					if r.Method == "PATCH" {
						require.Equal(t, !slices.Contains(neverCleared, member), allowed,
							"what a record may lack can be cleared")
					} else {
						require.Equal(t, !slices.Contains(required, member), allowed,
							"what may be left out may be null")
					}
					known := maps.Clone(known)
					if r.CreatesUser() {
						users++
						known["email"] = fmt.Sprintf("null%d@clinic.example", users)
					}
					if strings.HasPrefix(r.Path, "/api/appointments/{id}/") {
						known["appointment"] = c.AddAppointment(known).ID() // others were cancelled
					}
					body := r.Body(known)
					if _, books := body["starts_at"]; books {
						bookings++ // of another time each
						body["starts_at"] = harness.Tomorrow(4*time.Hour + time.Duration(bookings)*30*time.Minute)
					}
					body[member] = nil
					switch member {
					case "age":
						body["birth_date"] = "1990-02-28"
					case "from":
						delete(body, "to") // of the same time
					case "to":
						delete(body, "from")
					case "level":
						if !slices.Contains(required, "until") {
							delete(body, "until")
						}
					case "note":
						if body["decision"] = "accepted"; body["verdict"] != nil { // others need a note
							delete(body, "decision")
						}
					case "doctor":
						if r.BodySchemas()["user"] != nil && body["user"] == nil {
							body["user"] = c.Service.NewUser(t, fmt.Sprint("Hidden", nullable)).UserID()
						}
					}
					var a harness.Response
					send := func() { a = c.Do(r.Method, r.PathOf(known), body) }
					if r.Allows(auth.Admin) {
						send()
					} else {
						c.WithRole(r.Role(), send)
					}
					if !allowed {
						require.Equal(t, map[string][]string{member: {"May not be null."}},
							a.ExpectProblem(400, "validation_failed").Errors)
						return
					}
					require.Contains(t, []int{200, 201}, a.Status, "%s", a.Body)
					nullable++
				})
			}
		}
		require.Greater(t, nullable, 20)
	})
}

func TestNullMeansUnknown(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUserWithRole(t, auth.Admin, "Asha")
		unknown := map[string]object{
			"/api/patients/": {"email": nil, "phone": nil, "address": nil, "notes": nil, "medical_record_number": nil,
				"birth_date": nil},
			"/api/doctors/": {"email": nil, "phone": nil, "license_number": nil},
		}
		given := map[string]object{
			"/api/patients/": {
				"name": "Ravi", "gender": "Male", "age": 40, "email": "ravi@home.example", "phone": "1",
				"address": "12 Lake Road", "notes": "Calm.",
				"medical_record_number": "M-1",
			},
			"/api/doctors/": {
				"name": "Dr. Khanna", "specialization": "Dermatology", "experience": 9,
				"email": "khanna@clinic.example", "phone": "2", "license_number": "KA-1",
			},
		}
		for path, nulls := range unknown {
			required, sent := maps.Clone(given[path]), maps.Clone(given[path])
			maps.DeleteFunc(required, func(name string, _ any) bool { _, optional := nulls[name]; return optional })
			maps.Copy(sent, nulls)
			own := func(o object) object {
				for _, name := range []string{"id", "created_at", "updated_at"} {
					delete(o, name)
				}
				return o
			}
			empty := own(c.Do("POST", path, required).Expect(201).Object())

			t.Run("POST "+path+" with null is the same as without the fields", func(t *testing.T) {
				require.Equal(t, empty, own(c.ForTest(t).Do("POST", path, sent).Expect(201).Object()))
			})
			t.Run("PUT "+path+" with null clears the fields, and a repetition changes nothing", func(t *testing.T) {
				c := c.ForTest(t)
				one := path + c.Do("POST", path, given[path]).Expect(201).ID() + "/"
				replaced := c.Do("PUT", one, sent).Expect(200)
				require.Equal(t, replaced.Object(), c.Do("PUT", one, sent).Expect(200).Object())
				require.Equal(t, `"v2"`, replaced.Header.Get("ETag"))
				require.Equal(t, empty, own(replaced.Object()))
			})
			t.Run("PATCH "+path+" with null clears one field, and a repetition changes nothing", func(t *testing.T) {
				c := c.ForTest(t)
				one := path + c.Do("POST", path, given[path]).Expect(201).ID() + "/"
				for name := range nulls {
					before := c.Do("GET", one, nil).Object()
					cleared := c.Do("PATCH", one, object{name: nil}).Expect(200).Object()
					require.Equal(t, empty[name], cleared[name])
					require.Equal(t, cleared, c.Do("PATCH", one, object{name: nil}).Expect(200).Object())
					before[name], before["updated_at"] = cleared[name], cleared["updated_at"]
					require.Equal(t, before, cleared, "other fields are unchanged")
				}
				require.Equal(t, empty, own(c.Do("GET", one, nil).Object()))
			})
		}
		t.Run("age: null is accepted with a stored or sent birth date", func(t *testing.T) {
			c := c.ForTest(t)
			person := object{"name": "Ravi", "gender": "Male", "birth_date": "1990-02-28", "age": nil}
			one := "/api/patients/" + c.Do("POST", "/api/patients/", person).Expect(201).ID()
			before := c.Do("GET", one, nil).Object()
			require.Equal(t, before, c.Do("PUT", one, person).Expect(200).Object())
			require.Equal(t, before, c.Do("PATCH", one, object{"age": nil}).Expect(200).Object())
			aged := "/api/patients/" + c.AddPatient()
			require.Equal(
				t, "1990-02-28", c.Do("PATCH", aged,
					object{"age": nil, "birth_date": "1990-02-28"}).Expect(200).Object()["birth_date"])
		})
		t.Run("age: null is rejected without a birth date", func(t *testing.T) {
			c := c.ForTest(t)
			person := object{"name": "Ravi", "gender": "Male", "age": nil}
			aged := "/api/patients/" + c.AddPatient()
			before := c.Do("GET", aged, nil).Object()
			for _, refused := range []harness.Response{
				c.Do("POST", "/api/patients/", person), c.Do("PUT", aged, person),
				c.Do("PATCH", aged, object{"age": nil}),
				c.Do("PATCH", aged, object{"age": nil, "birth_date": nil}),
				c.Do("POST", "/api/patients/",
					object{"name": "R", "gender": "Male", "age": nil, "birth_date": nil}),
			} {
				require.Equal(t, map[string][]string{"age": {"Give an age or a birth_date."}},
					refused.ExpectProblem(400, "validation_failed").Errors)
			}
			require.Equal(t, before, c.Do("GET", aged, nil).Object())
		})
		t.Run("role: null is staff for a new user", func(t *testing.T) {
			user := object{"name": "Ravi", "email": "ravi@clinic.example", "password": harness.Password, "role": nil}
			require.Equal(t, "staff", c.ForTest(t).Do("POST", "/api/users/", user).Expect(201).Object()["role"])
		})
	})
}
