package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"healthcare/cmd/internal/composition"
	"healthcare/platform/auth"
	"healthcare/platform/config"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/httpserver"
)

// service is the whole program on a database of its own, listening on a free port of loopback.
type service struct {
	base     string
	db       *database.DB
	log      *safeBuffer
	contract routers.Router
	document *openapi3.T
	seen     sync.Map // "operationId status" of every answer
}

// eachEngine runs test against the whole program on both engines.
func eachEngine(t *testing.T, test func(t *testing.T, s *service), adjust ...func(*config.Config)) {
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) { test(t, startService(t, db, adjust...)) })
}

func startService(t *testing.T, db database.Config, adjust ...func(*config.Config)) *service {
	t.Helper()
	return startWith(t, db, fx.Options(), adjust...)
}

// startWith is startService with more parts than the program has: a module of the test's own, or a part in another's place.
func startWith(t *testing.T, db database.Config, more fx.Option, adjust ...func(*config.Config)) *service {
	t.Helper()
	cfg, err := config.Default()
	require.NoError(t, err)
	cfg.HTTPAddress = "127.0.0.1:0"
	cfg.SecretKey = "a key of the tests, which nobody else should use anywhere"
	cfg.AuditKey, cfg.DataDir = "another key of the tests, which nobody else should use", t.TempDir()
	cfg.PasswordHashMemory, cfg.PasswordHashIterations, cfg.PasswordHashQueue = 64, 1, 1024                            // cheap: these tests are not about hashing
	cfg.SignInFreeAttempts, cfg.SignInAccountFailures, cfg.SignInClientFailures = 1_000_000, 1_000_000, 1_000_000      // nor about guessing
	cfg.RegistrationsPerHour = 0                                                                                       // nor about registering
	cfg.PasswordHashWait, cfg.HTTPHandlerTimeout, cfg.HTTPReadTimeout = 30*time.Second, 30*time.Second, 30*time.Second // a loaded machine is slow, not broken
	for _, f := range adjust {
		f(&cfg)
	}
	s := &service{log: &safeBuffer{}}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	logger := zap.New(zapcore.NewCore(encoder, s.log, zapcore.DebugLevel))
	var server *httpserver.Server
	app := fx.New(composition.Configuration(cfg, programVersion()), composition.Serving(), more, fx.Replace(db), fx.Replace(logger), fx.Populate(&server, &s.db),
		fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger }))
	require.NoError(t, app.Err())
	require.NoError(t, app.Start(t.Context()))
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections() // the server would let them speak once more
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, app.Stop(ctx))
	})
	s.base = "http://" + server.Address()
	s.readContract(t)
	return s
}

// readContract takes the contract from where a client takes it.
func (s *service) readContract(t *testing.T) {
	answer, err := http.Get(s.base + "/openapi.json")
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	s.document, err = openapi3.NewLoader().LoadFromData(raw)
	require.NoError(t, err)
	s.contract, err = gorillamux.NewRouter(s.document)
	require.NoError(t, err)
}

// client is a REST client. Every answer it gets is held against the contract.
type client struct {
	t     *testing.T
	s     *service
	token string
	name  string
	stay  *string // the token of one who signs in again after signing out
	odd   bool    // sends what the document does not promise to be taken, such as a date with a space before it
}

func (s *service) client(t *testing.T) *client { return &client{t: t, s: s} }

// in is the same client in a subtest.
func (c *client) in(t *testing.T) *client {
	other := *c
	other.t = t
	return &other
}

// answer is what came back.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	raw    []byte
}

// do sends a request; body is sent as it is when it is a string, else as JSON; nil sends none.
func (c *client) do(method, path string, body any, headers ...string) answer {
	c.t.Helper()
	var payload []byte
	switch b := body.(type) {
	case nil:
	case string:
		payload = []byte(b)
	default:
		payload, _ = json.Marshal(b)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.s.base+path, bytes.NewReader(payload))
	require.NoError(c.t, err)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	token := c.token
	if c.stay != nil {
		token = *c.stay
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	a := answer{t: c.t, status: response.StatusCode, header: response.Header, raw: raw}
	c.holdAgainstContract(request, a)
	if c.stay != nil && a.status == http.StatusNoContent && strings.HasPrefix(path, "/api/auth/logout") {
		*c.stay = c.signIn()
	}
	return a
}

// holdAgainstContract fails the test on an answer that the contract does not describe.
func (c *client) holdAgainstContract(request *http.Request, a answer) {
	c.t.Helper()
	for _, name := range []string{"X-Request-Id", "Content-Security-Policy", "X-Content-Type-Options"} {
		require.NotEmpty(c.t, a.header.Get(name), "every answer carries %s", name)
	}
	kept := "no-store"
	if path := request.URL.Path; a.status < 400 && request.Method != http.MethodOptions && (path == "/openapi.json" || strings.HasPrefix(path, "/docs")) {
		kept = "no-cache" // the same for everybody
	}
	require.Equal(c.t, kept, a.header.Get("Cache-Control"))
	require.Empty(c.t, a.header.Get("Server"))
	if a.status >= 400 && request.Method != http.MethodHead {
		c.holdAgainstProblems(a)
	}
	if request.Method == http.MethodOptions && a.status == http.StatusNoContent {
		return // no operation of the contract
	}
	described := httptest.NewRequest(request.Method, strings.TrimPrefix(request.URL.String(), c.s.base), nil)
	if described.Method == http.MethodHead {
		described.Method = http.MethodGet // Fiber answers HEAD where GET is described
	}
	route, parameters, err := c.s.contract.FindRoute(described)
	if err != nil && !strings.HasSuffix(described.URL.Path, "/") { // both forms are served, one is described
		described.URL.Path += "/"
		route, parameters, err = c.s.contract.FindRoute(described)
	}
	if err != nil {
		if request.URL.Path == "/" && a.status == http.StatusSeeOther {
			return // for browsers
		}
		require.Contains(c.t, []int{404, 405, 501, 400, 414, 421}, a.status, "%s %s is not described", request.Method, request.URL.Path)
		return
	}
	if route.Operation.Responses.Status(a.status) == nil { // the default response describes these, and no others
		require.Contains(
			c.t, []int{405, 408, 413, 414, 415, 417, 421, 429, 431, 500, 503},
			a.status, "%s %s: %s", request.Method, request.URL.Path, a.raw,
		)
	}
	c.s.seen.Store(fmt.Sprintf("%s %d", route.Operation.OperationID, a.status), true)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: described, PathParams: parameters, Route: route},
		Status:                 a.status, Header: a.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: request.Method == http.MethodHead || !strings.Contains(a.header.Get("Content-Type"), "json")},
	}
	if len(a.raw) > 0 {
		input.SetBodyBytes(a.raw)
	}
	require.NoError(c.t, openapi3filter.ValidateResponse(c.t.Context(), input), "%s %s: %s", request.Method, request.URL.Path, a.raw)
	if a.status < 300 && !c.odd { // what the service takes, the document allows
		described.Header = request.Header
		described.Body, _ = request.GetBody()
		input.RequestValidationInput.Options = &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
		require.NoError(c.t, openapi3filter.ValidateRequest(c.t.Context(), input.RequestValidationInput), "%s %s", request.Method, request.URL)
	}
}

