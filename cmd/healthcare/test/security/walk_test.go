package security

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"healthcare/cmd/internal/harness"
	"healthcare/modules/identity"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/httpserver"
	"healthcare/platform/rest"
)

// privateValues holds values of a client that must not appear in the log. Every encoding spells these differently, so
// that none hides one.
var privateValues = map[string]string{
	"name": `Zephyrine "Kanari" Ólafs/Dóttir`, "email": "zephyrine+kanari@canary.example",
	"password": "kanari pæsswörd & 7391648?",
	"phone":    "+49 555 7391648", "notes": "Zyx <kanari> is afraid of needles", "address": "7 Kanari Street #3",
	"medical_record_number": "MRN/kanari 7",
	"agent":                 "KanariBrowser/9.31 (zaza)", "key": "kanari:key/40417",
}

// privacyRun calls everything in a service and provokes every kind of error, as a user whose data is private. It
// records the responses and the log.
type privacyRun struct {
	s         *harness.Service
	db        database.Config
	clock     *clock.Manual
	words     []string            // private values, and the received tokens and cursor
	forms     map[string][]string // the encodings of each word
	sent      map[string]int
	turn      int  // index of the next word
	first     bool // the first pass sends words in every header
	broken    int  // how often the store was broken
	exchanges []exchange
	person    *harness.Client // the user with private data
	refresh   string
	patient   string
	stored    harness.Rows // before the store broke
	schema    []string     // names of tables, columns and constraints
}

// exchange is a response and the lines logged during the request.
type exchange struct {
	what, method, route string // route may be empty
	status              int
	id                  string
	text                string // headers and body
	lines               []string
}

// eachPrivacyRun runs test after a walk through a service on each engine. The walk calls every route with one of three
// orders of the words, or with all.
func eachPrivacyRun(t *testing.T, test func(t *testing.T, w *privacyRun)) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		db.SlowQuery = 1 // nanosecond: every statement is logged
		db.LockTimeout = 200 * time.Millisecond
		w := &privacyRun{db: db, forms: map[string][]string{}, sent: map[string]int{}, clock: clock.At(time.Now())}
		more := fx.Options(
			harness.WithDocument(panickingDocument), httpserver.Handle(panickingAPI), harness.WithClock(w.clock),
		)
		w.s = harness.StartWith(t, db, more, func(cfg *config.Config) {
			cfg.AllowedHosts, cfg.SignInFreeAttempts, cfg.HTTPReadTimeout = []string{"127.0.0.1"}, 3, 3*time.Second
		})
		w.exerciseAll(t)
		for i, turn := range harness.Sample(0, []int{0, 1, 2}) {
			for _, r := range w.s.Routes() {
				w.turn, w.first = turn, i == 0
				w.exerciseRoute(t, r)
			}
		}
		w.provokeRefusals(t)
		w.abandonResponses(t)
		w.stored, w.schema = w.s.StoredRows(t), schemaNames(t, w.s)
		w.breakStore(t)
		test(t, w)
	})
}

const panickingDocument = `
openapi: 3.0.3
info: {title: Explosives, version: "1.0"}
tags: [{name: Explosives, description: Only in this test.}]
paths:
  /api/explosives/:
    post:
      operationId: explode
      tags: [Explosives]
      summary: Panic.
      x-access: authenticated
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Fuse"}}}}
      responses: {"204": {description: Never.}}
components: {schemas: {Fuse: {type: object, properties: {notes: {type: string, example: x}}}}}
`

// panickingAPI returns an API that panics with the received text.
func panickingAPI() rest.API {
	return func(router fiber.Router) {
		router.Post("/api/explosives/", func(c *fiber.Ctx) error {
			text := string(c.Request().Body())
			switch len(text) % 3 {
			case 0:
				panic(errors.New(text))
			case 1:
				panic(struct{ Text string }{text})
			}
			panic(text)
		})
	}
}

