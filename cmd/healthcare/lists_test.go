package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/database"
)

var nextLink = regexp.MustCompile(`^<([^>]+)>; rel="next"$`)

// next is where the next page is, empty on the last one.
func (a answer) next() string {
	a.t.Helper()
	header := a.header.Get("Link")
	if header == "" {
		return ""
	}
	m := nextLink.FindStringSubmatch(header)
	require.NotNil(a.t, m, header)
	return m[1]
}

// pages walks a list to its end and gives its items' values of a field, page by page.
func (c *client) pages(path, field string) (all [][]string) {
	c.t.Helper()
	for path != "" {
		a := c.do("GET", path, nil).is(200)
		page := []string{}
		for _, item := range a.list() {
			page = append(page, fmt.Sprint(item[field]))
		}
		all = append(all, page)
		path = a.next()
		require.Less(c.t, len(all), 1000, "a list ends")
	}
	return all
}

func TestListsArePaged(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		var newestFirst []string
		for i := range 10 {
			id := c.addPatient(object{"name": fmt.Sprintf("Patient %c", 'A'+i%3)})
			newestFirst = append([]string{id}, newestFirst...)
		}
		t.Run("newest first, and no link on a last page that is exactly full", func(t *testing.T) {
			c := c.in(t)
			require.Equal(t, [][]string{newestFirst[:5], newestFirst[5:]}, c.pages("/api/patients/?limit=5", "id"))
			require.Equal(t, [][]string{newestFirst[:4], newestFirst[4:8], newestFirst[8:]}, c.pages("/api/patients?limit=4", "id"))
			require.Equal(t, [][]string{newestFirst}, c.pages("/api/patients/", "id"))
		})
		t.Run("any order pages without a repeat or a gap, ties broken by id", func(t *testing.T) {
			for _, ordering := range []string{"name", "-name", "created_at", "-updated_at", "name,-created_at", "-name,created_at"} {
				path := "/api/patients/?limit=3&ordering=" + url.QueryEscape(ordering)
				ids := slices.Concat(c.in(t).pages(path, "id")...)
				require.ElementsMatch(t, newestFirst, ids, ordering)
				names := slices.Concat(c.in(t).pages(path, "name")...)
				if strings.HasPrefix(ordering, "-name") {
					slices.Reverse(names)
				}
				if strings.Contains(ordering, "name") {
					require.True(t, slices.IsSorted(names), "%s: %v", ordering, names)
				}
			}
		})
		t.Run("nothing repeats or is skipped while rows come and go", func(t *testing.T) {
			c := c.in(t)
			first := c.do("GET", "/api/patients/?limit=4", nil)
			c.addPatient()
			c.do("DELETE", "/api/patients/"+newestFirst[1], nil).is(204)
			c.do("DELETE", "/api/patients/"+newestFirst[5], nil).is(204)
			rest := slices.Concat(c.pages(first.next(), "id")...)
			require.Equal(t, append(slices.Clone(newestFirst[4:5]), newestFirst[6:]...), rest)
		})
		t.Run("the count comes when it is asked for", func(t *testing.T) {
			c := c.in(t)
			require.Empty(t, c.do("GET", "/api/patients/?limit=1", nil).header.Get("X-Total-Count"))
			a := c.do("GET", "/api/patients/?limit=1&search=patient+a", nil, "Prefer", "count=exact")
			require.NotEmpty(t, a.next())
			require.Equal(t, "count=exact", a.header.Get("Preference-Applied"))
			require.Equal(t, fmt.Sprint(len(slices.Concat(c.pages("/api/patients/?search=patient+a", "id")...))), a.header.Get("X-Total-Count"))
		})
		t.Run("a cursor is good for its caller, list, filters and order only", func(t *testing.T) {
			c, other := c.in(t), s.user(t, "Bela")
			link := c.do("GET", "/api/patients/?limit=2&search=patient", nil).next()
			cursor := url.QueryEscape(regexp.MustCompile(`cursor=([^&]+)`).FindStringSubmatch(link)[1])
			c.do("GET", "/api/patients/?search=patient&limit=7&cursor="+cursor, nil).is(200)
			for who, path := range map[*client]string{other: "/api/patients/?search=patient&cursor=" + cursor} {
				require.Contains(t, who.do("GET", path, nil).problem(400, "validation_failed").Errors, "cursor")
			}
			for _, path := range []string{
				"/api/patients/?cursor=" + cursor, "/api/patients/?search=patients&cursor=" + cursor, "/api/doctors/?search=patient&cursor=" + cursor,
				"/api/patients/?search=patient&ordering=-created_at&cursor=" + cursor, "/api/patients/?search=patient&cursor=x" + cursor,
				"/api/patients/?search=patient&cursor=nonsense", "/api/patients/?search=patient&cursor=" + cursor[:len(cursor)-1],
			} {
				require.Contains(t, c.do("GET", path, nil).problem(400, "validation_failed").Errors, "cursor", path)
			}
			require.NotContains(t, cursor, "atient", "and shows nothing")
		})
	})
}