func (c *client) holdAgainstProblems(a answer) {
	c.t.Helper()
	require.Equal(c.t, "application/problem+json", a.header.Get("Content-Type"))
	var p httpserver.Problem
	require.NoError(c.t, json.Unmarshal(a.raw, &p), "%s", a.raw)
	require.Equal(c.t, a.status, p.Status)
	require.Equal(c.t, "/problems/"+p.Code, p.Type)
	require.Equal(c.t, a.header.Get("X-Request-Id"), p.RequestID)
	require.Contains(c.t, c.s.document.Extensions["x-problems"], p.Code, "every code is explained")
}

// is asserts the status and hands the answer on.
func (a answer) is(status int) answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.raw)
	return a
}

// problem asserts an error by its status and code.
func (a answer) problem(status int, code string) httpserver.Problem {
	a.t.Helper()
	a.is(status)
	var p httpserver.Problem
	a.into(&p)
	require.Equal(a.t, code, p.Code)
	return p
}

// withoutRequestID is the body with the request's id left out, which also leaves the header: two requests have two.
func (a answer) withoutRequestID() string {
	id := a.header.Get("X-Request-Id")
	a.header.Del("X-Request-Id")
	return strings.ReplaceAll(string(a.raw), id, "")
}

func (a answer) into(v any) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal(a.raw, v), "%s", a.raw)
}

// object is the answer's JSON object.
func (a answer) object() (o map[string]any) {
	a.t.Helper()
	a.into(&o)
	return o
}

// list is the answer's JSON array of objects.
func (a answer) list() (l []map[string]any) {
	a.t.Helper()
	require.Equal(a.t, byte('['), a.raw[0], "a list is a bare array: %s", a.raw)
	a.into(&l)
	return l
}

func (a answer) id() string {
	a.t.Helper()
	id, _ := a.object()["id"].(string)
	require.Len(a.t, id, 36, "%s", a.raw)
	return id
}

type object = map[string]any

// user registers and signs in somebody new.
func (s *service) user(t *testing.T, name string) *client {
	t.Helper()
	c := s.client(t)
	c.name = name
	c.do("POST", "/api/auth/register/", object{"name": name, "email": c.email(), "password": password}).is(201)
	c.token = c.signIn()
	return c
}

// password is everybody's.
const password = "correct horse"

func (c *client) email() string { return strings.ToLower(c.name) + "@clinic.example" }

func (c *client) signIn() string {
	c.t.Helper()
	return c.signInFully()["access"].(string)
}

func (c *client) signInFully() object {
	c.t.Helper()
	nobody := &client{t: c.t, s: c.s}
	return nobody.do("POST", "/api/auth/login/", object{"email": c.email(), "password": password}).is(200).object()
}

// as is a new user of that role, whom no route can sign out for long.
func (s *service) as(t *testing.T, role auth.Role, name string) *client {
	t.Helper()
	c := s.user(t, name)
	c.stay = &c.token
	require.NoError(t, s.db.Write(t.Context()).Exec("UPDATE users SET role = ? WHERE mailbox = ?", role, c.email()).Error)
	return c
}

// id is that of the client's own account.
func (c *client) id() string {
	c.t.Helper()
	return c.do("GET", "/api/auth/me/", nil).is(200).id()
}

func (c *client) addPatient(fields ...object) string {
	c.t.Helper()
	patient := object{"name": "Ananya Verma", "age": 31, "gender": "Female"}
	for _, more := range fields {
		maps.Copy(patient, more)
		maps.DeleteFunc(patient, func(_ string, v any) bool { return v == remove })
	}
	return c.do("POST", "/api/patients/", patient).is(201).id()
}

func (c *client) addDoctor() string {
	c.t.Helper()
	return c.do("POST", "/api/doctors/", object{"name": "Dr. Vikram Khanna", "specialization": "Dermatology", "experience": 9}).is(201).id()
}

func (c *client) assign(patient, doctor string) answer {
	c.t.Helper()
	return c.do("POST", "/api/mappings/", object{"patient": patient, "doctor": doctor})
}

// safeBuffer keeps the log for tests that look into it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// Sync implements zapcore.WriteSyncer.
func (b *safeBuffer) Sync() error { return nil }

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