// do sends a request to a route and records the response.
func (w *privacyRun) do(c *harness.Client, r harness.Route, path string, body any, headers ...string) harness.Response {
	c.T.Helper()
	from := w.logLength()
	a := c.Do(r.Method, path, body, headers...)
	typed, isText := body.(string)
	if !isText {
		raw, _ := json.Marshal(body)
		typed = string(raw)
	}
	w.count(fmt.Sprint(path, " ", typed, headers, c.Token))
	what := fmt.Sprintf("%s %s %.200s %v", r.Method, path, typed, headers)
	w.recordExchange(exchange{what: what, method: r.Method, route: r.Path, status: a.Status}, from, a.Header, a.Body)
	return a
}

// count records the sent words.
func (w *privacyRun) count(request string) {
	for _, word := range w.words {
		if w.forms[word] == nil {
			w.forms[word] = encodings(word)
		}
		if slices.ContainsFunc(w.forms[word], func(form string) bool { return strings.Contains(request, form) }) {
			w.sent[word]++
		}
	}
}

func (w *privacyRun) recordExchange(h exchange, from int, header http.Header, body []byte) {
	headers := header.Clone()
	headers.Del("Date")
	h.id, h.text = header.Get("X-Request-Id"), fmt.Sprint(headers, "\n", string(body))
	h.lines = strings.Split(strings.TrimSuffix(w.logSince(from), "\n"), "\n")
	w.exchanges = append(w.exchanges, h)
}

// logLength returns the length of the log in bytes.
func (w *privacyRun) logLength() int {
	w.s.Log.Mu.Lock()
	defer w.s.Log.Mu.Unlock()
	return w.s.Log.B.Len()
}

// logSince returns the log after an offset in bytes.
func (w *privacyRun) logSince(from int) string {
	w.s.Log.Mu.Lock()
	defer w.s.Log.Mu.Unlock()
	return string(w.s.Log.B.Bytes()[from:])
}

// request is do for a path without a route.
func (w *privacyRun) request(c *harness.Client, method, path string, body any, headers ...string) harness.Response {
	c.T.Helper()
	return w.do(c, harness.Route{Method: method, Path: path}, path, body, headers...)
}

// exerciseAll calls every route successfully: private values are stored, and tokens are valid.
func (w *privacyRun) exerciseAll(t *testing.T) {
	for _, word := range privateValues {
		w.words = append(w.words, word)
	}
	slices.Sort(w.words)
	p, agent := privateValues, []string{"User-Agent", privateValues["agent"]}
	w.person = w.s.Anonymous(t)
	w.request(w.person, "POST", "/api/auth/register/",
		object{"name": p["name"], "email": p["email"], "password": p["password"]}, agent...).Expect(201)
	w.signIn(t)
	patient := object{"age": 1, "gender": "Other"}
	for _, member := range []string{"name", "email", "phone", "notes", "address", "medical_record_number"} {
		patient[member] = p[member]
	}
	for range 2 {
		w.patient = w.request(w.person, "POST", "/api/patients/", patient, "Idempotency-Key", p["key"]).Expect(201).ID()
	}
	w.person.AddPatient()
	link := w.person.Do("GET", "/api/patients/?ordering=name&limit=1", nil).Expect(200).Header.Get("Link")
	next, err := url.Parse(strings.Trim(strings.Split(link, ">")[0], "<"))
	require.NoError(t, err)
	w.words = append(w.words, next.Query().Get("cursor"))
	require.Len(
		t, w.do(w.person, harness.Route{Method: "GET", Path: "/api/patients/"}, next.String(), nil).Expect(200).List(),
		1)
	for _, word := range []string{p["name"], p["phone"], p["email"], p["medical_record_number"]} {
		found := w.do(w.person, harness.Route{Method: "GET", Path: "/api/patients/"},
			harness.PathWithQuery("/api/patients/", "search", word), nil, "Prefer", "count=exact").Expect(200)
		require.Len(t, found.List(), 1)
	}
	at := harness.Route{Method: "GET", Path: "/api/patients/{id}/"}
	w.do(w.person, at, "/api/patients/"+w.patient, nil, "If-None-Match", "*").Expect(304)
}

