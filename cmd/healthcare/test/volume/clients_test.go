package volume

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/config"
	"healthcare/platform/database"
)

// list is a list of the contract, with a client that may read it.
type list struct {
	*harness.Client
	columns []string // by which the list can be ordered
}

// allLists returns all lists with parameters, by path.
func allLists(t *testing.T, s *harness.Service) map[string]list {
	t.Helper()
	admin := s.NewUserWithRole(t, auth.Admin, "Asha")
	known := object{harness.Patient: admin.AddPatient(), "doctor": admin.AddDoctor(), "practice": admin.AddPractice()}
	admin.Assign(known[harness.Patient].(string), known["doctor"].(string)).Expect(201)
	known["open_doctor"] = known["doctor"]
	receiver := object{"url": "https://hooks.clinic.example/lists", "enabled": false}
	known["webhook"] = admin.Do("POST", "/api/webhooks/", receiver).Expect(201).ID()
	lists := map[string]list{}
	for i, r := range s.Routes() {
		if _, listed := r.Operation.Extensions["x-list"]; !listed {
			continue
		}
		one := list{Client: admin}
		if !r.Allows(auth.Admin) {
			one.Client = s.NewUserWithRole(t, r.Role(), fmt.Sprintf("Uma%d", i))
		}
		one.Undocumented = true // the document is stricter
		for _, p := range r.Parameters {
			if p.Value.Name == "ordering" {
				for _, name := range p.Value.Schema.Value.Items.Value.Enum {
					if !strings.HasPrefix(name.(string), "-") {
						one.columns = append(one.columns, name.(string))
					}
				}
			}
		}
		lists[r.PathWith(r.PathID(known))] = one
	}
	require.GreaterOrEqual(t, len(lists), 8, "all lists were found: %v", lists)
	return lists
}

func TestListParametersOfAllClients(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		for at, c := range allLists(t, s) {
			column := c.columns[0]
			both := "ordering=" + column
			if len(c.columns) > 1 {
				both += "&ordering=-" + c.columns[1]
			}
			forms := []string{at, strings.TrimSuffix(at, "/")}
			for _, path := range forms {
				get := func(query string, headers ...string) harness.Response {
					return c.ForTest(t).Do("GET", path+"?"+query, nil, headers...)
				}
				for _, accepted := range []string{
					"ordering=", "limit=", "cursor=", "ordering=&limit=&cursor=", "_=1700000000000", "_=1&_=2", "_",
					"format=json", "format=", "format=json&_=1",
					"limit=+31+", "limit=31.0", "limit=3.1e1", "limit=%2031", both,
					strings.ReplaceAll(both, "&ordering=", ",+"), "ordering=-" + column + "&ordering=",
				} {
					get(accepted).Expect(200)
					c.ForTest(t).Do("HEAD", path+"?"+accepted, nil).Expect(200)
				}
				for _, accepted := range []string{"ordering=", "_=1", "format=json", "limit=31", both} {
					get(accepted, "Prefer", "count=exact, handling=strict").Expect(200)
				}
				for query, field := range map[string]string{
					"format=xml": "format", "nonsense=1": "nonsense", "limit=5&limit=6": "limit", "limit=31.5": "limit",
					"limit=501.0": "limit", "limit=abc": "limit",
					"ordering=foo": "ordering", "ordering=" + column + "&ordering=foo": "ordering",
					"ordering=,": "ordering",
					"ordering=" + column + "&ordering=-" + column: "ordering", "ordering=" + column + "," +
						column: "ordering",
				} {
					require.Contains(t, get(query).ExpectProblem(400, "validation_failed").Errors, field, query)
				}
				for _, query := range []string{"limit=+31+", "limit=31.0", "limit=3.1e1"} {
					require.Contains(
						t, get(query, "Prefer", "handling=strict").ExpectProblem(400, "validation_failed").Errors,
						"limit", query)
				}
				message := get("ordering=foo").ExpectProblem(400, "validation_failed").Errors["ordering"][0]
				require.Contains(t, message, "Must be one of "+column+", -"+column)
			}
		}
		t.Run("the list of sessions has no parameters, and is sent as JSON only", func(t *testing.T) {
			c := s.NewUser(t, "Bela")
			c.Undocumented = true
			for _, query := range []string{"", "?_=1", "?format=json", "?limit=5"} {
				c.ForTest(t).Do("GET", "/api/auth/sessions/"+query, nil).Expect(200)
			}
			require.Contains(
				t, c.ForTest(t).Do("GET", "/api/auth/sessions/?format=xml", nil).ExpectProblem(400,
					"validation_failed").Errors, "format")
		})
		t.Run("the deletion of an account accepts only the described request", func(t *testing.T) {
			c := s.NewUser(t, "Cora")
			for _, query := range []string{"patients=", "_=1", "format=json"} {
				c.ForTest(t).Do("DELETE", "/api/auth/me/?"+query,
					object{"password": harness.Password}).ExpectProblem(400, "validation_failed")
			}
		})
	})
}

