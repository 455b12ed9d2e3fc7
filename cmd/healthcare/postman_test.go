package main

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

const committedCollection = "../../configs/healthcare.postman_collection.json"

func TestCommittedPostmanCollectionIsCurrent(t *testing.T) {
	t.Parallel()
	generated, err := describeForPostman(committedVersion)
	require.NoError(t, err)
	committed, err := os.ReadFile(committedCollection)
	require.NoError(t, err)
	require.Equal(t, string(committed), string(generated),
		"configs/healthcare.postman_collection.json is stale: run `task openapi`")
}

// TestPostmanCollectionRuns runs the collection from top to bottom for users of all roles: every response has a status
// that the request's script expects.
func TestPostmanCollectionRuns(t *testing.T) {
	t.Parallel()
	generated, err := describeForPostman(committedVersion)
	require.NoError(t, err)
	var c collection
	require.NoError(t, json.Unmarshal(generated, &c))
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		operations := 0
		for _, path := range s.Document.Paths.Map() {
			operations += len(path.Operations())
		}
		t.Run("for a new user, twice", func(t *testing.T) {
			for range 2 {
				r := runCollection(t, s, c, nil)
				require.Len(t, r.statuses, operations, "all operations")
				require.Equal(t, "staff", r.variables["role"])
				require.Equal(t, 201, r.statuses["POST /api/patients/"])
				require.Equal(t, 403, r.statuses["GET /api/users/"])
				require.Equal(t, 204, r.statuses["DELETE /api/auth/me/"], "the run removes its own account")
			}
		})
		for role, other := range map[auth.Role]string{auth.Staff: "GET /api/patients/", auth.Admin: "POST /api/users/",
			"auditor": "GET /api/audit/", "patient": "GET /api/patients/"} {
			t.Run("for an existing user: "+string(role)+", twice", func(t *testing.T) {
				known := s.NewUserWithRole(t, role, "Known"+string(role))
				for range 2 {
					r := runCollection(t, s, c, map[string]string{"email": known.Email(), "password": harness.Password})
					require.Equal(t, string(role), r.variables["role"])
					require.Equal(t, 409, r.statuses["POST /api/auth/register/"])
					require.Contains(t, []int{200, 201}, r.statuses[other])
					require.NotContains(t, r.statuses, "DELETE /api/auth/me/",
						"an account from before the run is not removed")
					require.NotContains(t, r.statuses, "PATCH /api/auth/me/", "nor changed")
				}
				known.SignIn()
			})
		}
	})
}

// collectionRun simulates Postman as far as the collection's scripts need it.
type collectionRun struct {
	variables map[string]string
	statuses  map[string]int // "GET /api/users/" -> the status
}

func runCollection(t *testing.T, s *harness.Service, c collection, variables map[string]string) *collectionRun {
	t.Helper()
	r := &collectionRun{variables: map[string]string{}, statuses: map[string]int{}}
	for _, v := range c.Variable {
		r.variables[v.Key] = v.Value
	}
	maps.Copy(r.variables, variables)
	r.variables["base"] = ""
	r.variables["user_email"] = strings.ReplaceAll(r.variables["user_email"], "{{$timestamp}}",
		strconv.FormatInt(time.Now().UnixNano(), 10))
	r.variables["until"] = time.Now().UTC().AddDate(0, 1, 0).Format(time.RFC3339)
	for _, f := range c.Item {
		for _, i := range f.Item {
			r.send(t, s, i)
		}
	}
	return r
}

func (r *collectionRun) fill(text string) string {
	for name, value := range r.variables {
		text = strings.ReplaceAll(text, "{{"+name+"}}", value)
	}
	return text
}

var (
	skips = regexp.MustCompile(
		`^if \(pm\.collectionVariables\.get\("(\w+)"\) !== "(\w+)"\) pm\.execution\.skipRequest\(\);`)
	roles   = regexp.MustCompile(`^const may = (\[.+\])\.includes\(pm\.collectionVariables\.get\("role"\)\);$`)
	expects = regexp.MustCompile(
		`^pm\.test\("expected status", \(\) => pm\.expect\((?:may \? )?\[([\d, ]+)\](?: : \[(\d+)\])?\)` +
			`\.to\.include\(pm\.response\.code\)\);$`)
	sets = regexp.MustCompile(
		`^if \(pm\.response\.code < 300\) pm\.collectionVariables\.set\("(\w+)", ` +
			`pm\.response\.json\(\)(\[0\])?\.(\w+)\);$`)
)

const registers = `pm.collectionVariables.set("registered", pm.response.code === 201 ? "yes" : "");`

func (r *collectionRun) send(t *testing.T, s *harness.Service, i item) {
	t.Helper()
	for _, e := range i.Event {
		for _, line := range e.Script.Exec {
			if found := skips.FindStringSubmatch(line); found != nil && r.variables[found[1]] != found[2] {
				return
			}
		}
	}
	client := s.Anonymous(t)
	if i.Request.Auth == nil {
		client.Token = r.variables["access"]
	}
	var payload any
	if i.Request.Body != nil {
		payload = r.fill(i.Request.Body.Raw)
	}
	a := client.Do(i.Request.Method, r.fill(i.Request.URL.Raw), payload)
	route := i.Request.Method + " " + strings.TrimPrefix(i.Request.URL.Raw, "{{base}}")
	r.statuses[route] = a.Status
	may := true
	for _, line := range i.Event[0].Script.Exec {
		if found := roles.FindStringSubmatch(line); found != nil {
			may = strings.Contains(found[1], `"`+r.variables["role"]+`"`)
		} else if found := expects.FindStringSubmatch(line); found != nil {
			expected := strings.Split(found[1], ", ")
			if !may {
				expected = []string{found[2]}
			}
			require.True(t, slices.Contains(expected, strconv.Itoa(a.Status)), "%s: %d is not one of %v: %s", route,
				a.Status, expected, a.Body)
		} else if found := sets.FindStringSubmatch(line); found != nil {
			switch {
			case a.Status >= 300:
			case found[2] != "":
				require.NotEmpty(t, a.List(), route)
				r.variables[found[1]] = a.List()[0][found[3]].(string)
			default:
				r.variables[found[1]] = a.Object()[found[3]].(string)
			}
		} else if line == registers {
			r.variables["registered"] = map[bool]string{true: "yes"}[a.Status == 201]
		} else {
			t.Fatalf("unknown line of a script: %s", line)
		}
	}
}