// signIn signs the person in and adds the tokens to the words of the walk.
func (w *privacyRun) signIn(t *testing.T) {
	credentials := object{"email": privateValues["email"], "password": privateValues["password"]}
	tokens := w.request(w.person, "POST", "/api/auth/login/", credentials, "User-Agent",
		privateValues["agent"]).Expect(200).Object()
	tokens = w.request(w.person, "POST", "/api/auth/refresh/",
		object{"refresh": tokens["refresh"]}).Expect(200).Object()
	w.person.Token, w.refresh = tokens["access"].(string), tokens["refresh"].(string)
	w.words = append(w.words, w.s.MailToken(t, privateValues["email"], identity.PasswordReset))
	w.words = append(w.words, w.person.Token, w.refresh, strings.Split(w.person.Token, ".")[1],
		strings.Split(w.person.Token, ".")[2])
}

// nextWord returns the words in turn.
func (w *privacyRun) nextWord() string {
	w.turn++
	return w.words[w.turn%len(w.words)]
}

// visitor returns a new administrator without private data, with known values.
func (w *privacyRun) visitor(t *testing.T, values func(*harness.Client) object) (*harness.Client, object) {
	c := w.s.NewUserWithRole(t, auth.Admin, fmt.Sprintf("Visitor%d", len(w.exchanges)))
	c.RenewedToken, c.Undocumented = nil, true
	known := values(c)
	for what, word := range privateValues {
		if known[what] == nil {
			known[what] = word
		}
	}
	known["refresh"], known["email"] = w.refresh, privateValues["email"]
	return c, known
}

// exerciseRoute sends the next words in every part of the request, whether the route reads it or not.
func (w *privacyRun) exerciseRoute(t *testing.T, r harness.Route) {
	c, known := w.visitor(t, func(c *harness.Client) object { return c.KnownValuesFor(r) })
	c = c.CallerOf(r)
	anonymous, forger := w.s.Anonymous(t), w.s.Anonymous(t)
	anonymous.Undocumented, forger.Undocumented = true, true
	body, at := bodyOrNone(r, known), r.PathWith(r.PathID(known))
	send := func(path string, body any, headers ...string) {
		a := w.do(c, r, path, body, headers...)
		if a.Status == 204 && strings.HasPrefix(r.Path, "/api/auth/logout") {
			c.Token = c.SignIn()
		}
	}
	send(at, body)
	w.do(anonymous, r, at, body, "User-Agent", w.nextWord())
	for range 2 {
		forger.Token = url.PathEscape(w.nextWord())
		w.do(forger, r, r.PathWith(url.PathEscape(w.nextWord())), body)
	}
	if r.Method == "GET" {
		w.do(c, harness.Route{Method: "HEAD", Path: r.Path}, at, nil, "User-Agent", w.nextWord())
	}
	send(r.PathWith(url.PathEscape(w.nextWord())), body)
	for _, name := range append(r.ParameterNames("query"), w.nextWord(), "fields") {
		send(harness.PathWithQuery(at, name, w.nextWord()), body)
	}
	if w.first {
		w.sendHeaders(r, send, at, body)
	}
	var changes []object
	for _, name := range append(r.BodyMembers(), w.nextWord(), "id") {
		for _, value := range []any{w.nextWord(), object{w.nextWord(): w.nextWord()}, []any{w.nextWord()}, nil} {
			changes = append(changes, object{name: value})
		}
	}
	for _, change := range harness.Sample(len(r.String()), changes) {
		changed := r.Body(known)
		maps.Copy(changed, change)
		send(at, changed)
	}
	word := w.nextWord()
	for _, raw := range []string{`{"` + word, word, `{"name":"` + strings.Repeat(word, 70<<10/len(word)) + `"}`,
		strings.Repeat("[", 40) + word} {
		send(at, raw)
	}
}

