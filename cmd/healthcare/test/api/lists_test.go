package api

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
)

func TestListsArePaged(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		var newestFirst []string
		for i := range 10 {
			id := c.AddPatient(object{"name": fmt.Sprintf("Patient %c", 'A'+i%3)})
			newestFirst = append([]string{id}, newestFirst...)
		}
		t.Run("the order is newest first, and a full last page has no link", func(t *testing.T) {
			c := c.ForTest(t)
			require.Equal(t, [][]string{newestFirst[:5], newestFirst[5:]}, c.Pages("/api/patients/?limit=5", "id"))
			require.Equal(t, [][]string{newestFirst[:4], newestFirst[4:8], newestFirst[8:]},
				c.Pages("/api/patients?limit=4", "id"))
			require.Equal(t, [][]string{newestFirst}, c.Pages("/api/patients/", "id"))
		})
		t.Run("pages in any order repeat and omit no item, with ties in the order of ids", func(t *testing.T) {
			for _, ordering := range []string{"name", "-name", "created_at", "-updated_at", "name,-created_at",
				"-name,created_at"} {
				path := "/api/patients/?limit=3&ordering=" + url.QueryEscape(ordering)
				ids := slices.Concat(c.ForTest(t).Pages(path, "id")...)
				require.ElementsMatch(t, newestFirst, ids, ordering)
				names := slices.Concat(c.ForTest(t).Pages(path, "name")...)
				if strings.HasPrefix(ordering, "-name") {
					slices.Reverse(names)
				}
				if strings.Contains(ordering, "name") {
					require.True(t, slices.IsSorted(names), "%s: %v", ordering, names)
				}
			}
		})
		t.Run("pages repeat and omit no item while rows are added and removed", func(t *testing.T) {
			c := c.ForTest(t)
			first := c.Do("GET", "/api/patients/?limit=4", nil)
			c.AddPatient()
			c.Do("DELETE", "/api/patients/"+newestFirst[1], nil).Expect(204)
			c.Do("DELETE", "/api/patients/"+newestFirst[5], nil).Expect(204)
			rest := slices.Concat(c.Pages(first.NextPage(), "id")...)
			require.Equal(t, append(slices.Clone(newestFirst[4:5]), newestFirst[6:]...), rest)
		})
		t.Run("the count is returned on request", func(t *testing.T) {
			c := c.ForTest(t)
			require.Empty(t, c.Do("GET", "/api/patients/?limit=1", nil).Header.Get("X-Total-Count"))
			a := c.Do("GET", "/api/patients/?limit=1&search=patient+a", nil, "Prefer", "count=exact")
			require.NotEmpty(t, a.NextPage())
			require.Equal(t, "count=exact", a.Header.Get("Preference-Applied"))
			require.Equal(t, fmt.Sprint(len(slices.Concat(c.Pages("/api/patients/?search=patient+a", "id")...))),
				a.Header.Get("X-Total-Count"))
		})
		t.Run("a cursor is valid for its caller, list, filters and order only", func(t *testing.T) {
			c, other := c.ForTest(t), s.NewUser(t, "Bela")
			link := c.Do("GET", "/api/patients/?limit=2&search=patient", nil).NextPage()
			cursor := url.QueryEscape(regexp.MustCompile(`cursor=([^&]+)`).FindStringSubmatch(link)[1])
			c.Do("GET", "/api/patients/?search=patient&limit=7&cursor="+cursor, nil).Expect(200)
			for who, path := range map[*harness.Client]string{other: "/api/patients/?search=patient&cursor=" + cursor} {
				require.Contains(t, who.Do("GET", path, nil).ExpectProblem(400, "validation_failed").Errors, "cursor")
			}
			for _, path := range []string{
				"/api/patients/?cursor=" + cursor, "/api/patients/?search=patients&cursor=" + cursor,
				"/api/doctors/?search=patient&cursor=" + cursor,
				"/api/patients/?search=patient&ordering=-created_at&cursor=" + cursor,
				"/api/patients/?search=patient&cursor=x" + cursor,
				"/api/patients/?search=patient&cursor=nonsense", "/api/patients/?search=patient&cursor=" +
					cursor[:len(cursor)-1],
			} {
				require.Contains(t, c.Do("GET", path, nil).ExpectProblem(400, "validation_failed").Errors, "cursor",
					path)
			}
			require.NotContains(t, cursor, "atient", "and returns no data")
		})
	})
}

