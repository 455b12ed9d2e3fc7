// Package rest has the HTTP handlers of the identity module, with the code generated from openapi.yaml.
package rest

import (
	_ "embed" // for the contract

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/rest"
)

//go:generate go tool -modfile=../../../../../.tools/oapi.mod oapi-codegen -config ../../../../../platform/contract/oapi-codegen.yaml openapi.yaml

// Document is the module's part of the contract.
//
//go:embed openapi.yaml
var Document []byte

// New returns the module's part of the API.
func New(
	service *app.Service, accounts *app.Accounts, addresses *app.Addresses, practices *app.Practices,
	deputies *app.Deputies,
) rest.API {
	return func(router fiber.Router) {
		RegisterHandlers(router, &handlers{service, accounts, addresses, practices, deputies})
	}
}

type handlers struct {
	identity  *app.Service
	accounts  *app.Accounts
	addresses *app.Addresses
	practices *app.Practices
	deputies  *app.Deputies
}

// from returns the client of a request.
func from(c *fiber.Ctx) app.From {
	return app.From{Agent: c.Get(fiber.HeaderUserAgent), Address: rest.ClientAddress(c)}
}

// Register creates an account.
func (h *handlers) Register(c *fiber.Ctx) error {
	registration, err := rest.Body(c, func(in Registration) domain.Registration {
		return domain.Registration{Name: in.Name, Email: in.Email, Password: in.Password}
	})
	if err != nil {
		return err
	}
	user, err := h.accounts.Register(c.UserContext(), registration)
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(Registered{
		Message: "User registered successfully",
		User:    User{Id: user.ID.String(), Name: user.Name, Email: user.Email, Username: user.Username},
	})
}

// Login starts a session.
func (h *handlers) Login(c *fiber.Ctx) error {
	credentials, err := rest.Body(c, func(in Credentials) domain.Credentials { return domain.Credentials(in) })
	if err != nil {
		return err
	}
	tokens, err := h.identity.SignIn(c.UserContext(), credentials, from(c))
	if err != nil {
		return err
	}
	return c.JSON(show(tokens))
}

// Refresh continues a session.
func (h *handlers) Refresh(c *fiber.Ctx) error {
	refresh, err := rest.Body(c, func(in RefreshInput) string { return in.Refresh })
	if err != nil {
		return err
	}
	tokens, err := h.identity.Refresh(c.UserContext(), refresh, from(c))
	if err != nil {
		return err
	}
	return c.JSON(show(tokens))
}

func show(t app.Tokens) Tokens {
	return Tokens{Access: t.Access, Refresh: t.Refresh, TokenType: "Bearer", ExpiresIn: int(t.ExpiresIn.Seconds())}
}