// sendHeaders sends a fifth of the words in every header. Headers that cause no rejection are sent together, each with
// a different word. A header that may end the request before the others are read is sent alone.
func (w *privacyRun) sendHeaders(r harness.Route, send func(path string, body any, headers ...string), at string,
	body any) {
	harmless := []string{
		"User-Agent", "Referer", "Cookie", "X-Request-Id", "X-Forwarded-For",
		"Accept", "Prefer", "Origin", "traceparent", "tracestate",
	}
	alone := []string{"Content-Type", "Content-Encoding"}
	for _, name := range r.ParameterNames("header") {
		if !slices.Contains(harmless, name) {
			alone = append(alone, name)
		}
	}
	turns := make([]int, len(w.words))
	for i := range turns {
		turns[i] = i
	}
	for _, i := range harness.SampleFifth(len(r.String()), turns) {
		var together []string
		for j, name := range harmless {
			together = append(together, name, w.words[(i+j)%len(w.words)])
		}
		send(at, body, together...)
		for _, name := range alone {
			send(at, body, name, w.words[i])
		}
	}
}

// bodyOrNone returns a body for a route that accepts one.
func bodyOrNone(r harness.Route, known object) any {
	if r.Operation.RequestBody == nil {
		return nil
	}
	return r.Body(known)
}

// provokeRefusals sends well-formed requests that are rejected.
func (w *privacyRun) provokeRefusals(t *testing.T) {
	p, c := privateValues, w.person
	one := harness.Route{Method: "PUT", Path: "/api/patients/{id}/"}
	at := "/api/patients/" + w.patient
	patient := object{"name": p["name"], "age": 1, "gender": "Other", "notes": p["notes"],
		"medical_record_number": p["medical_record_number"]}
	w.request(c, "POST", "/api/patients/", patient).Expect(409)
	w.request(c, "POST", "/api/patients/", patient, "Idempotency-Key", p["key"]).Expect(422)
	w.do(c, one, at, patient, "If-Match", `"v9"`).Expect(412)
	for _, word := range w.words {
		w.do(c, one, at, object{"name": p["name"], "age": 1, "gender": word}).Expect(400)
		w.do(c, one, at, object{"gender": object{word: word}, "age": word}).Expect(400)
		w.do(c, one, at, object{"name": word, word: 1}, "Prefer", "handling=strict").Expect(400)
		w.request(c, "PROPFIND", "/api/"+url.PathEscape(word), nil).Expect(501)
		w.request(c, "GET", "/api/"+url.PathEscape(word)+"/", nil).Expect(404)
		w.request(c, "DELETE", "/api/doctors/?q="+url.QueryEscape(word), nil).Expect(405)
		w.request(c, "GET", "/problems/"+url.PathEscape(word), nil).Expect(404)
		w.request(c, "GET", "/docs/"+url.PathEscape(word), nil).Expect(404)
		w.request(c, "GET", "/api/patients/?search="+url.QueryEscape(strings.Repeat(word, 2100/len(word)+1)),
			nil).Expect(414)
		w.request(c, "POST", "/api/patients/", word, "Content-Type", "text/plain").Expect(415)
		w.request(c, "GET", "/api/users/?search="+url.QueryEscape(word), nil).Expect(403)
	}
	w.request(c, "POST", "/api/auth/register/",
		object{"name": p["name"], "email": p["email"], "password": p["password"]}).Expect(409)
	old := c.Token
	for _, forged := range []string{old[:len(old)-3] + "abc", "eyJhbGciOiJub25lIn0." + strings.Split(old, ".")[1] + ".",
		strings.Repeat(old, 5), w.refresh} {
		w.request(w.s.Anonymous(t), "GET", "/api/auth/me/", nil, "Authorization", "Bearer "+forged).Expect(401)
	}
	w.clock.Advance(48 * time.Hour)
	w.request(c, "GET", "/api/auth/me/", nil).Expect(401) // the token has expired
	w.request(c, "POST", "/api/auth/refresh/", object{"refresh": w.refresh}).Expect(401)
	w.signIn(t)
	for n := range 5 {
		a := w.request(c, "POST", "/api/auth/login/", object{"email": p["email"], "password": p["password"] + "!"})
		a.Expect(map[bool]int{true: 401, false: 429}[n < 3])
	}
	w.request(c, "POST", "/api/auth/password/",
		object{"current_password": p["password"], "new_password": p["password"]}).Expect(429)
	w.request(c, "DELETE", "/api/auth/me/", object{"password": p["password"]}).Expect(429)
}