func TestCountsStop(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		add := func(first, last int) {
			require.NoError(t, s.db.Write(t.Context()).Exec(`WITH RECURSIVE s(i) AS (
					SELECT CAST(? AS integer) UNION ALL SELECT i + 1 FROM s WHERE i < ?)
				INSERT INTO doctors (id, name, specialization, experience, email, phone, version, created_at, updated_at)
				SELECT `+map[database.Engine]string{database.SQLite: "printf('00000000-0000-7000-8000-%012d', i)",
				database.Postgres: "('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid"}[s.db.Engine()]+`,
					'D', 'S', 1, '', '', 1, ?, ? FROM s`,
				first, last, database.At(time.Now()), database.At(time.Now())).Error)
		}
		count := func() http.Header {
			return c.do("GET", "/api/doctors/?limit=1", nil, "Prefer", "count=exact").is(200).header
		}
		add(1, 10_000)
		exact := count()
		require.Equal(t, "10000", exact.Get("X-Total-Count"))
		require.Equal(t, "count=exact", exact.Get("Preference-Applied"))
		require.Empty(t, exact.Get("X-Total-Count-Relation"))
		add(10_001, 10_001)
		stopped := count()
		require.Equal(t, "10000", stopped.Get("X-Total-Count"))
		require.Equal(t, "gte", stopped.Get("X-Total-Count-Relation"))
		require.Empty(t, stopped.Get("Preference-Applied"))
	})
}

func TestListParametersRefused(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		for query, field := range map[string]string{
			"limit=0": "limit", "limit=501": "limit", "limit=ten": "limit", "limit=1&limit=2": "limit", "limit=1.5": "limit", "limit=%2B": "limit", "limit=1e400": "limit",
			"ordering=age": "ordering", "ordering=name,owner_id": "ordering", "ordering=name;drop": "ordering", "ordering=name,,name": "ordering", "ordering=name&ordering=age": "ordering",
			"age_min=-1": "age_min", "age_max=151": "age_max", "age_min=x": "age_min", "gender=F": "gender", "doctor=1": "doctor",
			"created_after=yesterday": "created_after", "created_before=2026-13-01T00:00:00Z": "created_before",
			"search=" + strings.Repeat("a", 101): "search", "search=%00": "search",
			"search=a+b+c+d+e+f+g": "search", "search=%ff": "search",
			"nonsense=1": "nonsense", "nonsense=": "nonsense", "page=2": "page", "format=xml": "format", "format=json&format=api": "format", "__=1": "__",
		} {
			p := c.do("GET", "/api/patients/?"+query, nil).problem(400, "validation_failed")
			require.Contains(t, p.Errors, field, query)
		}
		p := c.do("GET", "/api/doctors/?offset=3&limit=x", nil).problem(400, "validation_failed")
		require.Len(t, p.Errors, 2, "all parameters at once")
		require.Contains(t, p.Errors["offset"][0], "cursor, experience_max, experience_min, limit, ordering, search, specialization", "an unknown one lists those there are")
		c.do("GET", "/api/patients/?limit=500", nil).is(200)
		c.do("GET", "/api/patients/?search=a+b+c+d+e+f+A+%C3%A1", nil).is(200) // six different words
	})
}