func TestRejectedListParameters(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		for query, field := range map[string]string{
			"limit=0": "limit", "limit=501": "limit", "limit=ten": "limit", "limit=1&limit=2": "limit",
			"limit=1.5": "limit", "limit=%2B": "limit", "limit=1e400": "limit",
			"ordering=age": "ordering", "ordering=name,owner_id": "ordering", "ordering=name;drop": "ordering",
			"ordering=name,,name": "ordering", "ordering=name&ordering=age": "ordering",
			"age_min=-1": "age_min", "age_max=151": "age_max", "age_min=x": "age_min", "gender=F": "gender",
			"doctor=1":                "doctor",
			"created_after=yesterday": "created_after", "created_before=2026-13-01T00:00:00Z": "created_before",
			"search=" + strings.Repeat("a", 101): "search", "search=%00": "search",
			"search=a+b+c+d+e+f+g": "search", "search=%ff": "search",
			"nonsense=1": "nonsense", "nonsense=": "nonsense", "page=2": "page", "format=xml": "format",
			"format=json&format=api": "format", "__=1": "__",
		} {
			p := c.Do("GET", "/api/patients/?"+query, nil).ExpectProblem(400, "validation_failed")
			require.Contains(t, p.Errors, field, query)
		}
		p := c.Do("GET", "/api/doctors/?offset=3&limit=x", nil).ExpectProblem(400, "validation_failed")
		require.Len(t, p.Errors, 2, "all parameters at once")
		require.Contains(t, p.Errors["offset"][0],
			"cursor, experience_max, experience_min, limit, ordering, search, specialization",
			"an unknown one lists those there are")
		c.Do("GET", "/api/patients/?limit=500", nil).Expect(200)
		c.Do("GET", "/api/patients/?search=a+b+c+d+e+f+A+%C3%A1", nil).Expect(200) // six different words
	})
}

func TestFilters(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUser(t, "Asha")
		c.Undocumented = true // the contract lists the genders in one letter case
		add := func(name string, fields object) string {
			return c.AddPatient(object{"name": name}, fields)
		}
		add("José Álvarez", object{"gender": "male", "age": 40, "email": "jose@home.example"})
		add("अनन्या वर्मा", object{"age": 0, "medical_record_number": "MRN-42"})
		add("STRAẞE 100%_sure", object{"age": 150, "gender": "Other"})
		add("Born Today", object{"age": harness.OmitField, "birth_date": "2000-02-29"})
		born := yearsSince(2000, 2, 29)
		names := func(query string) []string {
			t.Helper()
			got := []string{}
			for _, p := range c.Do("GET", "/api/patients/?ordering=created_at&"+query, nil).Expect(200).List() {
				got = append(got, p["name"].(string))
			}
			return got
		}
		for query, want := range map[string][]string{
			"search=jose": {"José Álvarez"}, "search=ALVAR": {"José Álvarez"}, "search=alvarez+jos": {"José Álvarez"},
			"search=home.exam": {"José Álvarez"},
			"search=" + url.QueryEscape("नन्या"): {"अनन्या वर्मा"}, "search=mrn-4": {"अनन्या वर्मा"},
			"search=strasse":                 {"STRAẞE 100%_sure"},
			"search=" + url.QueryEscape("%"): {"STRAẞE 100%_sure"}, "search=_": {"STRAẞE 100%_sure"}, "search=" +
				url.QueryEscape(`\`): {}, "search=nobody": {},
			"search=" + url.QueryEscape("' OR 1=1 --"): {}, "search=o+a": {},
			"search=j+a": {"José Álvarez"}, "search=t": {"Born Today"},
			"gender=MALE": {"José Álvarez"}, "age_min=40&age_max=40": {"José Álvarez"}, "age_max=0": {"अनन्या वर्मा"},
			"age_min=150": {"STRAẞE 100%_sure"},
			fmt.Sprintf("age_min=%d&age_max=%d", born, born): {"Born Today"},
			fmt.Sprintf("age_min=%d&age_max=39", born+1):     {}, fmt.Sprintf("age_min=1&age_max=%d", born-1): {},
			"created_after=2100-01-01T00:00:00Z": {}, "created_before=2000-01-01T00:00:00%2B05:30": {},
		} {
			require.Equal(t, want, names(query), query)
		}
		require.Len(t, names("created_after=2000-01-01T00:00:00Z&search="), 4)

		t.Run("patients by doctor, doctors by experience, assignments by both", func(t *testing.T) {
			c := c.ForTest(t)
			patient, other := c.AddPatient(object{"name": "Treated"}), c.AddPatient()
			doctor := c.AddDoctor()
			junior := c.Do("POST", "/api/doctors/",
				object{"name": "Junior", "specialization": "Cardiology", "experience": 1}).Expect(201).ID()
			c.Assign(patient, doctor).Expect(201)
			c.Assign(other, junior).Expect(201)
			require.Equal(t, []string{"Treated"}, names("doctor="+doctor))
			require.Equal(t, []string{}, names("doctor="+patient))
			require.Equal(t, [][]string{{junior}},
				c.Pages("/api/doctors/?experience_max=1&experience_min=1&specialization=Cardiology", "id"))
			require.Equal(t, [][]string{{junior, doctor}}, c.Pages("/api/doctors/?ordering=experience,name", "id"))
			require.Equal(t, [][]string{{patient}}, c.Pages("/api/mappings/?doctor="+doctor, "patient"))
			require.Equal(t, [][]string{{junior}},
				c.Pages("/api/mappings/?patient="+other+"&created_after=2000-01-01T00:00:00Z", "doctor"))
			require.Equal(t, [][]string{{patient}, {other}},
				c.Pages("/api/mappings/?limit=1&ordering=assigned_at", "patient"))
			require.Empty(t, s.NewUser(t, "Bela").Pages("/api/patients/?doctor="+doctor, "id")[0],
				"in the caller's own patients")
		})
	})
}
