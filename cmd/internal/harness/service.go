//go:build unix

package harness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"healthcare/cmd/internal/composition"
	"healthcare/modules/identity"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/contract"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/httpserver"
)

// BehindProxy trusts X-Forwarded-For for the client's address, and sets the default handler timeout.
func BehindProxy(cfg *config.Config) {
	cfg.TrustedProxies, cfg.HTTPHandlerTimeout = []string{"127.0.0.0/8"}, 1500*time.Millisecond
}

// WithClock makes the whole program use this clock.
func WithClock(manual *clock.Manual) fx.Option {
	return fx.Decorate(func(clock.Clock) clock.Clock { return manual })
}

// WithDocument adds a part to the contract, which describes an API of the test.
func WithDocument(document string) fx.Option {
	return fx.Decorate(func(all contract.Documents) contract.Documents { return append(all, []byte(document)) })
}

// Service is the whole program on a database of its own, listening on a free port of loopback.
type Service struct {
	URL      string
	DB       *database.DB
	Log      *safeBuffer
	contract routers.Router
	found    sync.Map // results of findRoute by method and path
	Document *openapi3.T
	Answered sync.Map // "operationId status" of every response

	Resources    map[audit.Resource]contract.Resource // as the modules declare them
	expectations map[string]Expectation
	routes       []Route
	contacts     identity.Contacts
	MailFolder   string // where messages are written
	clock        clock.Clock
}

// secretKey is the SECRET_KEY of services.
const secretKey = "a key of the tests, which nobody else should use anywhere"

// EachEngine runs test against the whole program on both engines.
func EachEngine(t *testing.T, test func(t *testing.T, s *Service), adjust ...func(*config.Config)) {
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) { test(t, Start(t, db, adjust...)) })
}

// Start starts the program on the database.
func Start(t *testing.T, db database.Config, adjust ...func(*config.Config)) *Service {
	t.Helper()
	return StartWith(t, db, fx.Options(), adjust...)
}

// StartWith starts the program like Start, with additional parts: a module of the test, or a replacement of a part.
func StartWith(t *testing.T, db database.Config, more fx.Option, adjust ...func(*config.Config)) *Service {
	t.Helper()
	cfg, err := config.Default()
	require.NoError(t, err)
	cfg.HTTPAddress = "127.0.0.1:0"
	cfg.SecretKey = secretKey
	cfg.AuditKey, cfg.DataDir = "another key of the tests, which nobody else should use", t.TempDir()
	// cheap: these tests are not about hashing
	cfg.PasswordHashMemory, cfg.PasswordHashIterations, cfg.PasswordHashQueue = 64, 1, 1024
	// nor about guessing
	cfg.SignInFreeAttempts, cfg.SignInAccountFailures, cfg.SignInClientFailures = 1_000_000, 1_000_000, 1_000_000
	// nor about registering
	cfg.RegistrationsPerHour = 0
	// a loaded machine is slow
	cfg.PasswordHashWait, cfg.HTTPHandlerTimeout, cfg.HTTPReadTimeout = 30*time.Second, 30*time.Second, 30*time.Second
	for _, f := range adjust {
		f(&cfg)
	}
	s := &Service{Log: &safeBuffer{}, MailFolder: cfg.MailFolder(), expectations: Expectations(t)}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	logger := zap.New(zapcore.NewCore(encoder, s.Log, zapcore.DebugLevel))
	var server *httpserver.Server
	var described *contract.Contract
	recordsInTransactions := fx.Decorate(func(db *database.DB, next audit.Recorder) audit.Recorder {
		return audittest.Transactional(t, db, next)
	})
	program := fx.Module("program", composition.Serving(), recordsInTransactions) // a module: more may decorate, too
	app := fx.New(composition.Configuration(cfg, TestVersion), program, more, fx.Replace(db), fx.Replace(logger),
		fx.Populate(&server, &s.DB, &described, &s.contacts, &s.clock),
		fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger }))
	require.NoError(t, app.Err())
	require.NoError(t, app.Start(t.Context()))
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections() // the server would serve one more request on them
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := app.Stop(ctx); err != nil { // a cleanup that ends the test would fail it without a message
			t.Error(err)
		}
	})
	s.URL = "http://" + server.Address()
	s.Resources = described.Resources
	s.readContract(t)
	return s
}

// readContract reads the contract from the URL that clients use.
func (s *Service) readContract(t *testing.T) {
	response, err := http.Get(s.URL + "/openapi.json")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	key := sha256.Sum256(raw)
	known, exists := documents.Load(key)
	if !exists {
		document, err := openapi3.NewLoader().LoadFromData(raw)
		require.NoError(t, err)
		router, err := gorillamux.NewRouter(document)
		require.NoError(t, err)
		known, _ = documents.LoadOrStore(key, parsedDocument{document, router})
	}
	s.Document, s.contract = known.(parsedDocument).document, known.(parsedDocument).router
	s.routes = s.findRoutes()
}

// documents has the parsed documents by their digest. Most services of a package publish the same one.
var documents sync.Map // [sha256.Size]byte -> parsedDocument

type parsedDocument struct {
	document *openapi3.T
	router   routers.Router
}

// Anonymous returns a client without a token.
func (s *Service) Anonymous(t *testing.T) *Client { return &Client{T: t, Service: s} }

// NewUser registers and signs in a new user.
func (s *Service) NewUser(t *testing.T, name string) *Client {
	t.Helper()
	c := s.Anonymous(t)
	c.Name = name
	c.Do("POST", "/api/auth/register/", Object{"name": name, "email": c.Email(), "password": Password}).Expect(201)
	c.Token = c.SignIn()
	return c
}

// NewUserWithRole returns a new user of that role, who signs in again after a route ended the session.
func (s *Service) NewUserWithRole(t *testing.T, role auth.Role, name string) *Client {
	t.Helper()
	c := s.NewUser(t, name)
	c.RenewedToken = &c.Token
	c.SetRole(role)
	return c
}

// safeBuffer stores the log for tests that read it.
type safeBuffer struct {
	Mu sync.Mutex
	B  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	return b.B.Write(p)
}

// Sync implements zapcore.WriteSyncer.
func (b *safeBuffer) Sync() error { return nil }

func (b *safeBuffer) String() string {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	return b.B.String()
}

const (
	ReplicaInUse    = "a replica is in use"
	ReplicaOutOfUse = "a replica is out of use"
)
