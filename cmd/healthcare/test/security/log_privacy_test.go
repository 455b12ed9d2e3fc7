package security

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/database"
	"healthcare/platform/httpserver"
)

// share one walk, because it takes long.
func TestR26R27R28_LogAndErrorsContainNoPrivateData(t *testing.T) {
	eachPrivacyRun(t, func(t *testing.T, w *privacyRun) {
		t.Run("R-26: the log contains no private data", func(t *testing.T) { checkLogPrivacy(t, w) })
		t.Run("R-27: each request has one line", func(t *testing.T) { checkRequestLines(t, w) })
		t.Run("R-28: no response contains internals", func(t *testing.T) { checkResponseInternals(t, w) })
	})
}

var refusedHost = regexp.MustCompile(`(?m)^.*a request was rejected because its host is not one of allowed_hosts.*$`)

// at the most detailed level, the log contains no private value in any encoding.
func checkLogPrivacy(t *testing.T, w *privacyRun) {
	log := strings.ToLower(w.s.Log.String())
	log = refusedHost.ReplaceAllString(log, "") // the log names a host that is missing in allowed_hosts
	shows := func(form string) {                // prints only the offending line
		if at := strings.Index(log, strings.ToLower(form)); at >= 0 {
			begin := strings.LastIndex(log[:at], "\n") + 1
			line, _, _ := strings.Cut(log[begin:], "\n")
			require.Fail(t, "the log holds "+form, line)
		}
	}
	for _, what := range []string{`"msg":"request"`, `"msg":"panic"`, `"msg":"slow statement"`, "insert into", "update",
		"delete", `"status":500`, `"error"`} {
		require.Contains(t, log, what, "the walk must cause such a line")
	}
	stored := fmt.Sprint(w.stored)
	for _, word := range w.words {
		require.GreaterOrEqual(t, w.sent[word], 5, "%q was not sent often enough", word)
		for _, form := range encodings(word) {
			shows(form)
		}
	}
	for what, word := range privateValues {
		switch what {
		case "password", "agent", "key": // an agent is deleted with its session, and a key when it expires
		default:
			require.Contains(t, stored, word, "%s is stored as it is", what)
		}
	}
	for _, table := range []string{"users", "sessions", "signin_attempts"} {
		for _, row := range w.stored[table] {
			for column, value := range row { // every word was also sent as a name and as a User-Agent
				require.True(
					t,
					column == "name" || column == "client" || !strings.Contains(value, privateValues["password"]),
					"%s.%s holds a password",
					table,
					column,
				)
			}
		}
	}
	shows("kanari")
	t.Logf("%d requests, %d KiB of log", len(w.exchanges), len(log)>>10)
}

// encodings returns the forms in which a text may be logged.
func encodings(word string) []string {
	quoted, _ := json.Marshal(word)
	twice, _ := json.Marshal(string(quoted))
	all := []string{
		word, strings.Trim(string(quoted), `"`), strings.Trim(string(twice), `"\`),
		strings.Trim(strconv.QuoteToASCII(word), `"`),
		url.QueryEscape(word), url.PathEscape(word), hex.EncodeToString([]byte(word)),
	}
	for skip := range 3 { // base64 has three encodings of a text, depending on its offset
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := strings.Repeat(" ", skip) + word
			all = append(all, encoding.EncodeToString([]byte(text))[(skip*8+5)/6:len(text)*8/6])
		}
	}
	slices.Sort(all)
	return slices.Compact(all) // a plain word has the same form in several encodings
}

// each request has one line, with any outcome, and every line of the log is a JSON object.
func checkRequestLines(t *testing.T, w *privacyRun) {
	for line := range strings.Lines(w.s.Log.String()) {
		var o object
		require.NoError(t, json.Unmarshal([]byte(line), &o), line)
	}
	ids := map[string]bool{}
	for _, h := range w.exchanges {
		line := h.line(t)
		require.False(t, ids[h.id], "request ids are unique")
		ids[h.id] = true
		members := []string{"client", "level", "method", "msg", "request_id", "route", "status", "took_ms", "ts"}
		if h.status >= 500 {
			members = append(members, "error")
		}
		require.ElementsMatch(t, members, slices.Collect(maps.Keys(line)), h.what)
		require.Equal(t, h.id, line["request_id"], h.what)
		require.EqualValues(t, h.status, line["status"], h.what)
		if line["method"] == "unknown" {
			require.Contains(t, []int{400, 408, 413, 431, 501}, h.status, "%s: only an unread request has no method",
				h.what)
			require.Equal(t, "unmatched", line["route"], h.what)
		} else {
			require.Equal(t, h.method, line["method"], h.what)
		}
		require.Equal(t, "127.0.0.1", line["client"], h.what)
		require.Greater(t, line["took_ms"], 0.0, h.what)
		require.Equal(t, h.status >= 500, line["level"] == "error", h.what)
		if w.s.Document.Paths.Value(h.route) != nil && line["route"] != "unmatched" || h.status < 300 {
			require.Equal(t, h.route, line["route"], h.what)
		}
		require.True(t, line["route"] == "unmatched" || w.s.Document.Paths.Value(line["route"].(string)) != nil,
			"%s: %v", h.what, line)
	}
	reached := map[int]bool{}
	for _, h := range w.exchanges {
		reached[h.status] = true
	}
	for _, status := range []int{200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 412, 413, 414, 415, 421, 422,
		429, 431, 500, 501, 503} {
		require.True(t, reached[status], "%d is among them", status)
	}
}

