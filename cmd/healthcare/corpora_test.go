package main

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

	"healthcare/platform/auth"
)

// texts is the Unicode corpus: what spelling, trimming, counting, folding and storing get wrong.
func texts() []string {
	emoji, flood := "\U0001F469\u200D\u2695\uFE0F", "a"+strings.Repeat("\u0301", 200)
	corpus := []string{
		"", " ", "a", "José", "Jose\u0301", "ﬁ", "ﷺ", "İi", "ıI", "STRAẞE", "straße", "ς", "ΑΣ", "अनन्या", "张伟", "𠮷", "한글", "각", // composed, decomposed, folded
		"مريم", "\u202Eabc\u202C", "a\u200Fb", "\u2066x\u2069", emoji, "\U0001F1EE\U0001F1F3", "\U0001F44D\U0001F3FD", // right to left, joined
		"\uD7FF", "\uE000", "\uFFFD", "\uFFFE", "\uFFFF", "\U0010FFFF", "\U00010000", "\uFDD0", // beside the surrogates, and no characters
		"\uFEFF", "\uFEFFa", "a\uFEFF", "\u00A0a\u00A0", "\u2003a\u3000", "\u200Ba\u200B", "\u180Ea", "\u0085a\u0085", "\u1680", // what trimming takes for space
		"a\tb", "a\nb", "a\r\nb", "\u0001", "a\u001Bb", "a\u007Fb", "a\u0080b", "a\u009Fb", "a\u2028b", "a\u2029b", // controls and line ends
		flood, strings.Repeat(emoji, 20), "%", "_", `\`, `"'`, "<b>&amp;", "{{7*7}}", "=1+1", "-", "null", "true", "1", "\U000E0041", "a@\u00FC.example",
		"A@B.example", "ü@b.example", "U\u0308@b.example", "K@b.example", "1990-02-29", "1990-02-28", "١٩٩٠-٠٢-٢٨", "２９", "2026-11-22T22:29:36Z",
		"0000-01-01", "0000-01-01T00:00:00Z", "0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-22T22:29:36,9999999Z", "2026-11-22T24:00:00Z",
	}
	return corpus
}

// bounded are texts at a member's or a parameter's own bound and one beyond it, in letters of one, two and four bytes.
func bounded(schema *openapi3.Schema) (corpus []string) {
	if schema.MaxLength != nil {
		for _, letter := range []string{"e", "é", "𠮷"} {
			text := strings.Repeat(letter, int(*schema.MaxLength))
			corpus = append(corpus, text, text+letter)
		}
	}
	return corpus
}

// integers is the corpus of numbers, as they are spelt in JSON or in a query.
func integers() []string {
	corpus := []string{
		"-0", "0.0", "1.0", "1e2", "1E+2", "100e-2", "1.5", "-1.5", "0.9999999999999999999999", "1e400", "-1e400", "1e-400", "00", "01", "-01", "+1", " 1", "1 ", ".5", "5.",
		"0x10", "1_0", "١", "NaN", "Infinity", `"1"`, `"a"`, `""`, "null", "true", "[1]", `{"a":1}`, strings.Repeat("9", 400), "2147483647", "2147483648", "-2147483649",
		"4294967296", "4294967297", "9007199254740991", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551617",
	}
	for _, bound := range []int{0, 1, 80, 150, 500} {
		corpus = append(corpus, fmt.Sprint(bound-1), fmt.Sprint(bound), fmt.Sprint(bound+1))
	}
	return corpus
}

// outcomes is what every case came to, in order, without what no two runs share.
type outcomes []string

var (
	ids      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	moments  = regexp.MustCompile(`"20\d\d-\d\d-\d\dT[0-9:.]+Z"`)
	secrets  = regexp.MustCompile(`"(access|refresh)":"[^"]+"|cursor=[\w-]+`)
	username = regexp.MustCompile(`"username":"[^"]+"`)
)

// add notes what a request came to: its answer, and the row that it made or changed.
func (o *outcomes) add(t *testing.T, s *service, what string, a answer) {
	t.Helper()
	require.Less(t, a.status, 500, "%s: %s", what, a.raw)
	body := string(a.raw)
	for _, varies := range []*regexp.Regexp{ids, moments, secrets, username} {
		body = varies.ReplaceAllString(body, "…")
	}
	*o = append(*o, fmt.Sprint(what, " → ", a.status, " ", body, a.header.Get("Warning"), " ", s.row(t, a)))
}

// row is what is stored of the thing in an answer, without what is each row's own.
func (s *service) row(t *testing.T, a answer) string {
	t.Helper()
	id := ids.FindString(string(a.raw))
	if a.status >= 300 || id == "" || a.raw[0] == '[' {
		return ""
	}
	for _, table := range []string{"patients", "doctors", "users"} {
		var found []object
		require.NoError(t, s.db.Read(t.Context()).Table(table).Where("id = ?", id).Find(&found).Error)
		for _, row := range found {
			maps.DeleteFunc(row, func(column string, value any) bool {
				own := strings.HasSuffix(column, "id") || strings.HasSuffix(column, "_at") || strings.HasSuffix(column, "_hash")
				return own || column == "username" || column == "active" // a number here, a truth value there
			})
			if row["birth_date"] != nil {
				row["birth_date"] = textOf(row["birth_date"])[:10]
			}
			return fmt.Sprintf("%s %q", table, fmt.Sprint(row))
		}
	}
	return ""
}

