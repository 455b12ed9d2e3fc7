package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/identity"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// original is a client of the service that this one replaces. It does not validate against the contract.
type original struct {
	s     *harness.Service
	token string
}

// call sends a request of a media type and returns the response. A map is sent as JSON, "" as no body.
func (o *original) call(t *testing.T, method, path, media string, body any, headers ...string) harness.Response {
	t.Helper()
	raw, text := body.(string)
	if !text {
		encoded, err := json.Marshal(body)
		require.NoError(t, err)
		raw = string(encoded)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, o.s.URL+path, strings.NewReader(raw))
	require.NoError(t, err)
	if media != "" {
		request.Header.Set("Content-Type", media)
	}
	if o.token != "" {
		request.Header.Set("Authorization", "Bearer "+o.token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	answered, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return harness.Response{T: t, Status: response.StatusCode, Header: response.Header, Body: answered}
}

func (o *original) json(t *testing.T, method, path string, body object, headers ...string) harness.Response {
	t.Helper()
	return o.call(t, method, path, "application/json", body, headers...)
}

const urlencoded = "application/x-www-form-urlencoded"

func (o *original) form(t *testing.T, method, path string, fields url.Values, headers ...string) harness.Response {
	t.Helper()
	return o.call(t, method, path, urlencoded, fields.Encode(), headers...)
}

func (o *original) get(t *testing.T, path string, headers ...string) harness.Response {
	t.Helper()
	return o.call(t, "GET", path, "", "", headers...)
}

// multipartBody returns a multipart form and its media type.
func multipartBody(t *testing.T, fields ...string) (media, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(t, w.WriteField(fields[i], fields[i+1]))
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), b.String()
}

func withDjangoCompat(cfg *config.Config) { cfg.Compat = config.Django }

// eachCompatMode runs test with the mode on and off, on both engines, as a signed-in user.
func eachCompatMode(t *testing.T, test func(t *testing.T, o *original, on bool)) {
	for _, on := range []bool{true, false} {
		adjust := func(*config.Config) {}
		if on {
			adjust = withDjangoCompat
		}
		t.Run(fmt.Sprintf("COMPAT=django is on: %t", on), func(t *testing.T) {
			harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
				test(t, &original{s, s.NewUser(t, "Asha").Token}, on)
			}, adjust)
		})
	}
}

func TestCompat_Errors(t *testing.T) {
	eachCompatMode(t, func(t *testing.T, o *original, on bool) {
		anonymous := &original{s: o.s}
		for name, c := range map[string]struct {
			got    harness.Response
			member string
			want   any
		}{
			"fields of a resource": {o.json(t, "POST", "/api/patients/",
				object{"name": "A", "gender": "Male", "age": 200}), "error",
				object{"age": []any{"Must be between 0 and 150."}}},
			"a missing resource": {o.get(t, "/api/patients/1/"), "error", "No such patient."},
			"no token": {anonymous.get(t, "/api/patients/"), "error",
				"Authentication credentials were not provided."},
			"a path that does not exist": {o.get(t, "/api/nothing/"), "error", "Not found."},
			"a field of an account": {anonymous.json(t, "POST", "/api/auth/login/",
				object{"email": "a@b.example"}), "password", []any{"This field is required."}},
			"a body that is not well-formed": {anonymous.call(t, "POST", "/api/auth/login/", "application/json", "{"),
				"non_field_errors", nil},
		} {
			t.Run(name, func(t *testing.T) {
				got := c.got.Object()
				require.GreaterOrEqual(t, c.got.Status, 400)
				require.Equal(t, got["code"], strings.TrimPrefix(got["type"].(string), "/problems/"),
					"the members of a problem stay")
				require.NotEmpty(t, got["detail"])
				require.EqualValues(t, c.got.Status, got["status"])
				if !on {
					require.NotContains(t, got, c.member)
					return
				}
				if c.want == nil {
					c.want = []any{got["detail"]}
				}
				require.Equal(t, c.want, got[c.member], "%s", c.got.Body)
			})
		}
		t.Run("a rejected sign-in has a detail and no list", func(t *testing.T) {
			got := anonymous.json(t, "POST", "/api/auth/login/",
				object{"email": "a@b.example", "password": "wrong"}).Expect(401).Object()
			require.NotEmpty(t, got["detail"])
			require.NotContains(t, got, "non_field_errors")
			require.NotContains(t, got, "error")
		})
		t.Run("responses outside /api/ have no additional members", func(t *testing.T) {
			require.NotContains(t, o.get(t, "/nothing/").Expect(404).Object(), "error")
		})
		t.Run("a field does not overwrite a member of the problem", func(t *testing.T) {
			body := object{"email": "x@y.example", "password": harness.Password, "status": 1, "detail": 2}
			got := anonymous.json(t, "POST", "/api/auth/login/", body, "Prefer", "handling=strict").Expect(400).Object()
			require.EqualValues(t, 400, got["status"])
			require.Equal(t, "Some fields are not valid.", got["detail"])
		})
	})
}

