package volume

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/text"
)

// boundTexts returns texts at the length limit of a member or parameter and one character longer, in letters of one,
// two and four bytes.
func boundTexts(schema *openapi3.Schema) (corpus []string) {
	if schema.MaxLength != nil {
		for _, letter := range []string{"e", "é", "𠮷"} {
			text := strings.Repeat(letter, int(*schema.MaxLength))
			corpus = append(corpus, text, text+letter)
		}
	}
	return corpus
}

// results holds the results of all cases in order, without the parts that differ in every run.
type results []string

// add records the response of a request and the row that it created or changed.
func (o *results) add(t *testing.T, s *harness.Service, what string, a harness.Response) {
	t.Helper()
	require.Less(t, a.Status, 500, "%s: %s", what, a.Body)
	body := string(a.Body)
	for _, varies := range []*regexp.Regexp{harness.IDPattern, harness.TimePattern, harness.TokenPattern,
		harness.UsernamePattern, harness.CodePattern, harness.FeedPattern,
		harness.SecretPattern} {
		body = varies.ReplaceAllString(body, "…")
	}
	*o = append(*o, fmt.Sprint(what, " → ", a.Status, " ", body, a.Header.Get("Warning"), " ", row(t, s, a)))
}

// row returns the stored row of the record in a response, without the columns that differ in every row.
func row(t *testing.T, s *harness.Service, a harness.Response) string {
	t.Helper()
	id := harness.IDPattern.FindString(string(a.Body))
	if a.Status >= 300 || id == "" || a.Body[0] == '[' {
		return ""
	}
	for _, table := range []string{"patients", "doctors", "users"} {
		var found []object
		require.NoError(t, s.DB.Read(t.Context()).Table(table).Where("id = ?", id).Find(&found).Error)
		for _, row := range found {
			maps.DeleteFunc(row, func(column string, value any) bool {
				own := strings.HasSuffix(column, "id") || strings.HasSuffix(column, "_at") ||
					strings.HasSuffix(column, "_hash")
				return own || column == "username" || column == "active" ||
					column == "self_registered" // the engines store booleans as different types
			})
			if row["birth_date"] != nil {
				row["birth_date"] = harness.ValueText(row["birth_date"])[:10]
			}
			return fmt.Sprintf("%s %q", table, fmt.Sprint(row))
		}
	}
	return ""
}

// requireSameResults runs the same cases on both engines and requires equal results.
func requireSameResults(t *testing.T, run func(t *testing.T, s *harness.Service) results) {
	t.Parallel()
	var mu sync.Mutex
	var all []results
	t.Cleanup(func() { // after the parallel tests of both engines; a test that ends in here prints nothing
		for i := 1; i < len(all) && !t.Failed(); i++ {
			if len(all[i]) != len(all[0]) {
				t.Errorf("%d cases on one engine, %d on the other", len(all[0]), len(all[i]))
			}
			for n := range min(len(all[0]), len(all[i])) {
				if all[0][n] != all[i][n] {
					t.Errorf("the same request on both engines:\n%s\n%s", all[0][n], all[i][n])
					break
				}
			}
		}
	})
	harness.EachEngine(t, func(t *testing.T, s *harness.Service) {
		got := run(t, s)
		t.Logf("%d cases", len(got))
		mu.Lock()
		defer mu.Unlock()
		all = append(all, got)
	})
}

// writeCases sends every value, unchanged, in every member of every body whose schema is of the kind.
func writeCases(t *testing.T, s *harness.Service, kind string, values func(*openapi3.Schema) []string) (o results) {
	c := s.NewUserWithRole(t, auth.Admin, "Asha")
	c.Undocumented = true
	known, turn := c.KnownValues(), 0
	for _, r := range harness.WithBody(s.Routes()) {
		id := r.PathID(known)
		for _, member := range r.BodyMembers() {
			if !r.BodySchemas()[member].Value.Type.Is(kind) {
				continue
			}
			turn++
			for n, value := range harness.Sample(turn, values(r.BodySchemas()[member].Value)) {
				body := r.Body(known)
				if r.CreatesUser() {
					body["email"] = fmt.Sprintf("%s%d%d@clinic.example", member, n, len(r.Path))
				}
				delete(body, member)
				raw, _ := json.Marshal(body)
				sent := strings.TrimSuffix(string(raw), "}")
				if len(body) > 0 {
					sent += ","
				}
				sent += fmt.Sprintf("%q:%s}", member, value)
				a := c.Do(r.Method, r.PathWith(id), sent)
				if kind == openapi3.TypeInteger && a.Status < 300 && value != "null" { // null is not sent
					if got, shown := a.Object()[member]; shown { // not the limit of a transfer
						requireAccepted(t, r.BodySchemas()[member].Value, strings.Trim(value, `"`), fmt.Sprint(got))
					}
				}
				o.add(t, s, fmt.Sprintf("%s %s %d %.80s", r, member, n, value), a)
			}
		}
	}
	return append(o, queryCases(t, c, kind, values)...)
}