// alike runs the same cases on both engines, which must come to the same.
func alike(t *testing.T, run func(t *testing.T, s *service) outcomes) {
	t.Parallel()
	var mu sync.Mutex
	var all []outcomes
	t.Cleanup(func() { // after the engines, which run beside each other
		for i := 1; i < len(all) && !t.Failed(); i++ {
			require.Len(t, all[i], len(all[0]))
			for n := range all[0] {
				require.Equal(t, all[0][n], all[i][n], "the same request, on the other engine")
			}
		}
	})
	eachEngine(t, func(t *testing.T, s *service) {
		got := run(t, s)
		t.Logf("%d cases", len(got))
		mu.Lock()
		defer mu.Unlock()
		all = append(all, got)
	})
}

// through sends every value through every member of every body whose schema is of the kind, spelt as it is.
func through(t *testing.T, s *service, kind string, values func(*openapi3.Schema) []string) (o outcomes) {
	c := s.as(t, auth.Admin, "Asha")
	c.odd = true
	known, turn := c.known(), 0
	for _, r := range writing(s.routes()) {
		id := r.id(known)
		for _, member := range r.members() {
			if !r.schemas()[member].Value.Type.Is(kind) {
				continue
			}
			turn++
			for n, value := range sampled(turn, values(r.schemas()[member].Value)) {
				body := r.body(known)
				if r.makesUsers() {
					body["email"] = fmt.Sprintf("%s%d%d@clinic.example", member, n, len(r.path))
				}
				delete(body, member)
				raw, _ := json.Marshal(body)
				sent := strings.TrimSuffix(string(raw), "}")
				if len(body) > 0 {
					sent += ","
				}
				sent += fmt.Sprintf("%q:%s}", member, value)
				a := c.do(r.method, r.at(id), sent)
				if kind == openapi3.TypeInteger && a.status < 300 {
					isTaken(t, r.schemas()[member].Value, strings.Trim(value, `"`), fmt.Sprint(a.object()[member]))
				}
				o.add(t, s, fmt.Sprintf("%s %s %d %.80s", r, member, n, value), a)
			}
		}
	}
	return append(o, asked(t, c, kind, values)...)
}

// isTaken holds that a number that was taken is a whole one within its bounds, and what was made of it.
func isTaken(t *testing.T, schema *openapi3.Schema, sent, made string) {
	t.Helper()
	number, ok := new(big.Rat).SetString(strings.TrimSpace(sent))
	require.True(t, ok && number.IsInt(), "%q was taken", sent)
	value, _ := number.Float64()
	require.True(t, value >= *schema.Min && value <= *schema.Max, "%q was taken", sent)
	same, ok := new(big.Rat).SetString(made)
	require.True(t, ok && number.Cmp(same) == 0, "%q became %s", sent, made)
}

// asked sends every value through every query parameter of the kind, and reads the lists in every order.
func asked(t *testing.T, c *client, kind string, values func(*openapi3.Schema) []string) (o outcomes) {
	for turn, r := range c.s.routes() {
		for _, p := range r.params {
			of := func(schema *openapi3.Schema) bool {
				return schema.Type.Is(kind) || schema.Type.Is("array") && schema.Items.Value.Type.Is(kind)
			}
			if p.Value.In != "query" || r.takesID() || !of(p.Value.Schema.Value) {
				continue
			}
			for n, value := range sampled(turn, values(p.Value.Schema.Value)) {
				var plain string
				if json.Unmarshal([]byte(value), &plain) != nil {
					plain = value
				}
				at := query(r.path, p.Value.Name, plain)
				if p.Value.Name != "limit" {
					at += "&limit=3"
				}
				a := c.do(r.method, at, nil, "Prefer", "count=exact")
				if kind == openapi3.TypeInteger && a.status < 300 && plain != "" { // an empty one is not given
					isTaken(t, p.Value.Schema.Value, plain, strings.TrimSpace(plain))
				}
				o.add(t, c.s, fmt.Sprintf("%s %s %d %.80s", r, p.Value.Name, n, value), a)
				o = append(o, a.header.Get("X-Total-Count"))
			}
			if p.Value.Name == "ordering" {
				for _, order := range p.Value.Schema.Value.Items.Value.Enum {
					o.add(t, c.s, fmt.Sprint(r, order), c.do(r.method, query(r.path, "ordering", fmt.Sprint(order)), nil))
				}
			}
		}
	}
	return o
}

func TestR23_TheSameTextsOnBothEngines(t *testing.T) {
	alike(t, func(t *testing.T, s *service) outcomes {
		return through(t, s, openapi3.TypeString, func(schema *openapi3.Schema) (values []string) {
			for _, text := range slices.Concat(texts(), bounded(schema)) {
				raw, _ := json.Marshal(text)
				values = append(values, string(raw))
			}
			return append(values, `"\ud83d"`, `"\udc00\ud800"`, `"a\u0000"`, "\"\xff\"", "\"\xed\xa0\x80\"", `"\u00e9"`, "1", "null", "[]")
		})
	})
}

func TestR24_TheSameNumbersOnBothEngines(t *testing.T) {
	alike(t, func(t *testing.T, s *service) outcomes {
		o := through(t, s, openapi3.TypeInteger, func(*openapi3.Schema) []string { return integers() })
		require.True(t, slices.ContainsFunc(o, func(one string) bool { return strings.Contains(one, "→ 200") }))
		return o
	})
}