func TestCompat_DuplicatesAndReferences(t *testing.T) {
	eachCompatMode(t, func(t *testing.T, o *original, on bool) {
		conflict, missing := 409, 404
		if on {
			conflict, missing = 400, 400
		}
		patient := object{"name": "P", "gender": "Male", "age": 3, "medical_record_number": "M-1"}
		doctor := object{"name": "D", "specialization": "S", "experience": 3, "license_number": "L-1"}
		patientID := o.json(t, "POST", "/api/patients/", patient).Expect(201).ID()
		doctorID := o.json(t, "POST", "/api/doctors/", doctor).Expect(201).ID()
		pair := object{"patient": patientID, "doctor": doctorID}
		o.json(t, "POST", "/api/mappings/", pair).Expect(201)

		t.Run("an address in use", func(t *testing.T) {
			a := (&original{s: o.s}).json(t, "POST", "/api/auth/register/",
				object{"name": "B", "email": "asha@clinic.example", "password": harness.Password})
			a.ExpectProblem(conflict, "email_taken")
			if on {
				require.Equal(t, []any{a.Object()["detail"]}, a.Object()["email"])
			}
		})
		t.Run("a medical record number in use", func(t *testing.T) {
			a := o.json(t, "POST", "/api/patients/", patient)
			a.ExpectProblem(conflict, "medical_record_number_taken")
			if on {
				require.Contains(t, a.Object()["error"], "medical_record_number")
			}
		})
		t.Run("a license number in use", func(t *testing.T) {
			o.json(t, "POST", "/api/doctors/", doctor).ExpectProblem(conflict, "license_number_taken")
		})
		t.Run("a second assignment of the same pair", func(t *testing.T) {
			a := o.json(t, "POST", "/api/mappings/", pair)
			a.ExpectProblem(conflict, "already_assigned")
			if on {
				require.Equal(t, a.Object()["detail"], a.Object()["error"])
			}
		})
		other := &original{o.s, o.s.NewUser(t, "Ben").Token}
		for name, c := range map[string]struct {
			who  *original
			body object
			name string
		}{
			"a missing patient": {o, object{"patient": doctorID, "doctor": doctorID}, "patient"},
			"a foreign patient": {other, pair, "patient"},
			"a missing doctor":  {o, object{"patient": patientID, "doctor": patientID}, "doctor"},
		} {
			t.Run(name, func(t *testing.T) {
				a := c.who.json(t, "POST", "/api/mappings/", c.body)
				a.ExpectProblem(missing, "not_found")
				if on {
					require.Contains(t, a.Object()["error"], c.name)
				}
			})
		}
		t.Run("a missing patient is a 404 in other operations",
			func(t *testing.T) { o.get(t, "/api/patients/"+doctorID+"/").Expect(404) })
		t.Run("an outdated version is a 412", func(t *testing.T) {
			o.json(t, "PATCH", "/api/patients/"+patientID+"/", object{"age": 4}, "If-Match", `"v9"`).Expect(412)
		})
	})
}