// requireAccepted requires that an accepted number is an integer within its bounds, and that its value was kept.
func requireAccepted(t *testing.T, schema *openapi3.Schema, sent, made string) {
	t.Helper()
	number, ok := new(big.Rat).SetString(strings.TrimSpace(sent))
	require.True(t, ok && number.IsInt(), "%q was accepted", sent)
	value, _ := number.Float64()
	require.True(t, value >= *schema.Min && value <= *schema.Max, "%q was accepted", sent)
	same, ok := new(big.Rat).SetString(made)
	require.True(t, ok && number.Cmp(same) == 0, "%q became %s", sent, made)
}

// hexadecimal matches searches for users whose results differ in every run: random names of officers, and suffixes of
// usernames whose local part is taken, are hexadecimal.
var hexadecimal = regexp.MustCompile(`^(?:[^\pL\pN]*[\p{Nd}a-f])+[^\pL\pN]*$`) // of a folded text

// queryCases sends every value in every query parameter of the kind, and reads the lists in every order.
func queryCases(t *testing.T, c *harness.Client, kind string, values func(*openapi3.Schema) []string) (o results) {
	for turn, r := range c.Service.Routes() {
		for _, p := range r.Parameters {
			of := func(schema *openapi3.Schema) bool {
				return schema.Type.Is(kind) || schema.Type.Is("array") && schema.Items.Value.Type.Is(kind)
			}
			if p.Value.In != "query" || r.TakesID() || !of(p.Value.Schema.Value) {
				continue
			}
			for n, value := range harness.Sample(turn, values(p.Value.Schema.Value)) {
				var plain string
				if json.Unmarshal([]byte(value), &plain) != nil {
					plain = value
				}
				if r.Path == "/api/users/" && p.Value.Name == "search" && hexadecimal.MatchString(text.Fold(plain)) {
					continue
				}
				at := harness.PathWithQuery(r.Path, p.Value.Name, plain)
				if p.Value.Name != "limit" {
					at += "&limit=3"
				}
				a := c.Do(r.Method, at, nil, "Prefer", "count=exact")
				if kind == openapi3.TypeInteger && a.Status < 300 && plain != "" { // an empty value counts as missing
					requireAccepted(t, p.Value.Schema.Value, plain, strings.TrimSpace(plain))
				}
				o.add(t, c.Service, fmt.Sprintf("%s %s %d %.80s", r, p.Value.Name, n, value), a)
				o[len(o)-1] += " count " + a.Header.Get("X-Total-Count")
			}
			if p.Value.Name == "ordering" {
				for _, order := range p.Value.Schema.Value.Items.Value.Enum {
					o.add(t, c.Service, fmt.Sprint(r, order),
						c.Do(r.Method, harness.PathWithQuery(r.Path, "ordering", fmt.Sprint(order)), nil))
				}
			}
		}
	}
	return o
}

func TestR23_TextsHaveEqualResultsOnBothEngines(t *testing.T) {
	requireSameResults(t, func(t *testing.T, s *harness.Service) results {
		return writeCases(t, s, openapi3.TypeString, func(schema *openapi3.Schema) (values []string) {
			for _, text := range slices.Concat(harness.TextCorpus(), boundTexts(schema)) {
				raw, _ := json.Marshal(text)
				values = append(values, string(raw))
			}
			return append(values, `"\ud83d"`, `"\udc00\ud800"`, `"a\u0000"`, "\"\xff\"", "\"\xed\xa0\x80\"", `"\u00e9"`,
				"1", "null", "[]")
		})
	})
}

func TestR24_NumbersHaveEqualResultsOnBothEngines(t *testing.T) {
	requireSameResults(t, func(t *testing.T, s *harness.Service) results {
		o := writeCases(t, s, openapi3.TypeInteger, func(*openapi3.Schema) []string { return harness.IntegerCorpus() })
		require.True(t, slices.ContainsFunc(o, func(one string) bool { return strings.Contains(one, "→ 200") }))
		return o
	})
}
