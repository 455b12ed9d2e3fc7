package httpserver

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/contract"
	"healthcare/platform/keyring"
	"healthcare/platform/rest"
)

// thingsDocument describes the API that these tests serve.
const thingsDocument = `
openapi: 3.0.3
info: {title: Things, version: "1.0"}
x-user-roles: {staff: All users., admin: Some users.}
x-audit-resources: {User: {}}
paths:
  /things/:
    get: {operationId: listThings, x-access: public, responses: {"200": {description: All.}}}
    post:
      operationId: addThing
      x-access: public
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
      responses: {"201": {description: Added.}}
  /things/{id}/:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get: {operationId: readThing, x-access: authenticated, responses: {"200": {description: One.}}}
    delete: {operationId: removeThing, x-access: authenticated, responses: {"204": {description: Removed.}}}
  /things/claims/:
    post:
      operationId: claimThing
      x-access: public
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
      responses: {"201": {description: Claimed.}}
  /small/:
    post:
      operationId: addSmall
      x-access: public
      x-body-limit: 64
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
      responses: {"201": {description: Added.}}
  /staff/:
    get: {operationId: forStaff, x-access: [admin, staff], x-audit: User, responses: {"200": {description: For some.}}}
  /admins/:
    get: {operationId: forAdmins, x-access: [admin], x-audit: User, responses: {"200": {description: For others.}}}
  /panic/:
    get: {operationId: panics, x-access: public, responses: {"200": {description: Never.}}}
  /held/:
    get: {operationId: holds, x-access: public, responses: {"200": {description: When it is released.}}}
components:
  schemas:
    Thing:
      type: object
      required: [name]
      properties:
        {name: {type: string}, count: {type: integer}, alive: {type: boolean}, note: {type: string, nullable: true}}
`

// thing has the form of generated types: required, optional, and nullable members.
type thing struct {
	Name  string                    `json:"name"`
	Count int                       `json:"count,omitempty"`
	Alive *bool                     `json:"alive,omitempty"`
	Note  nullable.Nullable[string] `json:"note,omitempty"`
}

func same(in thing) thing { return in }

// testKeys returns the keys of cursors.
func testKeys() keyring.Ring {
	keys, err := keyring.New([]byte("a secret of the tests: 32 bytes or more"))
	if err != nil {
		panic(err)
	}
	return keys
}

const token = "the-one-good-token" // #nosec G101 -- a test value

var someone = auth.Principal{UserID: uuid.MustParse("0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"), Role: auth.Staff}

type oneToken struct{}

// Authenticate implements auth.Authenticator.
func (oneToken) Authenticate(_ context.Context, given string) (auth.Principal, error) {
	if given != token {
		return auth.Principal{}, auth.ErrInvalidToken
	}
	return someone, nil
}

// testServer is a server on a free port that records the calls of its handlers.
type testServer struct {
	*Server
	logged  *observer.ObservedLogs
	handled atomic.Int64         // number of handlers that ran
	entered chan context.Context // one per request to /held/
	release chan struct{}        // releases one of them
	panics  any                  // what /panic/ panics with
	broken  error                // the error of readiness
}

func (s *testServer) api() rest.API {
	answer := func(status int) fiber.Handler {
		return func(c *fiber.Ctx) error {
			s.handled.Add(1)
			return c.Status(status).JSON(fiber.Map{"by": rest.Principal(c).UserID, "id": c.Params("id")})
		}
	}
	add := func(c *fiber.Ctx) error {
		s.handled.Add(1)
		added, err := rest.Body(c, same)
		if err != nil {
			return err
		}
		return c.Status(fiber.StatusCreated).JSON(added)
	}
	return func(router fiber.Router) {
		router.Get("/things/", answer(fiber.StatusOK))
		router.Post("/things/", add)
		router.Get("/things/:id/", answer(fiber.StatusOK))
		router.Delete("/things/:id/", answer(fiber.StatusNoContent))
		router.Post("/things/claims/", add)
		router.Post("/small/", add)
		router.Get("/staff/", answer(fiber.StatusOK))
		router.Get("/admins/", answer(fiber.StatusOK))
		router.Get("/panic/", func(*fiber.Ctx) error { panic(s.panics) })
		router.Get("/held/", func(c *fiber.Ctx) error {
			s.entered <- c.UserContext()
			<-s.release
			if err := c.UserContext().Err(); err != nil {
				return err
			}
			return answer(fiber.StatusOK)(c)
		})
	}
}

