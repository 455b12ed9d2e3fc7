package security

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/database"
)

// mutator generates bodies that are almost valid, so that they reach more code than random text.
type mutator struct {
	*rand.Rand
	texts []string // JSON values
}

func newMutator(seed, stream uint64) mutator {
	m := mutator{Rand: rand.New(rand.NewPCG(seed, stream)), texts: harness.IntegerCorpus()}
	for _, text := range harness.TextCorpus() {
		raw, _ := json.Marshal(text)
		m.texts = append(m.texts, string(raw))
	}
	m.texts = append(m.texts, `"\ud800"`, `"\u0000"`, "\"\xff\"", `"\x"`, `"`, "nul", "{", "]", "", "//",
		`"2000-02-29"`, `"female"`, `"`+harness.MissingID+`"`)
	return m
}

// value returns a JSON value, or text that is almost one.
func (m mutator) value(depth int) string {
	switch m.IntN(8) {
	case 0:
		return `"` + m.noise(m.IntN(300)) + `"`
	case 1:
		return strconv.FormatFloat(m.NormFloat64()*float64(m.Int64()), 'g', -1, 64)
	case 2:
		n := m.IntN(60)
		return strings.Repeat("[", n) + m.value(9) + strings.Repeat("]", n)
	case 3:
		if depth < 4 {
			return "[" + m.value(depth+1) + "," + m.value(depth+1) + "]"
		}
	case 4:
		if depth < 4 {
			return fmt.Sprintf(`{"%s":%s,"id":%s}`, m.noise(3), m.value(depth+1), m.value(depth+1))
		}
	}
	return m.texts[m.IntN(len(m.texts))]
}

// noise returns random text, also with characters that JSON does not allow.
func (m mutator) noise(length int) string {
	planes := []int{0x80, 0x100, 0x3000, 0xFFFF, 0x10FFFF}
	var text strings.Builder
	for range length {
		text.WriteRune(rune(m.IntN(planes[m.IntN(len(planes))])))
	}
	return text.String()
}

// body returns a body for the route, with members that are changed, omitted, doubled or added, in any order. Some
// bodies are truncated or contain a wrong byte.
func (m mutator) body(r harness.Route, known object) string {
	var members []string
	for name, value := range r.Body(known) {
		raw, _ := json.Marshal(value)
		members = append(members, fmt.Sprintf("%q:%s", name, raw))
	}
	slices.Sort(members)
	for _, name := range r.BodyMembers() {
		if m.IntN(6) == 0 {
			members = append(members, fmt.Sprintf("%q:%s", name, m.value(0)))
		}
	}
	m.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	for range m.IntN(3) {
		at := m.IntN(len(members))
		name, _, _ := strings.Cut(members[at], ":")
		switch m.IntN(4) {
		case 0:
			members = append(slices.Delete(members, at, at+1), `"a":1`)
		case 1:
			members = append(members, fmt.Sprintf("%q:%s", m.noise(5), m.value(0)))
		default:
			members[at] = name + ":" + m.value(0)
		}
	}
	if m.IntN(3) > 0 { // one member of each name, so that its value is read
		seen := map[string]bool{}
		members = slices.DeleteFunc(members, func(member string) bool {
			name, _, _ := strings.Cut(member, ":")
			defer func() { seen[name] = true }()
			return seen[name]
		})
	}
	raw := []byte("{" + strings.Join(members, ",") + "}")
	switch m.IntN(12) {
	case 0:
		raw = raw[:m.IntN(len(raw))]
	case 1:
		raw[m.IntN(len(raw))] = byte(m.IntN(256))
	case 2:
		raw = append(raw, m.value(0)...)
	}
	return string(raw)
}

