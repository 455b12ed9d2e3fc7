package main

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/auth"
)

// neverCleared are the members of PATCH bodies that a record always has.
var neverCleared = []string{"name", "gender", "specialization", "experience", "role", "active"}

// Null means "not known". The contract allows it for every optional member, and the service accepts it exactly there.
func TestNullIsAcceptedWhereTheContractAllowsIt(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.as(t, auth.Admin, "Asha")
		known, nullable, users := c.known(), 0, 0
		for _, r := range writing(s.routes()) {
			required := r.op.RequestBody.Value.Content.Get("application/json").Schema.Value.Required
			for _, member := range r.members() {
				allowed := r.schemas()[member].Value.Nullable
				t.Run(fmt.Sprintf("%s with %s: null, allowed: %t", r, member, allowed), func(t *testing.T) {
					c := c.in(t)
					if r.method == "PATCH" {
						require.Equal(t, !slices.Contains(neverCleared, member), allowed, "what a record may lack can be cleared")
					} else {
						require.Equal(t, !slices.Contains(required, member), allowed, "what may be left out may be null")
					}
					known := maps.Clone(known)
					if r.makesUsers() {
						users++
						known["email"] = fmt.Sprintf("null%d@clinic.example", users)
					}
					body := r.body(known)
					if body[member] = nil; member == "age" {
						body["birth_date"] = "1990-02-28"
					}
					a := c.do(r.method, r.at(r.id(known)), body)
					if !allowed {
						require.Equal(t, map[string][]string{member: {"May not be null."}}, a.problem(400, "validation_failed").Errors)
						return
					}
					require.Contains(t, []int{200, 201}, a.status, "%s", a.raw)
					nullable++
				})
			}
		}
		require.Greater(t, nullable, 20)
	})
}

func TestNullMeansNotKnown(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.as(t, auth.Admin, "Asha")
		unknown := map[string]object{
			"/api/patients/": {"email": nil, "phone": nil, "address": nil, "notes": nil, "medical_record_number": nil, "birth_date": nil},
			"/api/doctors/":  {"email": nil, "phone": nil, "license_number": nil},
		}
		given := map[string]object{
			"/api/patients/": {
				"name": "Ravi", "gender": "Male", "age": 40, "email": "ravi@home.example", "phone": "1", "address": "12 Lake Road", "notes": "Calm.",
				"medical_record_number": "M-1",
			},
			"/api/doctors/": {
				"name": "Dr. Khanna", "specialization": "Dermatology", "experience": 9, "email": "khanna@clinic.example", "phone": "2", "license_number": "KA-1",
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
			empty := own(c.do("POST", path, required).is(201).object())

			t.Run("POST "+path+" with null is as if the fields were left out", func(t *testing.T) {
				require.Equal(t, empty, own(c.in(t).do("POST", path, sent).is(201).object()))
			})
			t.Run("PUT "+path+" with null clears the fields, and once more changes nothing", func(t *testing.T) {
				c := c.in(t)
				one := path + c.do("POST", path, given[path]).is(201).id() + "/"
				replaced := c.do("PUT", one, sent).is(200)
				require.Equal(t, replaced.object(), c.do("PUT", one, sent).is(200).object())
				require.Equal(t, `"v2"`, replaced.header.Get("ETag"))
				require.Equal(t, empty, own(replaced.object()))
			})
			t.Run("PATCH "+path+" with null clears one field, and once more changes nothing", func(t *testing.T) {
				c := c.in(t)
				one := path + c.do("POST", path, given[path]).is(201).id() + "/"
				for name := range nulls {
					before := c.do("GET", one, nil).object()
					cleared := c.do("PATCH", one, object{name: nil}).is(200).object()
					require.Equal(t, empty[name], cleared[name])
					require.Equal(t, cleared, c.do("PATCH", one, object{name: nil}).is(200).object())
					before[name], before["updated_at"] = cleared[name], cleared["updated_at"]
					require.Equal(t, before, cleared, "the others keep their values")
				}
				require.Equal(t, empty, own(c.do("GET", one, nil).object()))
			})
		}
		t.Run("age: null is fine where a birth date is known or comes", func(t *testing.T) {
			c := c.in(t)
			person := object{"name": "Ravi", "gender": "Male", "birth_date": "1990-02-28", "age": nil}
			one := "/api/patients/" + c.do("POST", "/api/patients/", person).is(201).id()
			before := c.do("GET", one, nil).object()
			require.Equal(t, before, c.do("PUT", one, person).is(200).object())
			require.Equal(t, before, c.do("PATCH", one, object{"age": nil}).is(200).object())
			aged := "/api/patients/" + c.addPatient()
			require.Equal(t, "1990-02-28", c.do("PATCH", aged, object{"age": nil, "birth_date": "1990-02-28"}).is(200).object()["birth_date"])
		})
		t.Run("age: null is refused where no birth date is known", func(t *testing.T) {
			c := c.in(t)
			person := object{"name": "Ravi", "gender": "Male", "age": nil}
			aged := "/api/patients/" + c.addPatient()
			before := c.do("GET", aged, nil).object()
			for _, refused := range []answer{
				c.do("POST", "/api/patients/", person), c.do("PUT", aged, person), c.do("PATCH", aged, object{"age": nil}),
				c.do("PATCH", aged, object{"age": nil, "birth_date": nil}), c.do("POST", "/api/patients/", object{"name": "R", "gender": "Male", "age": nil, "birth_date": nil}),
			} {
				require.Equal(t, map[string][]string{"age": {"Give an age or a birth_date."}}, refused.problem(400, "validation_failed").Errors)
			}
			require.Equal(t, before, c.do("GET", aged, nil).object())
		})
		t.Run("role: null is staff for a new user", func(t *testing.T) {
			user := object{"name": "Ravi", "email": "ravi@clinic.example", "password": password, "role": nil}
			require.Equal(t, "staff", c.in(t).do("POST", "/api/users/", user).is(201).object()["role"])
		})
	})
}