func TestRepeatedListParameters(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		c.Undocumented = true
		for i, name := range []string{"B", "A", "B", "A", "C"} {
			c.AddPatient(object{"name": fmt.Sprint("Patient ", name), "age": 30 + i})
		}
		commas := c.Pages("/api/patients/?limit=2&ordering=name,-created_at", "id")
		require.Len(t, commas, 3)
		require.Equal(t, commas, c.Pages("/api/patients/?limit=2&ordering=name&ordering=-created_at", "id"))
		require.Equal(
			t, commas,
			c.Pages(
				"/api/patients/?ordering=name&limit=2.0&_=7&search=&ordering=-created_at&format=json&gender=&age_min=",
				"id"))
		t.Run("a cursor is valid for all spellings of the same filters only", func(t *testing.T) {
			c := c.ForTest(t)
			link := c.Do("GET", "/api/patients/?limit=2&ordering=name&ordering=-created_at&age_min=30.0&_=1",
				nil).Expect(200).NextPage()
			require.NotContains(t, link, "_=1")
			query, err := url.ParseQuery(link[strings.Index(link, "?")+1:])
			require.NoError(t, err)
			cursor := "&cursor=" + query.Get("cursor")
			for _, same := range []string{"ordering=name,-created_at&age_min=30",
				"ordering=name&ordering=-created_at&age_min=+30&_=2&search="} {
				require.Equal(t, commas[1], c.Pages("/api/patients/?limit=2&"+same+cursor, "id")[0])
			}
			for _, other := range []string{"ordering=name,-created_at&age_min=31", "ordering=name&age_min=30",
				"ordering=-created_at&ordering=name&age_min=30"} {
				require.Contains(
					t, c.Do("GET", "/api/patients/?limit=2&"+other+cursor, nil).ExpectProblem(400,
						"validation_failed").Errors, "cursor")
			}
		})
	})
}

func TestDatesInFiltersAreDaysOfTheZone(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		lists := allLists(t, s)
		staff := s.NewUser(t, "Bela")
		staff.Undocumented = true
		patient := staff.AddPatient()
		stored := func(at string) { // in India, 1 January begins at 18:30 UTC
			moment, err := time.Parse(time.RFC3339, at)
			require.NoError(t, err)
			require.NoError(
				t, s.DB.Write(t.Context()).Exec("UPDATE patients SET created_at = ? WHERE id = ?", database.At(moment),
					patient).Error)
		}
		count := func(query string) int { return len(staff.Do("GET", "/api/patients/?"+query, nil).Expect(200).List()) }
		for at, inside := range map[string]bool{"2025-12-31T18:29:59Z": false, "2025-12-31T18:30:01Z": true,
			"2026-01-01T18:29:59Z": true} {
			stored(at)
			require.Equal(t, inside, count("created_after=2026-01-01") == 1, at)
			require.Equal(t, inside, count("created_before=2026-01-01") == 0, at)
			require.Equal(t, 1, count("created_before=2026-01-02"), at)
			require.Equal(t, inside, count("created_after=2026-01-01&created_before=2026-01-02") == 1, at)
			require.Equal(t, inside, count("created_after=2026-01-01T00:00:00+05:30") == 1,
				"the plus sign was decoded as a space")
			require.Equal(t, inside, count("created_after=2026-01-01T00:00:00%2B05:30") == 1)
		}
		described := 0
		for path, c := range lists {
			for _, name := range []string{"created_after", "created_before"} {
				if c.Do("GET", path+"?"+name+"=2026-01-01", nil).Status == 400 { // the list has no such filter
					require.Contains(t, string(c.Do("GET", path+"?"+name+"=2026-01-01", nil).Body), "Unknown parameter")
					continue
				}
				described++
				for _, sent := range []string{"2026-01-01", "2026-01-01T10:00:00 05:30", "2026-01-01T10:00:00.5+05:30",
					"2026-01-01T10:00:00Z", ""} {
					c.Do("GET", path+"?"+name+"="+strings.ReplaceAll(sent, " ", "+"), nil).Expect(200)
				}
				for sent, hint := range map[string]string{
					"2026-01-01T10:00:00": "time zone is missing", "2026-01-01t10:00:00z": "upper case",
					"2026-01-01T10:00:00 0530": "%2B", "2026-02-30": "RFC 3339",
				} {
					errors := c.Do("GET", path+"?"+name+"="+url.QueryEscape(sent), nil).ExpectProblem(400,
						"validation_failed").Errors
					require.Contains(t, errors[name][0], hint)
				}
			}
		}
		require.GreaterOrEqual(t, described, 10, "patients, doctors, assignments, users and the trail")
	}, func(cfg *config.Config) { cfg.TimeZone = "Asia/Kolkata" })
}