// abandonResponses sends requests that are malformed as HTTP, or are rejected before they are read. Every request has a
// valid token.
func (w *privacyRun) abandonResponses(t *testing.T) {
	unread := func(status int, method, raw string) {
		t.Helper()
		require.Equal(t, status, w.sendRaw(t, method, raw), "%q", raw)
	}
	token := "Authorization: Bearer " + w.person.Token + "\r\n"
	head := " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + token
	for _, word := range w.words {
		unread(400, "GET", "GET /api/patients/"+head+"no header "+word+"\r\n\r\n")
		unread(400, "GET", "GET /api/patients/?search="+url.QueryEscape(word)+head+token+"\r\n") // two of them
		unread(
			400, "POST",
			"POST /api/patients/"+head+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+word)
		unread(
			400, "POST", "POST /api/patients/"+head+"Content-Length: "+strings.ReplaceAll(word, " ",
				"")+"\r\n\r\n"+word)
		unread(400, "GET", "GET /api/patients/"+url.PathEscape(word)+" HTTP/3.0\r\nHost: 127.0.0.1\r\n"+token+"\r\n")
		unread(400, "GET", "GET /api/patients/"+head+"X: a\n "+word+"\r\n\r\n")
		unread(
			413, "POST",
			"POST /api/patients/"+head+"Content-Type: application/json\r\nContent-Length: 999999\r\n\r\n"+word)
		unread(431, "GET", "GET /api/patients/"+head+"Cookie: "+strings.Repeat(word, 9000/len(word))+"\r\n\r\n")
		unread(
			421, "GET",
			"GET /api/patients/?search="+url.QueryEscape(word)+" HTTP/1.1\r\nHost: kanari.example\r\n"+token+"\r\n")
	}
	unread(501, "KANARI", "KANARI /api/patients/"+head+"\r\n")
	unread(
		408, "POST",
		"POST /api/patients/"+head+"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n"+privateValues["name"])
}

// breakStore breaks one dependency of the service at a time, and calls every route meanwhile.
func (w *privacyRun) breakStore(t *testing.T) {
	exec := func(statement string) {
		t.Helper()
		require.NoError(t, w.s.DB.Write(t.Context()).Exec(statement).Error)
	}
	for _, table := range []string{
		"users", "sessions", "patients", "doctors", "assignments",
		"idempotency_keys", "signin_attempts", "known_clients", "registrations",
	} {
		c, known := w.visitor(t, (*harness.Client).KnownValues)
		exec("ALTER TABLE " + table + " RENAME TO " + table + "_gone")
		least := 1
		switch table {
		case "known_clients", "registrations": // only some sign-ins and registrations need them
			least = 0
			w.request(
				w.s.Anonymous(t),
				"POST",
				"/api/auth/register/",
				object{"name": w.nextWord(), "email": w.nextWord() + "@clinic.example",
					"password": privateValues["password"]},
			)
		}
		require.GreaterOrEqual(t, w.callAll(t, c, known, "Idempotency-Key", privateValues["key"]), least)
		exec("ALTER TABLE " + table + "_gone RENAME TO " + table)
	}
	c, known := w.visitor(t, (*harness.Client).KnownValues)
	w.violateConstraints(t, exec)
	w.cutConnections(t)
	require.GreaterOrEqual(t, w.callAll(t, c, known), 2)
	require.NoError(t, w.s.DB.Close())
	require.GreaterOrEqual(t, w.callAll(t, c, known), 2)
	require.GreaterOrEqual(t, w.request(c, "GET", "/readyz", nil).Status, 500)
}

