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
func RequireVerified(acting ports.Acting, addresses *Addresses) ports.Acting {
	return verifiedActing{acting, addresses}
}

type verifiedActing struct {
	ports.Acting
	addresses *Addresses
}

// Add is ports.Acting.Add. Errors: also identity.ErrEmailNotVerified, after which the transaction must be rolled back.
func (v verifiedActing) Add(ctx context.Context, user identity.UserID, party domain.Party) error {
	if err := v.Acting.Add(ctx, user, party); err != nil { // locks the account
		return err
	}
	return v.addresses.checkVerified(ctx, user)
}
