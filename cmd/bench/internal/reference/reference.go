// Package reference has minimal handlers to compare the service with: they verify a token, run the same SQL and encode
// the same body. They are not part of a release.
package reference

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/platform/keyring"
)

var (
	errMissing = fiber.NewError(fiber.StatusNotFound)
	errToken   = fiber.NewError(fiber.StatusUnauthorized)
	errStale   = fiber.NewError(fiber.StatusPreconditionFailed)
)

type server struct {
	store  Store
	key    keyring.Key
	parser *jwt.Parser
	hashes chan struct{}
}

// Serve serves the bench's requests on a free loopback port until ctx ends. It passes the address to report.
func Serve(ctx context.Context, store Store, keys keyring.Ring, report func(address string) error) error {
	s := &server{
		store:  store,
		key:    keys.Newest(identity.AccessTokenKeys),
		hashes: make(chan struct{}, places()),
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer("healthcare"), jwt.WithAudience("healthcare-api"),
			jwt.WithExpirationRequired(),
		),
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/readyz", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusOK) })
	app.Get("/api/patients/:id/", s.read)
	app.Get("/api/patients/", s.list)
	app.Get("/api/mappings/", s.assigned)
	app.Post("/api/patients/", s.create)
	app.Patch("/api/patients/:id/", s.patch)
	app.Post("/api/auth/login/", s.login)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		_ = app.ShutdownWithTimeout(time.Second)
	}()
	if err := report(listener.Addr().String()); err != nil {
		return err
	}
	return app.Listener(listener)
}

// caller verifies the token and its session.
func (s *server) caller(c *fiber.Ctx) (uuid.UUID, error) {
	text, found := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
	if !found {
		return uuid.Nil, errToken
	}
	var claims struct {
		jwt.RegisteredClaims
		Session uuid.UUID `json:"sid"`
		Version int       `json:"ver"`
	}
	if _, err := s.parser.ParseWithClaims(
		text, &claims, func(*jwt.Token) (any, error) { return s.key.Secret, nil },
	); err != nil {
		return uuid.Nil, errToken
	}
	standing, err := s.store.standing(c.UserContext(), claims.Session)
	if err != nil {
		return uuid.Nil, err
	}
	if !standing.Active || standing.TokenVersion != claims.Version || standing.UserID.String() != claims.Subject {
		return uuid.Nil, errToken
	}
	return standing.UserID, nil
}

func (s *server) read(c *fiber.Ctx) error {
	owner, err := s.caller(c)
	if err != nil {
		return err
	}
	id, err := uuid.Parse(c.Params("id"))
	if err != nil {
		return errMissing
	}
	p, err := s.store.find(c.UserContext(), owner, id)
	if err != nil {
		return err
	}
	return c.JSON(p)
}

func (s *server) list(c *fiber.Ctx) error {
	owner, err := s.caller(c)
	if err != nil {
		return err
	}
	limit := c.QueryInt("limit", 100)
	all, err := s.store.list(c.UserContext(), owner, limit+1)
	if err != nil {
		return err
	}
	return c.JSON(all[:min(limit, len(all))])
}

func (s *server) create(c *fiber.Ctx) error {
	owner, err := s.caller(c)
	if err != nil {
		return err
	}
	var input struct {
		Name, Gender, Email, Phone, Address, Notes string
		Age                                        int
	}
	if err := c.BodyParser(&input); err != nil { //nolint:forbidigo // a minimal reference
		return err
	}
	now := instant{time.Now().UTC().Truncate(time.Microsecond)}
	p := patient{
		ID: uuid.Must(
			uuid.NewV7(),
		),
		OwnerID:    owner,
		Name:       input.Name,
		Gender:     input.Gender,
		Age:        &input.Age,
		Email:      input.Email,
		Phone:      input.Phone,
		Address:    input.Address,
		Notes:      input.Notes,
		SearchText: strings.ToLower(input.Name + "\n" + input.Email + "\n" + input.Phone),
		Version:    1,
		CreatedAt:  now,
		UpdatedAt:  now,
	}
	if err := s.store.add(c.UserContext(), p); err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(p)
}

func (s *server) patch(c *fiber.Ctx) error {
	owner, err := s.caller(c)
	if err != nil {
		return err
	}
	id, err := uuid.Parse(c.Params("id"))
	if err != nil {
		return errMissing
	}
	version, err := strconv.Atoi(strings.Trim(c.Get(fiber.HeaderIfMatch), `"v`))
	if err != nil {
		return errStale
	}
	var input struct{ Notes string }
	if err := c.BodyParser(&input); err != nil { //nolint:forbidigo // a minimal reference
		return err
	}
	p, err := s.store.amend(c.UserContext(), owner, id, func(p *patient) error {
		if p.Version != version {
			return errStale
		}
		p.Notes, p.Version, p.UpdatedAt = input.Notes, version+1, instant{time.Now().UTC().Truncate(time.Microsecond)}
		return nil
	})
	if err != nil {
		return err
	}
	return c.JSON(p)
}