// callAll calls a third of the routes with valid parameters while the store is broken, and returns the number of
// failures.
func (w *privacyRun) callAll(t *testing.T, c *harness.Client, known object, headers ...string) (failed int) {
	w.broken++
	for _, r := range harness.Sample(w.broken, w.s.Routes()) {
		if strings.HasPrefix(r.Path, "/api/auth/logout") || r.Path == "/api/explosives/" {
			continue // if it succeeded, later routes would fail
		}
		at := r.PathWith(r.PathID(known))
		if slices.Contains(r.ParameterNames("query"), "search") {
			at = harness.PathWithQuery(at, "search", w.nextWord())
		}
		if w.do(c, r, at, bodyOrNone(r, known), headers...).Status >= 500 {
			failed++
		}
	}
	return failed
}

// violateConstraints makes the store reject rows by an unknown constraint and by a trigger that quotes them, and stores
// values that cannot be read.
func (w *privacyRun) violateConstraints(t *testing.T, exec func(statement string)) {
	c, one := w.person, harness.Route{Method: "PUT", Path: "/api/patients/{id}/"}
	patient := object{"name": privateValues["name"], "age": 1, "gender": "Other", "phone": privateValues["phone"],
		"notes": privateValues["notes"]}
	change := func() harness.Response { return w.do(c, one, "/api/patients/"+w.patient, patient) }
	add := func() harness.Response { return w.request(c, "POST", "/api/patients/", patient) }

	exec("UPDATE patients SET phone = '' WHERE id <> '" + w.patient + "'")
	exec("CREATE UNIQUE INDEX patients_phone_key ON patients (phone) WHERE phone <> ''")
	add().Expect(409)
	exec("DROP INDEX patients_phone_key")
	w.whileLocked(t, func() { add().Expect(503) })
	broken := 500
	if w.s.DB.Engine() == database.Postgres {
		exec("ALTER TABLE patients ADD CONSTRAINT patients_notes_check CHECK (length(notes) < 3) NOT VALID")
		add().Expect(400)
		exec("ALTER TABLE patients DROP CONSTRAINT patients_notes_check")
		exec(
			`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			RAISE EXCEPTION 'not %, % of %', NEW.phone, NEW.notes, NEW.name; END $$`)
		exec("CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON patients FOR EACH ROW EXECUTE FUNCTION refuse()")
	} else {
		exec("CREATE TRIGGER refuse BEFORE INSERT ON patients BEGIN SELECT RAISE(ABORT, 'no'); END")
		broken = 400 // it cannot be distinguished from a constraint
	}
	add().Expect(broken)
	exec("DROP TRIGGER refuse" + map[database.Engine]string{database.Postgres: " ON patients"}[w.s.DB.Engine()])

	change().Expect(200)
	if w.s.DB.Engine() == database.Postgres {
		exec("ALTER TABLE patients ALTER COLUMN version TYPE text USING phone || notes")
	} else {
		exec("UPDATE patients SET created_at = phone || notes")
	}
	for range 3 * w.db.PoolSize { // a statement that a connection has prepared fails differently, once
		w.do(c, harness.Route{Method: "GET", Path: "/api/patients/{id}/"}, "/api/patients/"+w.patient, nil).Expect(500)
	}
	change().Expect(500)
}

// whileLocked runs steps while another connection locks the table of patients.
func (w *privacyRun) whileLocked(t *testing.T, steps func()) {
	driver, source, lock := "sqlite", w.db.Path, "BEGIN IMMEDIATE"
	if w.db.URL != "" {
		driver, source, lock = "pgx", w.db.URL, "BEGIN; LOCK TABLE patients"
	}
	pool, err := sql.Open(driver, source)
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	pool.SetMaxOpenConns(1)
	_, err = pool.ExecContext(t.Context(), lock)
	require.NoError(t, err)
	steps()
	_, err = pool.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
}

// cutConnections ends every connection to PostgreSQL, which rejects new ones. The embedded store is always reachable.
func (w *privacyRun) cutConnections(t *testing.T) {
	if w.db.URL == "" {
		return
	}
	address, err := url.Parse(w.db.URL)
	require.NoError(t, err)
	name := strings.Trim(address.Path, "/")
	address.Path = "/postgres"
	harness.Exec(t, database.Config{URL: address.String()},
		"ALTER DATABASE "+name+" ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
}
