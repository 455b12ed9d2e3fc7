package app

import (
	"context"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
)

// RequireVerified returns acting that lets no user act for anybody before the user has verified the address, if the
// configuration requires it. Everything that is granted to a user passes through it, except patients that are
// transferred: a doctor's record, a share or an invitation of a patient, an emergency access, a practice, a deputyship.
func RequireVerified(cfg identity.Config, acting ports.Acting, states ports.MailStates) ports.Acting {
	return verifiedActing{acting, verification{states, cfg.RequireVerifiedEmail}}
}

type verifiedActing struct {
	ports.Acting
	verification verification
}

// Add is ports.Acting.Add. Errors: also identity.ErrEmailNotVerified, after which the transaction must be rolled back.
func (v verifiedActing) Add(ctx context.Context, user identity.UserID, party domain.Party) error {
	if err := v.Acting.Add(ctx, user, party); err != nil { // locks the account
		return err
	}
	return v.verification.check(ctx, user)
}

// verification checks whether users have verified their addresses.
type verification struct {
	states   ports.MailStates
	required bool
}

// of reports whether the user has verified the address. Errors: ports.ErrNotFound.
func (v verification) of(ctx context.Context, id identity.UserID) (bool, error) {
	user, state, err := v.states.Find(ctx, id)
	return state.For(user.Email).Verified, err
}

// check returns an error if the configuration requires a verified address and the user has none. Errors:
// identity.ErrEmailNotVerified, ports.ErrNotFound.
func (v verification) check(ctx context.Context, id identity.UserID) error {
	if !v.required {
		return nil
	}
	verified, err := v.of(ctx, id)
	if err == nil && !verified {
		err = identity.ErrEmailNotVerified
	}
	return err
}
