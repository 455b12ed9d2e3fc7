package app

import (
	"context"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
)

// keepers are the roles of users who may have patients, as x-access of registering a patient lists them.
var keepers = []auth.Role{auth.Staff, auth.Admin, doctors.Role}

// MaxTransferred is the maximum number of patients that one transfer moves.
const MaxTransferred = 1000

// Transfer gives at most limit of a user's patients to another user, oldest first, and returns what is left. Errors:
// errs.Invalid for the same user and for a limit out of bounds; identity.ErrUserNotFound,
// identity.ErrCannotKeepPatients, identity.ErrEmailNotVerified; errs.Conflict if the receiver has no room.
func (a *Accounts) Transfer(
	ctx context.Context, who auth.Principal, from, to identity.UserID, limit int,
) (done identity.Transfer, err error) {
	if limit < 1 || limit > MaxTransferred {
		return done, errs.Invalidf("limit", "Must be 1 to %d.", MaxTransferred)
	}
	if err := a.checkSender(ctx, from, to); err != nil {
		return done, err
	}
	return done, a.tx.Do(ctx, func(ctx context.Context) error {
		// Nothing is changed. The lock keeps the receiver from being disabled or removed before the transfer commits.
		if _, err := a.users.Change(ctx, to, checkKeepsPatients); err != nil {
			return asUserNotFound(err)
		}
		if err := a.verification.check(ctx, to); err != nil {
			return asUserNotFound(err)
		}
		if done, err = a.userData.Transfer(ctx, who, from, to, limit); err != nil {
			return err
		}
		entry := about(audit.Transferred, userResource, from.UUID, http.StatusOK)
		entry.IDs = []uuid.UUID{to.UUID}
		return a.trail.Record(ctx, who, entry)
	})
}

// Transferable returns what a transfer would move; for the zero id of a receiver, all patients of the user. Errors:
// those of Transfer but that of the limit.
func (a *Accounts) Transferable(
	ctx context.Context, who auth.Principal, from, to identity.UserID,
) (identity.Transfer, error) {
	if err := a.checkSender(ctx, from, to); err != nil {
		return identity.Transfer{}, err
	}
	if to != (identity.UserID{}) {
		receiver, err := a.Find(ctx, to)
		if err == nil {
			err = checkKeepsPatients(&receiver)
		}
		if err == nil {
			err = a.verification.check(ctx, to)
		}
		if err != nil {
			return identity.Transfer{}, err
		}
	}
	return a.userData.Transfer(ctx, who, from, to, 0)
}

func (a *Accounts) checkSender(ctx context.Context, from, to identity.UserID) error {
	_, err := a.Find(ctx, from)
	if err == nil && from == to {
		err = errs.Invalidf("to", "Must be another user.")
	}
	return err
}

// checkKeepsPatients returns an error unless the user may have patients. Errors: identity.ErrCannotKeepPatients.
func checkKeepsPatients(user *domain.User) error {
	if !user.Active || !slices.Contains(keepers, auth.Role(user.Role)) {
		return identity.ErrCannotKeepPatients
	}
	return nil
}