func TestCompat_PutKeepsFieldsUnknownToTheOriginal(t *testing.T) {
	eachCompatMode(t, func(t *testing.T, o *original, on bool) {
		for path, c := range map[string]struct{ required, optional object }{
			"/api/patients/": {
				object{"name": "P", "gender": "Male", "age": 3},
				object{"email": "p@mail.example", "phone": "1", "address": "A", "medical_record_number": "M-1",
					"notes": "N"},
			},
			"/api/doctors/": {
				object{"name": "D", "specialization": "S", "experience": 3},
				object{"email": "d@mail.example", "phone": "1", "license_number": "L-1"},
			},
		} {
			t.Run(path, func(t *testing.T) {
				full := object{}
				for _, part := range []object{c.required, c.optional} {
					maps.Copy(full, part)
				}
				one := path + o.json(t, "POST", path, full).Expect(201).ID() + "/"
				c.required["name"] = "Renamed"
				got := o.json(t, "PUT", one, c.required).Expect(200).Object()
				require.Equal(t, "Renamed", got["name"])
				for name, value := range c.optional {
					require.Equal(t, on, value == got[name], "%s is %v", name, got[name])
				}
				t.Run("a sent field is replaced", func(t *testing.T) {
					c.required["phone"] = ""
					require.Empty(t, o.json(t, "PUT", one, c.required).Expect(200).Object()["phone"])
				})
				t.Run("required fields are required", func(t *testing.T) {
					errors := o.json(t, "PUT", one, object{"phone": "2"}).ExpectProblem(400, "validation_failed").Errors
					require.Contains(t, errors, "name")
				})
			})
		}
		t.Run("a patient needs an age or a birth date", func(t *testing.T) {
			one := "/api/patients/" + o.json(t, "POST", "/api/patients/",
				object{"name": "Q", "gender": "Male", "birth_date": "2000-01-01"}).Expect(201).ID() + "/"
			o.json(t, "PUT", one, object{"name": "Q", "gender": "Male"}).ExpectProblem(400, "validation_failed")
			age := o.get(t, one).Object()["age"]
			got := o.json(t, "PUT", one, object{"name": "R", "gender": "Male", "age": age}).Expect(200).Object()
			require.Equal(t, on, got["birth_date"] == "2000-01-01")
		})
	})
}

