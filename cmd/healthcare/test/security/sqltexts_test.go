package security

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
)

// marker is part of every hostile value, so that a statement with the value can be found.
const marker = "zqxmark"

// hostileTexts holds values that would change a statement into which they were concatenated.
var hostileTexts = []string{
	marker + "'; DROP TABLE patients; --", marker + `" OR ""="`, marker + "` OR 1=1", marker +
		"') UNION SELECT password_hash FROM users --",
	"1 OR 1=1 /*" + marker + "*/", marker + `\' OR 1=1 --`, marker + "'||pg_sleep(9)||'", "$1" + marker, "?" + marker,
	"@" + marker, "%" + marker + "%", marker + "_%\\",
	"name;" + marker, "-" + marker, "id DESC," + marker, marker + "’ OR ‘1’=‘1",
	marker + "\uff07 OR 1=1", marker + "\n--\n", "';" + marker + "\t--",
}

// disarm returns a harmless value of the same shape, with the same number of words and the same lengths. All words
// differ, and a single letter or digit stays one.
func disarm(value string) string {
	letter, alone := 'a', ""
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			letter, alone = letter+1, ""
			return r
		}
		if alone += string(r); len(alone) == len(string(r)) && !unicode.In(r, unicode.L, unicode.N) {
			return '.'
		}
		return letter
	}, value)
}

// constants removes the constants of statements.
var constants = strings.NewReplacer(`ESCAPE '\'`, "", "access <> 'none'", "",
	"status IN ('held', 'pending', 'booked', 'arrived')", "", "status = 'held'", "", "state = 'waiting'", "",
	"status NOT IN ('expired', 'entered-in-error')", "", "status <> 'cancelled'", "",
	"state = 'offered'", "", "state IN ('waiting', 'offered')", "")

func TestR25_NoValueIsPartOfAStatement(t *testing.T) {
	t.Parallel()
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		c := s.NewUserWithRole(t, auth.Admin, "Asha")
		known := c.KnownValues()
		other := &harness.Client{T: t, Service: s, Name: "AnotherAsha"}
		recorded, total := s.RecordStatements(t), map[string]bool{}
		for _, r := range s.Routes() {
			t.Run(r.String(), func(t *testing.T) {
				c := c.ForTest(t)
				send := func(dress func(string) string) map[string]bool {
					known["refresh"] = other.SignInTokens()["refresh"]
					recorded.Take()
					sendEverywhere(c, r, known, dress)
					return recorded.Take()
				}
				expected := send(disarm)
				hostileOnes := send(func(value string) string { return value })
				maps.Copy(expected, send(disarm)) // some statements depend on stored rows, not on a value
				require.NotEmpty(t, expected, "%s sends no statement", r)
				for text := range hostileOnes {
					require.NotContains(t, strings.ToLower(text), marker)
					require.Contains(t, slices.Collect(maps.Keys(expected)), text,
						"harmless values do not cause this statement")
				}
				maps.Copy(total, hostileOnes)
			})
		}
		require.GreaterOrEqual(t, len(total), 20)
		for text := range total {
			require.NotContains(t, constants.Replace(text), "'", "no statement contains a value")
			named := strings.ReplaceAll(text, "SELECT * FROM (SELECT ", "") // a subquery names them
			require.NotRegexp(t, harness.EveryColumn, named, "a statement names its columns")
		}
		t.Logf("%d statements", len(total))
	})
}

// sendEverywhere sends every value, transformed by dress, in every part of a request: path, query, headers and body.
func sendEverywhere(c *harness.Client, r harness.Route, known object, dress func(string) string) {
	id := r.PathID(known)
	send := func(at string, body any, headers ...string) {
		a := c.Do(r.Method, at, body, headers...)
		require.Less(c.T, a.Status, 500, "%s %s: %s", r, at, a.Body)
		require.False(c.T, a.Status == 401 && !r.IsPublic(), "%s: the session must be valid", r)
	}
	keep := r.Method == "DELETE" // the next route needs the record
	if !keep {
		send(r.PathWith(id), r.Body(known))
	}
	send(r.PathWith(harness.MissingID), r.Body(known))
	for n, value := range harness.SampleFifth(len(r.Path)+len(r.Method), hostileTexts) {
		value = dress(value)
		send(r.PathWith(url.PathEscape(value)), r.Body(known))
		for _, name := range r.ParameterNames("query") {
			send(harness.PathWithQuery(r.PathWith(id), name, value), nil, "Prefer", "count=exact")
		}
		for _, name := range r.ParameterNames("header") {
			send(r.PathWith(harness.MissingID), r.Body(known), name, strings.Join(strings.Fields(value), ""))
		}
		if keep || r.Operation.RequestBody == nil {
			continue
		}
		everywhere, valid := object{value: value}, r.Body(known)
		for _, member := range r.BodyMembers() {
			everywhere[member] = value
			body := r.Body(known)
			if r.CreatesUser() {
				body["email"] = fmt.Sprintf("%s%d%t%d@clinic.example", member, n, strings.Contains(value, marker),
					len(r.Path))
			}
			body[member] = value
			send(r.PathWith(id), body)
		}
		valid[value] = object{value: value}
		send(r.PathWith(id), everywhere)
		send(r.PathWith(id), valid)
	}
}
