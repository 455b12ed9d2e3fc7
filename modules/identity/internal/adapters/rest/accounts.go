package rest

import (
	"context"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/oapi-codegen/nullable"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
	"healthcare/platform/revision"
)

// ReadMe responds with the caller's account.
func (h *handlers) ReadMe(c *fiber.Ctx) error {
	user, err := h.accounts.Own(c.UserContext(), rest.Principal(c))
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
	page, err := h.accounts.BrowseWithParties(c.UserContext(), filter, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showUserAccount)
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
	return rest.Send(c, fiber.StatusCreated, userResource(app.Account{User: user}))
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
	accounts, err := h.accounts.WithParties(c.UserContext(), user)
	if err != nil {
		return err
	}
	return rest.Send(c, fiber.StatusOK, userResource(accounts[0]))
}

// AdministerUser changes a user's role and whether the user may sign in.
func (h *handlers) AdministerUser(c *fiber.Ctx, id string) error {
	return rest.Change(c, id, identity.ParseUserID, changesOf, h.administer, userResource)
}

// administer is Accounts.Administer with the account that is shown.
func (h *handlers) administer(
	ctx context.Context, who auth.Principal, id identity.UserID, expected revision.Match, changes domain.Changes,
) (app.Account, error) {
	user, err := h.accounts.Administer(ctx, who, id, expected, changes)
	if err != nil {
		return app.Account{}, err
	}
	accounts, err := h.accounts.WithParties(ctx, user)
	if err != nil {
		return app.Account{}, err
	}
	return accounts[0], nil
}

// ReadTransfer responds with the number of patients whom a transfer would move.
func (h *handlers) ReadTransfer(c *fiber.Ctx, id string, params ReadTransferParams) error {
	receiver := rest.Value(params.To)
	if receiver == "" {
		receiver = identity.UserID{}.String()
	}
	from, to, err := parties(id, receiver)
	if err != nil {
		return err
	}
	left, err := h.accounts.Transferable(c.UserContext(), rest.Principal(c), from, to)
	return sendTransfer(c, left, err)
}

// TransferPatients gives patients of one user to another.
func (h *handlers) TransferPatients(c *fiber.Ctx, id string) error {
	limit := app.MaxTransferred
	receiver, err := rest.Body(c, func(in TransferInput) string {
		if given := rest.OrNil(in.Limit); given != nil {
			limit = *given
		}
		return in.To
	})
	if err != nil {
		return err
	}
	from, to, err := parties(id, receiver)
	if err != nil {
		return err
	}
	done, err := h.accounts.Transfer(c.UserContext(), rest.Principal(c), from, to, limit)
	if err == nil {
		c.Location("/api/users/" + from.String() + "/transfer/?to=" + to.String()) // answers a repeated request
	}
	return sendTransfer(c, done, err)
}

func parties(from, to string) (sender, receiver identity.UserID, err error) {
	if sender, err = identity.ParseUserID(from); err != nil {
		return sender, receiver, err
	}
	receiver.UUID, err = rest.BodyUUID(to)
	return sender, receiver, errs.Fields(map[string]error{"to": err})
}

func sendTransfer(c *fiber.Ctx, transfer identity.Transfer, err error) error {
	if err != nil {
		return err
	}
	conflicts := make([]string, len(transfer.Conflicts))
	for i, id := range transfer.Conflicts {
		conflicts[i] = id.String()
	}
	return c.JSON(Transfer{Moved: transfer.Moved, Left: transfer.Left, Conflicts: conflicts})
}

func changesOf(in UserChanges) domain.Changes {
	if in.Role != nil {
		in.Role = new(strings.ToLower(*in.Role))
	}
	return domain.Changes{Role: in.Role, Active: in.Active}
}

// sendAccount responds with the caller's account. The verification of the address does not change the version.
func sendAccount(c *fiber.Ctx, status int, account app.OwnAccount) error {
	return rest.Send(c, status, rest.Resource{Version: account.Version, Derived: true, Body: showAccount(account)})
}

// userResource returns the resource of an account. A link to a doctor's record does not change the version.
func userResource(account app.Account) rest.Resource {
	return rest.Resource{Version: account.Version, Derived: true, Body: showUserAccount(account)}
}

// endOf returns an optional time of a response. The zero time is null.
func endOf(at time.Time) nullable.Nullable[rest.Time] {
	if at.IsZero() {
		return nullable.NewNullNullable[rest.Time]()
	}
	return nullable.NewNullableWithValue(rest.At(at))
}

func showAccount(u app.OwnAccount) Account {
	return Account{
		Id: u.ID.String(), Name: u.Name, Email: u.Email, Username: u.Username, Role: u.Role, Active: u.Active,
		CreatedAt: rest.At(u.CreatedAt), UpdatedAt: rest.At(u.UpdatedAt), EmailVerified: u.Verified,
	}
}

func showUserAccount(a app.Account) UserAccount {
	parties := make([]Party, len(a.ActsFor))
	for i, p := range a.ActsFor {
		parties[i] = Party{
			Kind: string(p.Kind), Id: p.ID.String(), Since: rest.At(p.Since), Level: rest.NullableText(p.Level),
			Until: endOf(p.Until),
		}
	}
	return UserAccount{
		Id: a.ID.String(), Name: a.Name, Email: a.Email, Username: a.Username, Role: a.Role, Active: a.Active,
		CreatedAt: rest.At(a.CreatedAt), UpdatedAt: rest.At(a.UpdatedAt), ActsFor: parties,
	}
}