func TestCompat_Forms(t *testing.T) {
	eachCompatMode(t, func(t *testing.T, o *original, on bool) {
		fields := url.Values{"name": {"Zoë \"Z\""}, "gender": {"female"}, "age": {"31"}, "email": {""}}
		media, body := multipartBody(t, "name", "Zoë \"Z\"", "gender", "female", "age", "31", "email", "")
		if !on {
			o.form(t, "POST", "/api/patients/", fields).ExpectProblem(415, "unsupported_media_type")
			o.call(t, "POST", "/api/patients/", media, body).ExpectProblem(415, "unsupported_media_type")
			return
		}
		for name, send := range map[string]func(...string) harness.Response{
			"urlencoded": func(
				h ...string) harness.Response {
				return o.form(t, "POST", "/api/patients/", fields, h...)
			},
			"multipart": func(
				h ...string) harness.Response {
				return o.call(t, "POST", "/api/patients/", media, body, h...)
			},
			"urlencoded, behind a byte order mark": func(...string) harness.Response {
				return o.call(t, "POST", "/api/patients/", "application/x-www-form-urlencoded",
					"\ufeff"+fields.Encode())
			},
			"multipart, behind a byte order mark": func(...string) harness.Response {
				return o.call(t, "POST", "/api/patients/", media, "\ufeff"+body)
			},
			"urlencoded, with strict handling": func(...string) harness.Response {
				return o.form(t, "POST", "/api/patients/", fields, "Prefer", "handling=strict")
			},
		} {
			t.Run(name, func(t *testing.T) {
				got := send().Expect(201).Object()
				require.Equal(t, "Zoë \"Z\"", got["name"])
				require.EqualValues(t, 31, got["age"])
			})
		}
		t.Run("a repeated form with an Idempotency-Key is replayed", func(t *testing.T) {
			first := o.form(t, "POST", "/api/patients/", fields, "Idempotency-Key", "k").Expect(201)
			again := o.call(t, "POST", "/api/patients/", media, body, "Idempotency-Key", "k").Expect(201)
			require.Equal(t, first.ID(), again.ID())
			o.form(t, "POST", "/api/patients/", url.Values{"name": {"X"}, "gender": {"Male"}, "age": {"1"}},
				"Idempotency-Key", "k").Expect(422)
		})
		t.Run("an empty optional number is null", func(t *testing.T) {
			got := o.form(t, "POST", "/api/patients/",
				url.Values{"name": {"B"}, "gender": {"Male"}, "age": {""}, "birth_date": {"2000-01-01"}}).Expect(201)
			require.Equal(t, "2000-01-01", got.Object()["birth_date"])
		})
		t.Run("an empty required field is rejected", func(t *testing.T) {
			got := o.form(t, "POST", "/api/doctors/",
				url.Values{"name": {""}, "specialization": {"S"}, "experience": {""}}).ExpectProblem(400,
				"validation_failed")
			require.Contains(t, got.Errors, "experience")
			o.form(t, "POST", "/api/doctors/",
				url.Values{"name": {""}, "specialization": {"S"}, "experience": {"1"}}).ExpectProblem(400,
				"validation_failed")
		})
		t.Run("an unknown field is named in a Warning", func(t *testing.T) {
			a := o.form(t, "POST", "/api/doctors/",
				url.Values{"name": {"D"}, "specialization": {"S"}, "experience": {"1"},
					"csrfmiddlewaretoken": {"x"}}).Expect(201)
			require.Contains(t, a.Header.Get("Warning"), "csrfmiddlewaretoken")
		})
		t.Run("64 fields are read", func(t *testing.T) {
			all := url.Values{"name": {"D"}, "specialization": {"S"}, "experience": {"1"}}
			var allParts []string
			for i := len(all); i < 64; i++ {
				all.Set(fmt.Sprint("f", i), "x")
			}
			for name, values := range all {
				allParts = append(allParts, name, values[0])
			}
			media, body := multipartBody(t, allParts...)
			o.form(t, "POST", "/api/doctors/", all).Expect(201)
			o.call(t, "POST", "/api/doctors/", media, body).Expect(201)
		})
		t.Run("booleans are read", func(t *testing.T) {
			admin := &original{o.s, o.s.NewUserWithRole(t, "admin", "Root").Token}
			user := admin.json(t, "POST", "/api/users/",
				object{"name": "U", "email": "u@clinic.example", "password": harness.Password, "role": "staff"}).Expect(
				201).ID()
			require.Equal(
				t, false, admin.form(t, "PATCH", "/api/users/"+user+"/",
					url.Values{"active": {"false"}}).Expect(200).Object()["active"])
			admin.form(t, "PATCH", "/api/users/"+user+"/", url.Values{"active": {"no"}}).Expect(400)
		})
		many := url.Values{}
		var manyParts []string
		for i := range 65 {
			many.Set(fmt.Sprint("f", i), "x")
			manyParts = append(manyParts, fmt.Sprint("f", i), "x")
		}
		manyMedia, manyBody := multipartBody(t, manyParts...)
		twiceMedia, twiceBody := multipartBody(t, "name", "a", "name", "b")
		const boundary = "multipart/form-data; boundary=b"
		part := func(disposition, rest string) string {
			return "--b\r\nContent-Disposition: form-data" + disposition + "\r\n\r\n" + rest
		}
		const end = "\r\n--b--\r\n"
		for name, c := range map[string]struct {
			media, body string
			status      int
			detail      string // a required field is missing too, so the status is not sufficient
		}{
			"a field twice":   {urlencoded, "name=a&name=b", 400, "more than once"},
			"a part twice":    {twiceMedia, twiceBody, 400, "more than once"},
			"invalid UTF-8":   {urlencoded, "name=%ff", 400, "not text in UTF-8"},
			"a NUL":           {urlencoded, "name=a%00", 400, "The form holds a NUL character"},
			"a NUL in a name": {urlencoded, "na%00me=a", 400, "The form holds a NUL character"},
			"a bad escape":    {urlencoded, "name=%zz", 400, "not well-formed"},
			"65 fields":       {urlencoded, many.Encode(), 400, "too many fields"},
			"65 parts":        {manyMedia, manyBody, 400, "too many fields"},
			"another charset": {urlencoded + "; charset=latin1", "name=a", 415, ""},
			"a file": {boundary, part(`; name="name"; filename="a.txt"`, "a"+end), 415,
				"Files are not accepted"},
			"a file without a name": {boundary, part(`; name="name"; filename=""`, "a"+end), 415,
				"Files are not accepted"},
			"a part without a name":          {boundary, part("", "a"+end), 400, "has no name"},
			"a multipart form cut off":       {boundary, part(`; name="name"`, "a"), 400, "not well-formed"},
			"a multipart form, no boundary":  {"multipart/form-data", body, 400, "has no boundary"},
			"a multipart form, invalid text": {boundary, part(`; name="name"`, "\xff"+end), 400, "not text in UTF-8"},
			"a body of another type":         {"text/plain", "name=a", 415, ""},
			"a form larger than a body":      {urlencoded, "name=" + strings.Repeat("a", 70000), 413, ""},
		} {
			t.Run(name+" is rejected", func(t *testing.T) {
				a := o.call(t, "POST", "/api/patients/", c.media, c.body).Expect(c.status)
				require.Contains(t, a.Object()["error"], c.detail)
			})
		}
	})
}