func TestBodiesOfAllClients(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUserWithRole(t, auth.Admin, "Asha")
		c.Undocumented = true
		known := c.KnownValues()
		strict := []string{"Prefer", "handling=strict"}
		numbers, exact := 0, 0
		for _, r := range harness.WithBody(s.Routes()) {
			id := r.PathID(known)
			for _, member := range r.BodyMembers() {
				schema := r.BodySchemas()[member].Value
				if schema.ReadOnly {
					continue
				}
				send := func(value jsonText, headers ...string) harness.Response {
					body := r.Body(known)
					body[member] = value
					var a harness.Response
					do := func() { a = c.ForTest(t).Do(r.Method, r.PathWith(id), body, headers...) }
					if r.Allows(auth.Admin) {
						do()
					} else {
						c.WithRole(r.Role(), do)
					}
					return a
				}
				typed := func(a harness.Response) bool { // reports whether the type was rejected
					text := string(a.Body)
					return strings.Contains(text, "Must be a whole number.") ||
						strings.Contains(text, "Must be a string.") || strings.Contains(text, "Must be true or false.")
				}
				switch {
				case schema.Type.Is("integer"):
					numbers++
					for _, value := range []jsonText{`"31"`, `" 31 "`, `31.0`, `3.1e1`} {
						require.False(t, typed(send(value)), "%s %s %s", r, member, value)
						require.True(t, typed(send(value, strict...)), "%s %s %s", r, member, value)
					}
					for _, value := range []jsonText{`31.5`, `""`, `" "`, `"abc"`, `1e400`, `true`, `[31]`} {
						require.True(t, typed(send(value)), "%s %s %s", r, member, value)
					}
				case schema.Type.Is("boolean"):
					for _, value := range []jsonText{`"true"`, `1`, `0`, `"1"`} {
						require.True(t, typed(send(value)), "%s %s %s", r, member, value)
					}
				case schema.Format == "uuid" || schema.Format == "password" || member == "refresh" ||
					member == "code":
					exact++
					require.True(t, typed(send("31")), "%s %s", r, member)
				case schema.Type.Is("array"):
					for _, value := range []jsonText{`31`, `"31"`, `{}`} {
						rejected := send(value).ExpectProblem(400, "validation_failed").Errors
						require.Equal(t, []string{"Has the wrong type."}, rejected[member], "%s %s", r, member)
					}
				default:
					require.False(t, typed(send("31")), "%s %s", r, member)
					require.True(t, typed(send("31", strict...)), "%s %s", r, member)
					require.True(t, typed(send("true")), "%s %s", r, member)
				}
			}
		}
		require.GreaterOrEqual(t, numbers, 6, "age and experience, of three operations each")
		require.GreaterOrEqual(t, exact, 9, "the ids of an assignment, the passwords and the refresh token")

		t.Run("text keeps the sent digits", func(t *testing.T) {
			c := c.ForTest(t)
			made := c.Do("POST", "/api/patients/",
				`{"name":"Ananya","gender":"female","age":"31","phone":9876543210,`+
					`"medical_record_number":12345678901234567890.10}`).Expect(201).Object()
			require.Equal(t, "9876543210", made["phone"])
			require.Equal(t, "12345678901234567890.10", made["medical_record_number"])
			require.EqualValues(t, 31, made["age"])
			require.Contains(
				t, c.Do("POST", "/api/patients/", `{"name":"A","gender":"female","age":"151"}`).ExpectProblem(400,
					"validation_failed").Errors, "age")
		})
		t.Run("a byte order mark is skipped, and is part of the body that a key repeats", func(t *testing.T) {
			c := c.ForTest(t)
			const body = `{"name":"Ananya","gender":"female","age":31}`
			key := []string{"Idempotency-Key", "with-a-mark"}
			made := c.Do("POST", "/api/patients/", "\ufeff"+body, key...).Expect(201).ID()
			again := c.Do("POST", "/api/patients/", "\ufeff"+body, key...).Expect(201)
			require.Equal(t, made, again.ID())
			require.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
			c.Do("POST", "/api/patients/", body, key...).ExpectProblem(422, "idempotency_key_reused")
			c.Do("PUT", "/api/patients/"+made, "\ufeff"+body).Expect(200)
			c.Do("PATCH", "/api/patients/"+made, "\ufeff{}").Expect(200)
			require.Contains(t, c.Do("POST", "/api/patients/", "\ufeff").ExpectProblem(400, "malformed_json").Detail,
				"empty")
			anonymous := s.Anonymous(t)
			anonymous.Undocumented = true
			anonymous.Do("POST", "/api/auth/login/",
				"\ufeff"+`{"email":"`+c.Email()+`","password":"`+harness.Password+`"}`).Expect(200)
			fits := "\ufeff{}" + strings.Repeat(" ", 8192-5)
			require.NotEqual(t, 413, anonymous.Do("POST", "/api/auth/login/", fits).Status)
			anonymous.Do("POST", "/api/auth/login/", fits+" ").ExpectProblem(413, "body_too_large")
		})
	})
}

