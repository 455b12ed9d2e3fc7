package rest

import (
	"github.com/gofiber/fiber/v2"

	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/rest"
)

// RequestPasswordReset has a message sent with a token that sets a password.
func (h *handlers) RequestPasswordReset(c *fiber.Ctx) error {
	email, err := rest.Body(c, func(in PasswordResetRequest) string { return in.Email })
	if err != nil {
		return err
	}
	return accepted(c, h.addresses.RequestReset(c.UserContext(), email, rest.ClientAddress(c)))
}

// ConfirmPasswordReset sets a password with a token.
func (h *handlers) ConfirmPasswordReset(c *fiber.Ctx) error {
	reset, err := rest.Body(c, func(in PasswordReset) domain.PasswordReset {
		return domain.PasswordReset{Token: in.Token, Password: in.Password}
	})
	if err != nil {
		return err
	}
	return done(c, h.addresses.ConfirmReset(c.UserContext(), reset, rest.ClientAddress(c)))
}

// RequestEmailVerification has a message sent with a token that verifies the caller's address.
func (h *handlers) RequestEmailVerification(c *fiber.Ctx) error {
	return accepted(c, h.addresses.RequestVerification(c.UserContext(), rest.Principal(c), rest.ClientAddress(c)))
}

// ConfirmEmailVerification verifies an address with a token.
func (h *handlers) ConfirmEmailVerification(c *fiber.Ctx) error {
	token, err := rest.Body(c, func(in EmailVerification) string { return in.Token })
	if err != nil {
		return err
	}
	return done(c, h.addresses.ConfirmVerification(c.UserContext(), token, rest.ClientAddress(c)))
}

// accepted responds without a body, or returns err.
func accepted(c *fiber.Ctx, err error) error {
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusAccepted).Send(nil)
}