func TestCompat_Lists(t *testing.T) {
	eachCompatMode(t, func(t *testing.T, o *original, on bool) {
		for i := range 101 {
			o.json(t, "POST", "/api/doctors/",
				object{"name": fmt.Sprint("D", i), "specialization": "S", "experience": 1}).Expect(201)
		}
		t.Run("a page has 500 items by default", func(t *testing.T) {
			require.Len(t, o.get(t, "/api/doctors/").Expect(200).List(), map[bool]int{true: 101, false: 100}[on])
			require.Len(t, o.get(t, "/api/doctors/?limit=3").Expect(200).List(), 3)
		})
		t.Run("unknown parameters are ignored with a Warning", func(t *testing.T) {
			a := o.get(t, "/api/doctors/?page=1&limit=2&foo=a&foo=b&%22x=1&experience_min=0")
			if !on {
				a.Expect(400)
				return
			}
			require.Len(t, a.Expect(200).List(), 2)
			require.Equal(t, `299 - "Unknown parameters were ignored: foo, page, query"`, a.Header.Get("Warning"))
			next := strings.TrimSuffix(strings.TrimPrefix(a.Header.Get("Link"), "<"), `>; rel="next"`)
			require.NotContains(t, next, "page")
			require.Len(t, o.get(t, next+"&page=2").Expect(200).List(), 2)
			require.Empty(t, o.get(t, "/api/doctors/").Header.Get("Warning"))
			o.get(t, "/api/doctors/?page=1", "Prefer", "handling=strict").Expect(400)
			o.get(t, "/api/doctors/?experience_min=x").Expect(400)
		})
	})
}

