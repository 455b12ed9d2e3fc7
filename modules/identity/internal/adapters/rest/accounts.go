package rest

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/httpserver"
)

// ReadMe answers the caller's account.
func (h *handlers) ReadMe(c *fiber.Ctx) error {
	user, err := h.accounts.Me(c.UserContext(), httpserver.Principal(c))
	if err != nil {
		return err
	}
	return sendAccount(c, fiber.StatusOK, user)
}

// RenameMe changes the caller's name.
func (h *handlers) RenameMe(c *fiber.Ctx) error {
	expected, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	name, err := httpserver.Body(c, func(in NameChange) *string { return in.Name })
	if err != nil {
		return err
	}
	user, err := h.accounts.Rename(c.UserContext(), httpserver.Principal(c), expected, name)
	if err != nil {
		return err
	}
	return sendAccount(c, fiber.StatusOK, user)
}

// Leave removes the caller's account.
func (h *handlers) Leave(c *fiber.Ctx, asked LeaveParams) error {
	expected, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	password, err := httpserver.Body(c, func(in PasswordProof) string { return in.Password })
	if err != nil {
		return err
	}
	withPatients := httpserver.Value(asked.Patients) == "delete"
	continued, err := h.accounts.Leave(c.UserContext(), httpserver.Principal(c), expected, password, withPatients, from(c))
	if err != nil || continued == nil {
		return done(c, err)
	}
	return httpserver.SendJob(c, continued.Job, continued.Total)
}

// ChangePassword changes the caller's password.
func (h *handlers) ChangePassword(c *fiber.Ctx) error {
	change, err := httpserver.Body(c, func(in PasswordChange) domain.PasswordChange {
		return domain.PasswordChange{Current: in.CurrentPassword, New: in.NewPassword}
	})
	if err != nil {
		return err
	}
	return done(c, h.accounts.ChangePassword(c.UserContext(), httpserver.Principal(c), change, from(c)))
}

// ListUsers answers a page of all users.
func (h *handlers) ListUsers(c *fiber.Ctx, asked ListUsersParams) error {
	request, err := httpserver.PageRequest(c)
	if err != nil {
		return err
	}
	filter := domain.UserFilter{
		Search: httpserver.Value(asked.Search), Role: strings.ToLower(httpserver.Value(asked.Role)), Active: asked.Active,
		CreatedAfter: httpserver.Instant(asked.CreatedAfter), CreatedBefore: httpserver.Instant(asked.CreatedBefore),
	}
	page, err := h.accounts.Browse(c.UserContext(), filter, request)
	if err != nil {
		return err
	}
	return httpserver.SendPage(c, page, showAccount)
}

// AddUser makes an account for somebody.
func (h *handlers) AddUser(c *fiber.Ctx) error {
	role := auth.Staff
	registration, err := httpserver.Body(c, func(in NewUser) domain.Registration {
		if given := httpserver.OrEmpty(in.Role); given != "" {
			role = auth.Role(strings.ToLower(given))
		}
		return domain.Registration{Name: in.Name, Email: in.Email, Password: in.Password}
	})
	if err != nil {
		return err
	}
	user, err := h.accounts.Add(c.UserContext(), httpserver.Principal(c), registration, role)
	if err != nil {
		return err
	}
	c.Location("/api/users/" + user.ID.String() + "/")
	return sendAccount(c, fiber.StatusCreated, user)
}

// ReadUser answers one user.
func (h *handlers) ReadUser(c *fiber.Ctx, id string) error {
	userID, err := identity.ParseUserID(id)
	if err != nil {
		return err
	}
	user, err := h.accounts.Find(c.UserContext(), userID)
	if err != nil {
		return err
	}
	return sendAccount(c, fiber.StatusOK, user)
}

// AdministerUser changes what a user is and may.
func (h *handlers) AdministerUser(c *fiber.Ctx, id string) error {
	userID, err := identity.ParseUserID(id)
	if err != nil {
		return err
	}
	expected, err := httpserver.IfMatch(c)
	if err != nil {
		return err
	}
	changes, err := httpserver.Body(c, func(in UserChanges) domain.Changes {
		if in.Role != nil {
			in.Role = new(strings.ToLower(*in.Role))
		}
		return domain.Changes{Role: in.Role, Active: in.Active}
	})
	if err != nil {
		return err
	}
	user, err := h.accounts.Administer(c.UserContext(), httpserver.Principal(c), userID, expected, changes)
	if err != nil {
		return err
	}
	return sendAccount(c, fiber.StatusOK, user)
}

func sendAccount(c *fiber.Ctx, status int, user domain.User) error {
	return httpserver.Send(c, status, httpserver.Resource{Version: user.Version, Body: showAccount(user)})
}

func showAccount(u domain.User) Account {
	return Account{
		Id: u.ID.String(), Name: u.Name, Email: u.Email, Username: u.Username, Role: u.Role, Active: u.Active,
		CreatedAt: httpserver.At(u.CreatedAt), UpdatedAt: httpserver.At(u.UpdatedAt),
	}
}