// serve starts a server, which is stopped at the end of the test.
func serve(t *testing.T, adjust ...func(*Config)) *testServer {
	t.Helper()
	return serveObserved(t, unobserved(), adjust...)
}

// contractOf returns the contract of the documents and the platform.
func contractOf(t *testing.T, documents ...string) *contract.Contract {
	t.Helper()
	var all contract.Documents
	for _, document := range documents {
		all = append(all, []byte(document))
	}
	described, err := contract.New("test", all...)
	require.NoError(t, err)
	return described
}

// unobserved returns Telemetry with a new registry.
func unobserved() Telemetry { return Telemetry{Registry: prometheus.NewRegistry()} }

func serveObserved(t *testing.T, observed Telemetry, adjust ...func(*Config)) *testServer {
	t.Helper()
	core, logged := observer.New(zapcore.DebugLevel)
	s := &testServer{logged: logged, entered: make(chan context.Context, 1), release: make(chan struct{}, 1)}
	cfg := Config{
		Address: "127.0.0.1:0", BodyLimit: 4096, HeaderLimit: 2048, URLLimit: 512, Connections: 32,
		ReadTimeout:  2 * time.Second,
		WriteTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second, HandlerTimeout: 3 * time.Second,
		ShutdownTimeout: 5 * time.Second,
		CursorKeys:      testKeys(),
	}
	for _, change := range adjust {
		change(&cfg)
	}
	ready := func(context.Context) error { return s.broken }
	server, err := New(
		cfg, zap.New(core), oneToken{}, contractOf(t, thingsDocument), ready, nil, new(audittest.Recorder), observed,
		s.api(),
	)
	require.NoError(t, err)
	s.Server = server
	require.NoError(t, s.Listen())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = s.app.ShutdownWithContext(ctx) // without the delay
	})
	return s
}

// answer is a response that was read completely.
type answer struct {
	status int
	header http.Header
	body   string
	last   bool // it closes the connection
}

func read(t *testing.T, r *http.Response) answer {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	return answer{r.StatusCode, r.Header, string(body), r.Close}
}

// send sends one request on a new connection. Headers have the form "Name: value".
func (s *testServer) send(t *testing.T, method, target, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Address()+target, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			request.Host = value
		} else {
			request.Header.Set(name, value)
		}
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	response, err := transport.RoundTrip(request) // does not follow redirects
	require.NoError(t, err)
	return read(t, response)
}

// sendRaw sends raw, closes the sending side and returns all responses.
func (s *testServer) sendRaw(t *testing.T, raw string) []answer {
	t.Helper()
	conn := s.dial(t)
	_, _ = conn.Write([]byte(raw)) // the server may close before the end
	_ = conn.(*net.TCPConn).CloseWrite()
	return answers(t, conn, raw)
}

func (s *testServer) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Address())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn
}

func answers(t *testing.T, conn net.Conn, request string) []answer {
	t.Helper()
	var all []answer
	whole, _ := io.ReadAll(conn) // a reset may follow the response: the server closed with unread bytes
	asked := &http.Request{Method: strings.SplitN(request, " ", 2)[0]}
	for in := bufio.NewReader(bytes.NewReader(whole)); ; {
		if _, err := in.Peek(1); err != nil {
			return all
		}
		response, err := http.ReadResponse(in, asked)
		require.NoError(t, err, "%q", whole)
		all = append(all, read(t, response))
	}
}

// lines returns the log in the operator's format.
func (s *testServer) lines(t *testing.T) []string {
	t.Helper()
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	var all []string
	for _, entry := range s.logged.All() {
		line, err := encoder.EncodeEntry(entry.Entry, entry.Context)
		require.NoError(t, err)
		all = append(all, line.String())
	}
	return all
}