func TestCompat_OneAssignment(t *testing.T) {
	eachCompatMode(t, func(t *testing.T, o *original, on bool) {
		patient := o.json(t, "POST", "/api/patients/", object{"name": "P", "gender": "Male", "age": 3}).Expect(201).ID()
		doctor := o.json(t, "POST", "/api/doctors/",
			object{"name": "D", "specialization": "S", "experience": 3}).Expect(201).ID()
		one := o.json(t, "POST", "/api/mappings/", object{"patient": patient, "doctor": doctor}).Expect(201).ID()
		require.Len(t, o.get(t, "/api/mappings/"+patient+"/").Expect(200).List(), 1)
		if !on {
			o.get(t, "/api/mappings/"+one+"/").Expect(404)
			return
		}
		require.Equal(t, one, o.get(t, "/api/mappings/"+one+"/").Expect(200).ID())
		recorded := func(action string) []object {
			return o.s.FindAuditEntries(t, func(e object) bool {
				return e["action"] == action && e["resource_id"] == one
			})
		}
		require.Len(t, recorded("read"), 1, "the trail has a read of the assignment")
		require.Empty(t, recorded("refused"))
		o.get(t, "/api/mappings/patient/"+one+"/").Expect(404)
		other := &original{o.s, o.s.NewUser(t, "Ben").Token}
		foreign := other.get(t, "/api/mappings/"+one+"/").Expect(404).Object()
		missing := other.get(t, "/api/mappings/"+doctor+"/").Expect(404).Object()
		delete(foreign, "request_id")
		delete(missing, "request_id")
		require.Equal(t, missing, foreign)
	})
}

func TestCompat_FirstRefreshTokenStaysValid(t *testing.T) {
	eachCompatMode(t, func(t *testing.T, o *original, on bool) {
		first := o.json(t, "POST", "/api/auth/login/",
			object{"email": "asha@clinic.example", "password": harness.Password}).Expect(200).Object()
		_, hasClaim := claimsOf(t, first["access"])["user_id"]
		require.Equal(t, on, hasClaim)
		second := o.json(t, "POST", "/api/auth/refresh/", object{"refresh": first["refresh"]}).Expect(200).Object()
		require.NoError(
			t, o.s.DB.Write(t.Context()).Exec(`UPDATE sessions SET last_used_at = ?`,
				database.Time{Time: time.Now().Add(-2 * time.Hour)}).Error)
		again := o.json(t, "POST", "/api/auth/refresh/", object{"refresh": first["refresh"]})
		if !on {
			again.ExpectProblem(401, identity.ErrInvalidRefresh.Code)
			return
		}
		require.Equal(t, second["refresh"], again.Expect(200).Object()["refresh"])
		o.json(t, "POST", "/api/auth/refresh/", object{"refresh": second["refresh"]}).Expect(200)
		o.json(t, "POST", "/api/auth/refresh/", object{"refresh": first["refresh"]}).Expect(401)
		o.json(t, "POST", "/api/auth/refresh/", object{"refresh": second["refresh"]}).Expect(401)
	})
}

// TestCompat_TokensSurviveAChangeOfTheMode starts the service with the mode, without it, and with it again.
func TestCompat_TokensSurviveAChangeOfTheMode(t *testing.T) {
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		var tokens []string
		for _, on := range []bool{true, false, true} {
			adjust := func(*config.Config) {}
			if on {
				adjust = withDjangoCompat
			}
			t.Run(fmt.Sprintf("COMPAT=django is on: %t", on), func(t *testing.T) {
				o := &original{s: harness.Start(t, db, adjust)}
				if len(tokens) == 0 {
					o.s.NewUser(t, "Asha")
				}
				account := object{"email": "asha@clinic.example", "password": harness.Password}
				signedIn := o.json(t, "POST", "/api/auth/login/", account).Expect(200).Object()
				tokens = append(tokens, signedIn["access"].(string))
				for _, o.token = range tokens {
					id, claims := o.get(t, "/api/auth/me/").Expect(200).ID(), claimsOf(t, o.token)
					require.Equal(t, id, claims["sub"])
					if claim, written := claims["user_id"]; written {
						require.Equal(t, id, claim)
					}
				}
			})
		}
	})
}

// claimsOf returns the claims of an access token without verifying it, as clients do.
func claimsOf(t *testing.T, access any) (claims object) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(access.(string), ".")[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &claims))
	return claims
}

