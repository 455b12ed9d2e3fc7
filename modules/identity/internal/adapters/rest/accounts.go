package rest

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/rest"
)

// ReadMe responds with the caller's account.
func (h *handlers) ReadMe(c *fiber.Ctx) error {
	user, err := h.accounts.Me(c.UserContext(), rest.Principal(c))
	if err != nil {
		return err
	}
	return sendAccount(c, fiber.StatusOK, user)
}

// RenameMe changes the caller's name.
func (h *handlers) RenameMe(c *fiber.Ctx) error {
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	name, err := rest.Body(c, func(in NameChange) *string { return in.Name })
	if err != nil {
		return err
	}
	user, err := h.accounts.Rename(c.UserContext(), rest.Principal(c), expected, name)
	if err != nil {
		return err
	}
	return sendAccount(c, fiber.StatusOK, user)
}

// Leave removes the caller's account.
func (h *handlers) Leave(c *fiber.Ctx, params LeaveParams) error {
	expected, err := rest.IfMatch(c)
	if err != nil {
		return err
	}
	password, err := rest.Body(c, func(in PasswordProof) string { return in.Password })
	if err != nil {
		return err
	}
	withPatients := rest.Value(params.Patients) == "delete"
	continued, err := h.accounts.Leave(c.UserContext(), rest.Principal(c), expected, password, withPatients, from(c))
	if err != nil || continued == nil {
		return done(c, err)
	}
	return rest.SendJob(c, continued.Job, continued.Total)
}

// ChangePassword changes the caller's password.
func (h *handlers) ChangePassword(c *fiber.Ctx) error {
	change, err := rest.Body(c, func(in PasswordChange) domain.PasswordChange {
		return domain.PasswordChange{Current: in.CurrentPassword, New: in.NewPassword}
	})
	if err != nil {
		return err
	}
	return done(c, h.accounts.ChangePassword(c.UserContext(), rest.Principal(c), change, from(c)))
}

// ListUsers responds with a page of all users.
func (h *handlers) ListUsers(c *fiber.Ctx, params ListUsersParams) error {
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	filter := domain.UserFilter{
		Search: rest.Value(params.Search), Role: strings.ToLower(rest.Value(params.Role)), Active: params.Active,
		CreatedAfter: rest.Instant(params.CreatedAfter), CreatedBefore: rest.Instant(params.CreatedBefore),
	}
	page, err := h.accounts.Browse(c.UserContext(), filter, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showAccount)
}

// AddUser creates an account for another user.
func (h *handlers) AddUser(c *fiber.Ctx) error {
	role := auth.Staff
	registration, err := rest.Body(c, func(in NewUser) domain.Registration {
		if given := rest.OrEmpty(in.Role); given != "" {
			role = auth.Role(strings.ToLower(given))
		}
		return domain.Registration{Name: in.Name, Email: in.Email, Password: in.Password}
	})
	if err != nil {
		return err
	}
	user, err := h.accounts.Add(c.UserContext(), rest.Principal(c), registration, role)
	if err != nil {
		return err
	}
	c.Location("/api/users/" + user.ID.String() + "/")
	return sendAccount(c, fiber.StatusCreated, user)
}

// ReadUser responds with one user.
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

// AdministerUser changes a user's role and whether the user may sign in.
func (h *handlers) AdministerUser(c *fiber.Ctx, id string) error {
	return rest.Change(c, id, identity.ParseUserID, changesOf, h.accounts.Administer, resource)
}

func changesOf(in UserChanges) domain.Changes {
	if in.Role != nil {
		in.Role = new(strings.ToLower(*in.Role))
	}
	return domain.Changes{Role: in.Role, Active: in.Active}
}

func sendAccount(c *fiber.Ctx, status int, user domain.User) error {
	return rest.Send(c, status, resource(user))
}

func resource(user domain.User) rest.Resource {
	return rest.Resource{Version: user.Version, Body: showAccount(user)}
}

func showAccount(u domain.User) Account {
	return Account{
		Id: u.ID.String(), Name: u.Name, Email: u.Email, Username: u.Username, Role: u.Role, Active: u.Active,
		CreatedAt: rest.At(u.CreatedAt), UpdatedAt: rest.At(u.UpdatedAt),
	}
}