func TestFilters(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.user(t, "Asha")
		c.odd = true // the contract lists the genders in one letter case
		add := func(name string, fields object) string {
			return c.addPatient(object{"name": name}, fields)
		}
		add("José Álvarez", object{"gender": "male", "age": 40, "email": "jose@home.example"})
		add("अनन्या वर्मा", object{"age": 0, "medical_record_number": "MRN-42"})
		add("STRAẞE 100%_sure", object{"age": 150, "gender": "Other"})
		add("Born Today", object{"age": remove, "birth_date": "2000-02-29"})
		born := yearsSince(2000, 2, 29)
		names := func(query string) []string {
			t.Helper()
			got := []string{}
			for _, p := range c.do("GET", "/api/patients/?ordering=created_at&"+query, nil).is(200).list() {
				got = append(got, p["name"].(string))
			}
			return got
		}
		for query, want := range map[string][]string{
			"search=jose": {"José Álvarez"}, "search=ALVAR": {"José Álvarez"}, "search=alvarez+jos": {"José Álvarez"}, "search=home.exam": {"José Álvarez"},
			"search=" + url.QueryEscape("नन्या"): {"अनन्या वर्मा"}, "search=mrn-4": {"अनन्या वर्मा"}, "search=strasse": {"STRAẞE 100%_sure"},
			"search=" + url.QueryEscape("%"): {"STRAẞE 100%_sure"}, "search=_": {"STRAẞE 100%_sure"}, "search=" + url.QueryEscape(`\`): {}, "search=nobody": {},
			"search=" + url.QueryEscape("' OR 1=1 --"): {}, "search=o+a": {},
			"search=j+a": {"José Álvarez"}, "search=t": {"Born Today"},
			"gender=MALE": {"José Álvarez"}, "age_min=40&age_max=40": {"José Álvarez"}, "age_max=0": {"अनन्या वर्मा"}, "age_min=150": {"STRAẞE 100%_sure"},
			fmt.Sprintf("age_min=%d&age_max=%d", born, born): {"Born Today"}, fmt.Sprintf("age_min=%d&age_max=39", born+1): {}, fmt.Sprintf("age_min=1&age_max=%d", born-1): {},
			"created_after=2100-01-01T00:00:00Z": {}, "created_before=2000-01-01T00:00:00%2B05:30": {},
		} {
			require.Equal(t, want, names(query), query)
		}
		require.Len(t, names("created_after=2000-01-01T00:00:00Z&search="), 4)

		t.Run("patients by doctor, doctors by experience, assignments by both", func(t *testing.T) {
			c := c.in(t)
			patient, other := c.addPatient(object{"name": "Treated"}), c.addPatient()
			doctor := c.addDoctor()
			junior := c.do("POST", "/api/doctors/", object{"name": "Junior", "specialization": "Cardiology", "experience": 1}).is(201).id()
			c.assign(patient, doctor).is(201)
			c.assign(other, junior).is(201)
			require.Equal(t, []string{"Treated"}, names("doctor="+doctor))
			require.Equal(t, []string{}, names("doctor="+patient))
			require.Equal(t, [][]string{{junior}}, c.pages("/api/doctors/?experience_max=1&experience_min=1&specialization=Cardiology", "id"))
			require.Equal(t, [][]string{{junior, doctor}}, c.pages("/api/doctors/?ordering=experience,name", "id"))
			require.Equal(t, [][]string{{patient}}, c.pages("/api/mappings/?doctor="+doctor, "patient"))
			require.Equal(t, [][]string{{junior}}, c.pages("/api/mappings/?patient="+other+"&created_after=2000-01-01T00:00:00Z", "doctor"))
			require.Equal(t, [][]string{{patient}, {other}}, c.pages("/api/mappings/?limit=1&ordering=assigned_at", "patient"))
			require.Empty(t, s.user(t, "Bela").pages("/api/patients/?doctor="+doctor, "id")[0], "in the caller's own patients")
		})
	})
}