// R-29 requires 10,000 bodies per endpoint: FUZZ_BODIES=10000 go test ./cmd/healthcare/test/security -run R29.
// FUZZ_SEED repeats a run.
func TestR29_NoBodyCausesAServerError(t *testing.T) {
	t.Parallel()
	count := harness.EnvNumber(t, "FUZZ_BODIES", uint64(harness.CasesOf(300, 2)))
	seed := harness.EnvNumber(t, "FUZZ_SEED", uint64(time.Now().UnixNano()))
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		t.Logf("FUZZ_SEED=%d", seed)
		c := s.NewUserWithRole(t, auth.Admin, "Asha")
		c.Undocumented = true
		known := c.KnownValues()
		email := known["email"]
		for i, r := range harness.WithBody(s.Routes()) {
			t.Run(r.String(), func(t *testing.T) {
				c, m, taken := c.ForTest(t).CallerOf(r), newMutator(seed, uint64(i)), 0
				id := r.PathID(known)
				if role := r.CallingRole(auth.Admin); role != auth.Admin {
					c.SetRole(role)
					defer c.SetRole(auth.Admin)
				}
				for n := range count {
					if r.CreatesUser() {
						known["email"] = fmt.Sprintf("%d@clinic.example", n)
					}
					body := m.body(r, known)
					a := c.Do(r.Method, r.PathWith(id), body)
					require.Less(t, a.Status, 500, "FUZZ_SEED=%d, body %d: %q: %s", seed, n, body, a.Body)
					require.False(t, a.Status == 401 && !r.IsPublic(), "%s: the session must be valid", r)
					if a.Status < 400 || a.Status == 401 || a.Status == 404 || a.Status == 409 ||
						strings.Contains(string(a.Body), "Is not your password") {
						taken++
					}
				}
				require.Greater(t, taken, int(count/50), "some bodies must be well-formed")
			})
			known["email"] = email
		}
		require.NotContains(t, s.Log.String(), "panic")
	})
}

func TestR18_BodiesOfEveryRouteAreLimited(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUserWithRole(t, auth.Admin, "Asha")
		for _, r := range harness.WithBody(s.Routes()) {
			limit := 64 << 10
			if declared, ok := r.Operation.Extensions["x-body-limit"].(float64); ok {
				limit = int(declared)
			}
			exactly := func(size int) string { return "{}" + strings.Repeat(" ", size-2) }
			require.NotEqual(t, 413, c.Do(r.Method, r.PathWith(harness.MissingID), exactly(limit)).Status,
				"%s takes %d bytes", r, limit)
			c.Do(r.Method, r.PathWith(harness.MissingID), exactly(limit+1)).ExpectProblem(413, "body_too_large")
		}
	})
}

func TestR19_DepthIsLimitedOnEveryRoute(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUserWithRole(t, auth.Admin, "Asha")
		for _, r := range harness.WithBody(s.Routes()) {
			deep := func(levels int) string {
				return `{"deep":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + "}"
			}
			c.WithRole(r.CallingRole(auth.Admin), func() {
				require.NotContains(t, string(c.Do(r.Method, r.PathWith(harness.MissingID), deep(32)).Body),
					"malformed_json", "%s", r)
				c.Do(r.Method, r.PathWith(harness.MissingID), deep(33)).ExpectProblem(400, "malformed_json")
			})
		}
	})
}

func TestR20_PagesAreLimited(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c, auditor := s.NewUserWithRole(t, auth.Admin, "Asha"), s.NewUserWithRole(t, "auditor", "Uma")
		known := object{harness.Patient: c.AddPatient(), "practice": c.AddPractice()}
		c.AddOpeningHours(known)
		known["linked_doctor"], known["doctor"] = known["open_doctor"], known["open_doctor"]
		for _, r := range s.Routes() {
			c := c
			if !r.Allows(auth.Admin) {
				c = auditor
			}
			if slices.Contains(r.ParameterNames("query"), "limit") {
				for limit, status := range map[string]int{"-1": 400, "0": 400, "1": 200, "500": 200, "501": 400,
					"4294967297": 400, "18446744073709551617": 400} {
					c.Do("GET", harness.PathWithQuery(r.PathOf(known), "limit", limit), nil).Expect(status)
				}
			}
		}
		many := make([]object, 500) // and the doctor with opening hours
		for i := range many {
			many[i] = object{
				"id": uuid.NewString(), "name": "A", "specialization": "B", "experience": 1, "email": "", "phone": "",
				"version":    1,
				"created_at": database.At(time.Now()), "updated_at": database.At(time.Now()),
			}
		}
		require.NoError(t, s.DB.Write(t.Context()).Table("doctors").CreateInBatches(many, 100).Error)
		sizes := func(path string) (all []int) {
			for _, page := range c.Pages(path, "id") {
				all = append(all, len(page))
			}
			return all
		}
		require.Equal(t, []int{500, 1}, sizes("/api/doctors/?limit=500"))
		require.Equal(t, []int{100, 100, 100, 100, 100, 1}, sizes("/api/doctors/"))
		c.Do("DELETE", "/api/doctors/"+c.Do("GET", "/api/doctors/?limit=1", nil).List()[0]["id"].(string),
			nil).Expect(204)
		require.Equal(t, []int{500}, sizes("/api/doctors/?limit=500"), "no link on a last page that is exactly full")
	})
}