// jsonText is JSON that is sent unchanged.
type jsonText string

// MarshalJSON implements json.Marshaler.
func (j jsonText) MarshalJSON() ([]byte, error) { return []byte(j), nil }

func TestCachingOfTheContractAndOptions(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.Anonymous(t)
		for _, path := range []string{"/openapi.json", "/docs/", "/docs/docs.js"} {
			a := c.Do("GET", path, nil).Expect(200)
			tag := a.Header.Get("ETag")
			require.Regexp(t, `^"[0-9a-f]{16}`, tag)
			c.Do("GET", path, nil, "If-None-Match", tag).Expect(304)
		}
		c.Do("GET", "/", nil, "Accept", "application/json").ExpectProblem(404, "not_found")
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
		require.NoError(t, err)
		request.Header.Set("Accept", "text/html,*/*;q=0.8")
		response, err := http.DefaultTransport.RoundTrip(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusSeeOther, response.StatusCode)
		require.Equal(t, "/docs/", response.Header.Get("Location"))

		user := s.NewUser(t, "Asha")
		entries := func() int { return len(s.FindAuditEntries(t, func(harness.Object) bool { return true })) }
		before, recorded := s.StoredRows(t), entries()
		for path := range s.Document.Paths.Map() {
			concrete := strings.NewReplacer("{id}", harness.MissingID, "{patient_id}", harness.MissingID, "{asset}",
				"docs.js", "{code}", "not_found").Replace(path)
			for _, at := range []string{concrete, strings.TrimSuffix(concrete, "/")} {
				for _, who := range []*harness.Client{c, user} {
					require.Contains(t, who.Do("OPTIONS", at, nil).Expect(204).Header.Get("Allow"), "OPTIONS")
				}
			}
		}
		user.Do("OPTIONS", "/api/nothing/", nil).ExpectProblem(404, "not_found")
		require.Equal(t, before, s.StoredRows(t), "nothing is stored")
		require.Equal(t, recorded, entries(), "nothing is recorded in the trail")
		for path, item := range s.Document.Paths.Map() {
			require.Nil(t, item.Options, path)
		}
		for _, code := range []string{"token_not_valid", "not_authenticated"} {
			c.Do("GET", "/problems/"+code, nil).Expect(200)
		}
	})
}
