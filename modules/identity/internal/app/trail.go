package app

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
)

// The resources of the module's entries, as openapi.yaml declares them.
const (
	userResource    audit.Resource = "User"
	sessionResource audit.Resource = "Session"
)

// about returns the entry of a successful action on a user or a session.
func about(action audit.Action, resource audit.Resource, id uuid.UUID, status int) audit.Entry {
	return audit.Entry{Action: action, Resource: resource, ResourceID: id, Outcome: audit.Success, Status: status}
}

// failed records that a password was not proved, and returns refusal. The refusal is returned even if it cannot be
// recorded, because it grants nothing. Errors that are not about the password, such as a full queue, are not recorded.
func (c *Credentials) failed(
	ctx context.Context, who auth.Principal, user identity.UserID, client netip.Addr, refusal error,
) error {
	status := map[errs.Kind]int{
		errs.Unauthenticated: http.StatusUnauthorized,
		errs.Throttled:       http.StatusTooManyRequests,
		errs.Invalid:         http.StatusBadRequest,
	}[errs.KindOf(refusal)]
	if status == http.StatusTooManyRequests && who.UserID == uuid.Nil {
		c.refusals.add(ctx, client)
	} else if status != 0 {
		_ = c.trail.Record(ctx, who, loginFailed(user, status))
	}
	return refusal
}

func loginFailed(user identity.UserID, status int) audit.Entry {
	entry := about(audit.LoginFailed, userResource, user.UUID, status)
	entry.Outcome = audit.Denied
	return entry
}
