package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// marker is in every hostile value, so that it would be seen in a statement.
const marker = "zqxmark"

// hostile are values that change a statement where they become part of its text.
var hostile = []string{
	marker + "'; DROP TABLE patients; --", marker + `" OR ""="`, marker + "` OR 1=1", marker + "') UNION SELECT password_hash FROM users --",
	"1 OR 1=1 /*" + marker + "*/", marker + `\' OR 1=1 --`, marker + "'||pg_sleep(9)||'", "$1" + marker, "?" + marker, "@" + marker, "%" + marker + "%", marker + "_%\\",
	"name;" + marker, "-" + marker, "id DESC," + marker, marker + "’ OR ‘1’=‘1",
	marker + "\uff07 OR 1=1", marker + "\n--\n", "';" + marker + "\t--",
}

// harmless is a value of the same shape that means nothing to a database: as many words, all different, as long, and of
// one letter or digit where that is one.
func harmless(value string) string {
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

// sqlTexts are those that the service sent since the last time that it was asked.
type sqlTexts struct {
	mu    sync.Mutex
	texts map[string]bool
	sent  int // how many, the same ones too
}

// background are parts of the statements of the tasks that run beside the requests, whatever is requested.
var background = []string{
	`FROM "audit_heads" ORDER BY chain;`,                            // the keeper of the audit trail
	`WHERE (search_text `,                                           // the sweep that recomputes search texts
	`NOT EXISTS (SELECT 1 FROM user_mailboxes m WHERE m.user_id = `, // the sweep that records mailboxes
	`FROM jobs WHERE expires_at IS NULL`,                            // the search for jobs to run
	`DELETE FROM jobs WHERE expires_at <= `,                         // the removal of those that ended long ago
	// the removal of bodies that an earlier release has kept
	`length(body) > 0`,
	`WHERE (user_id, route, key) IN (`,             // the removal of expired Idempotency-Keys
	`FROM "idempotency_keys" WHERE expires_at <= `, // which are looked for first
}

func inBackground(ctx context.Context, text string) bool {
	isPart := func(part string) bool { return strings.Contains(text+";", part) }
	return audit.RequestOf(ctx).ID == "" && slices.ContainsFunc(background, isPart)
}

// everyColumn is what a statement must not ask for: a newer release's column would change its result.
var everyColumn = regexp.MustCompile(`(?i)(?:SELECT|RETURNING|,)\s+(?:DISTINCT\s+)?(?:[\w"]+\.)?\*|"\.\*`)

// record notes the text of every statement of both pools.
func (s *service) record(t *testing.T) *sqlTexts {
	r := &sqlTexts{texts: map[string]bool{}}
	note := func(db *gorm.DB) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if text := db.Statement.SQL.String(); !inBackground(db.Statement.Context, text) {
			r.texts[text] = true
			r.sent++
		}
	}
	pools := []*gorm.DB{s.db.Write(t.Context())}
	if reader := s.db.Read(t.Context()); reader.Callback() != pools[0].Callback() {
		pools = append(pools, reader)
	}
	for _, pool := range pools {
		callbacks := pool.Callback()
		require.NoError(t, callbacks.Create().After("gorm:create").Register("test:record", note))
		require.NoError(t, callbacks.Query().After("gorm:query").Register("test:record", note))
		require.NoError(t, callbacks.Update().After("gorm:update").Register("test:record", note))
		require.NoError(t, callbacks.Delete().After("gorm:delete").Register("test:record", note))
		require.NoError(t, callbacks.Row().After("gorm:row").Register("test:record", note))
		require.NoError(t, callbacks.Raw().After("gorm:raw").Register("test:record", note))
	}
	return r
}

// take hands out what was noted, and starts anew.
func (r *sqlTexts) take() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.texts
	r.texts = map[string]bool{}
	return taken
}

// count is how many were sent since it was asked last; what texts they had is forgotten.
func (r *sqlTexts) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent, r.texts = 0, map[string]bool{}
	return sent
}

func TestR25_NoValueIsPartOfAStatement(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *service) {
		c := s.as(t, auth.Admin, "Asha")
		known := c.known()
		other := &client{t: t, s: s, name: "AnotherAsha"}
		recorded, total := s.record(t), map[string]bool{}
		for _, r := range s.routes() {
			t.Run(r.String(), func(t *testing.T) {
				c := c.in(t)
				send := func(dress func(string) string) map[string]bool {
					known["refresh"] = other.signInFully()["refresh"]
					recorded.take()
					c.sendEverywhere(r, known, dress)
					return recorded.take()
				}
				expected := send(harmless)
				hostileOnes := send(func(value string) string { return value })
				maps.Copy(expected, send(harmless)) // some statements depend on what was there before, not on a value
				require.NotEmpty(t, expected, "%s asks the database for nothing", r)
				for text := range hostileOnes {
					require.NotContains(t, strings.ToLower(text), marker)
					require.Contains(t, slices.Collect(maps.Keys(expected)), text, "a harmless value never makes this statement")
				}
				maps.Copy(total, hostileOnes)
			})
		}
		require.GreaterOrEqual(t, len(total), 20)
		for text := range total {
			require.NotContains(t, strings.ReplaceAll(text, `ESCAPE '\'`, ""), "'", "no statement of a request holds a value")
			require.NotRegexp(t, everyColumn, text, "a statement names its columns")
		}
		t.Logf("%d statements", len(total))
	})
}

// sendEverywhere sends every value, dressed, through every place of the route: its path, its query, its headers and its body.
func (c *client) sendEverywhere(r route, known object, dress func(string) string) {
	id := r.id(known)
	ask := func(at string, body any, headers ...string) {
		a := c.do(r.method, at, body, headers...)
		require.Less(c.t, a.status, 500, "%s %s: %s", r, at, a.raw)
		require.False(c.t, a.status == 401 && !r.isPublic(), "%s: nothing is asked of who is not signed in", r)
	}
	keep := r.method == "DELETE" // what is there is needed by the next route
	if !keep {
		ask(r.at(id), r.body(known))
	}
	ask(r.at(missing), r.body(known))
	for n, value := range sampled(len(r.path)+len(r.method), hostile) {
		value = dress(value)
		ask(r.at(url.PathEscape(value)), r.body(known))
		for _, name := range r.in("query") {
			ask(query(r.at(id), name, value), nil, "Prefer", "count=exact")
		}
		for _, name := range r.in("header") {
			ask(r.at(missing), r.body(known), name, strings.Join(strings.Fields(value), ""))
		}
		if keep || r.op.RequestBody == nil {
			continue
		}
		everywhere, valid := object{value: value}, r.body(known)
		for _, member := range r.members() {
			everywhere[member] = value
			body := r.body(known)
			if r.makesUsers() {
				body["email"] = fmt.Sprintf("%s%d%t%d@clinic.example", member, n, strings.Contains(value, marker), len(r.path))
			}
			body[member] = value
			ask(r.at(id), body)
		}
		valid[value] = object{value: value}
		ask(r.at(id), everywhere)
		ask(r.at(id), valid)
	}
}