// line returns the only line of a request.
func (h exchange) line(t *testing.T) object {
	t.Helper()
	var found []object
	for _, line := range h.lines {
		if !strings.Contains(line, `"msg":"request"`) { // most are of statements
			continue
		}
		var o object
		require.NoError(t, json.Unmarshal([]byte(line), &o), "%s: %q", h.what, line)
		if o["msg"] == "request" {
			found = append(found, o)
		}
	}
	require.Len(t, found, 1, "%s %v", h.what, h.lines)
	return found[0]
}

// internals are patterns of texts that no response may contain, in addition to the names of this database and this
// machine, each by a part of every text that it matches in lower case, which is found faster.
var internals = map[string]*regexp.Regexp{
	"select": regexp.MustCompile(`(?i)\bselect\s`), "update": regexp.MustCompile(`(?i)\bupdate\s+"?\w+"?\s+set`),
	"no such": regexp.MustCompile(`(?i)no such (table|column)`), ".go": regexp.MustCompile(`(?i)\.go(\b|:\d)`),
	"zap": regexp.MustCompile(`(?i)zap\b`), "0x": regexp.MustCompile(`(?i)0x[0-9a-f]{6,}`),
	"errs.": inPackage, "errors.": inPackage, "domain.": inPackage, "ports.": inPackage, "json.": inPackage,

	"sqlstate": nil, "insert into": nil, "delete from": nil, "syntax error": nil, "duplicate key": nil, "violates": nil,
	"constraint": nil, `relation "`: nil, "gorm": nil, "pgx": nil, "pgconn": nil, "sqlite": nil, "postgres": nil,
	"goroutine": nil, "panic": nil, "runtime error": nil, "fasthttp": nil, "fiber": nil, "healthcare/": nil,
	"/modules/": nil, "nil pointer": nil, "argon2": nil, "hmac": nil,
}

var inPackage = regexp.MustCompile(`(?i)\*?(errs|errors|domain|ports|json)\.[A-Z]\w+`)

// requireNoInternals requires that a response shows none of internals.
func requireNoInternals(t *testing.T, text, what string) {
	t.Helper()
	lower := strings.ToLower(text)
	for part, pattern := range internals {
		if strings.Contains(lower, part) {
			require.NotNil(t, pattern, "%s: %q in %s", what, part, text)
			require.NotRegexp(t, pattern, text, what)
		}
	}
}

// no response shows internals of the service, and a problem has the request id of its line in the log.
func checkResponseInternals(t *testing.T, w *privacyRun) {
	inside := w.internalNames(t)
	problems := 0
	for _, h := range w.exchanges {
		text := h.text
		for _, random := range []*regexp.Regexp{ // which may contain any letters
			harness.TokenPattern, harness.CodePattern, harness.SecretPattern, harness.FeedPattern,
		} {
			text = random.ReplaceAllString(text, "…")
		}
		requireNoInternals(t, text, h.what)
		for _, name := range inside {
			if strings.Contains(text, name) { // faster than require.NotContains, for millions of names
				require.Fail(t, "the response has the internal name "+name, "%s: %s", h.what, text)
			}
		}
		if h.status < 400 || h.method == http.MethodHead {
			continue
		}
		problems++
		var p httpserver.Problem
		_, body, _ := strings.Cut(h.text, "\n")
		require.NoError(t, json.Unmarshal([]byte(body), &p), h.what)
		require.Equal(t, h.id, p.RequestID, h.what)
		require.Equal(t, p.RequestID, h.line(t)["request_id"], h.what)
		if h.status == 500 {
			require.Equal(t, "The server failed. Its log has the cause under the request id.", p.Detail, h.what)
			require.NotEmpty(t, h.line(t)["error"], "%s: the log has the cause", h.what)
		}
	}
	require.Greater(t, problems, 500)
}

// internalNames returns the names of tables, constraints and columns that are not in the contract, of the machine, its
// files and its processes.
func (w *privacyRun) internalNames(t *testing.T) []string {
	host, err := os.Hostname()
	require.NoError(t, err)
	folder, err := os.Getwd()
	require.NoError(t, err)
	address, err := url.Parse(w.db.URL)
	require.NoError(t, err)
	names := []string{folder, os.TempDir() + "/"}
	for _, name := range []string{host, w.db.Path, w.db.URL, strings.Trim(address.Path, "/")} {
		if len(name) > 4 { // a token may contain a shorter name
			names = append(names, name)
		}
	}
	contract, err := w.s.Document.MarshalJSON()
	require.NoError(t, err)
	for _, name := range w.schema {
		if !strings.Contains(string(contract), name) {
			names = append(names, name)
		}
	}
	require.Greater(t, len(names), 30)
	return names
}

// schemaNames returns the names of all tables, columns, indexes and constraints.
func schemaNames(t *testing.T, s *harness.Service) []string {
	t.Helper()
	catalogue := "SELECT name FROM sqlite_master"
	if s.DB.Engine() == database.Postgres {
		catalogue = "SELECT conname FROM pg_constraint UNION " +
			"SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
	}
	var names []string
	require.NoError(t, s.DB.Read(t.Context()).Raw(catalogue).Scan(&names).Error)
	return slices.Concat(names, s.TableNames(t), s.ColumnNames(t))
}

// sendRaw sends bytes on a new connection, and records the first response.
func (w *privacyRun) sendRaw(t *testing.T, method, raw string) int {
	t.Helper()
	from := w.logLength()
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(t.Context(), "tcp",
		strings.TrimPrefix(w.s.URL, "http://"))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(conn, raw)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(t, err, "%q", raw)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	w.count(raw)
	w.recordExchange(exchange{what: fmt.Sprintf("%.200q", raw), method: method, status: response.StatusCode}, from,
		response.Header, body)
	return response.StatusCode
}