func TestCompat_DirectoryIsOpenOnlyIfSet(t *testing.T) {
	for mode, status := range map[string]int{"": 409, "open": 204} {
		t.Run("DOCTOR_DIRECTORY="+mode, func(t *testing.T) {
			harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
				asha, bela := s.NewUser(t, "Asha"), s.NewUser(t, "Bela")
				doctor := asha.AddDoctor()
				bela.Assign(bela.AddPatient(), doctor).Expect(201)
				o := &original{s, asha.Token}
				o.call(t, "DELETE", "/api/doctors/"+doctor+"/", "", "").Expect(status)
			}, withDjangoCompat, func(c *config.Config) {
				if mode != "" {
					c.DoctorDirectory = mode
				}
			})
		})
	}
}

// The flow of the original's README, by a client that changed only its base URL.
func TestCompat_FlowOfTheOriginal(t *testing.T) {
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		o := &original{s: s}
		account := url.Values{"name": {"Asha"}, "email": {"asha@mail.example"}, "password": {harness.Password}}
		o.form(t, "POST", "/api/auth/register/", account).Expect(201)
		require.NotEmpty(t, o.form(t, "POST", "/api/auth/register/", account).Expect(400).Object()["email"])
		require.NotEmpty(
			t, o.form(t, "POST", "/api/auth/login/",
				url.Values{"email": {"asha@mail.example"}}).Expect(400).Object()["password"])
		require.NotEmpty(
			t, o.call(t, "POST", "/api/auth/login/", "application/json", "[]").Expect(400).Object()["non_field_errors"])
		tokens := o.form(t, "POST", "/api/auth/login/",
			url.Values{"email": {"asha@mail.example"}, "password": {harness.Password}}).Expect(200).Object()
		for range 3 {
			o.token = o.json(t, "POST", "/api/auth/refresh/",
				object{"refresh": tokens["refresh"]}).Expect(200).Object()["access"].(string)
		}
		require.Equal(t, o.get(t, "/api/auth/me/").Expect(200).ID(), claimsOf(t, o.token)["user_id"])
		patient := o.json(t, "POST", "/api/patients/",
			object{"name": "Ravi", "age": "31", "gender": "Male"}).Expect(201).ID()
		o.form(t, "POST", "/api/patients/", url.Values{"name": {"Meera"}, "age": {"29"}, "gender": {"Female"}}).Expect(
			201)
		require.Len(t, o.get(t, "/api/patients/?page=1").Expect(200).List(), 2)
		put := object{"name": "Ravi K", "age": "32", "gender": "Male"}
		require.EqualValues(t, 32, o.json(t, "PUT", "/api/patients/"+patient+"/", put).Expect(200).Object()["age"])
		require.Contains(
			t, o.json(t, "POST", "/api/patients/",
				object{"name": "X", "age": "old", "gender": "Male"}).Expect(400).Object()["error"], "age")
		doctor := o.form(t, "POST", "/api/doctors/",
			url.Values{"name": {"Dr. D"}, "specialization": {"S"}, "experience": {"9"}}).Expect(201).ID()
		pair := url.Values{"patient": {patient}, "doctor": {doctor}}
		one := o.form(t, "POST", "/api/mappings/", pair).Expect(201).ID()
		require.NotEmpty(t, o.form(t, "POST", "/api/mappings/", pair).Expect(400).Object()["error"])
		require.Len(t, o.get(t, "/api/mappings/").Expect(200).List(), 1)
		require.Len(t, o.get(t, "/api/mappings/"+patient+"/").Expect(200).List(), 1)
		require.Equal(t, one, o.get(t, "/api/mappings/"+one+"/").Expect(200).ID())
		o.call(t, "DELETE", "/api/mappings/"+one+"/", "", "").Expect(204)
		o.call(t, "DELETE", "/api/patients/"+patient+"/", "", "").Expect(204)
		require.NotEmpty(t, o.get(t, "/api/patients/"+patient+"/").Expect(404).Object()["error"])
	}, withDjangoCompat)
}
