package app

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
)

// The resources of the module's entries, as openapi.yaml declares them.
const (
	userResource     audit.Resource = "User"
	sessionResource  audit.Resource = "Session"
	practiceResource audit.Resource = "Practice"
)

// about returns the entry of a successful action on a user or a session.
func about(action audit.Action, resource audit.Resource, id uuid.UUID, status int) audit.Entry {
	return audit.Entry{Action: action, Resource: resource, ResourceID: id, Outcome: audit.Success, Status: status}
}

// verifiedEntry returns the entry of a user whose address was verified.
func verifiedEntry(user identity.UserID) audit.Entry {
	entry := about(audit.Update, userResource, user.UUID, http.StatusNoContent)
	entry.Fields = []string{"email_verified"}
	return entry
}

// linked returns the entry of a user who acts for a practice or a colleague from now on, with the level.
func linked(resource audit.Resource, party uuid.UUID, user identity.UserID, level auth.Level) audit.Entry {
	entry := about(audit.Linked, resource, party, http.StatusCreated)
	entry.IDs, entry.Fields = []uuid.UUID{user.UUID}, []string{string(level)}
	return entry
}

// unlinked returns the entries of users who no longer act for practices and colleagues.
func unlinked(all ...ports.Ended) []audit.Entry {
	entries := make([]audit.Entry, len(all))
	for i, ended := range all {
		resource := practiceResource
		if ended.Capacity.Kind == auth.AsDeputy {
			resource = userResource
		}
		entries[i] = about(audit.Unlinked, resource, ended.Capacity.ID, http.StatusNoContent)
		entries[i].IDs = []uuid.UUID{ended.User.UUID}
	}
	return entries
}

// failed records that a password was not proved, and returns refusal. The refusal is returned even if it cannot be
// recorded, because it grants nothing. Errors that are not about the password, such as a full queue, are not recorded.
// Refusals by the throttle of callers who are not signed in are counted, see refusals.
func (c *Credentials) failed(
	ctx context.Context, who auth.Principal, attempt domain.Attempt, refusal error,
) error {
	status := map[errs.Kind]int{
		errs.Unauthenticated: http.StatusUnauthorized,
		errs.Throttled:       http.StatusTooManyRequests,
		errs.Invalid:         http.StatusBadRequest,
	}[errs.KindOf(refusal)]
	if status == http.StatusTooManyRequests && who.UserID == uuid.Nil {
		c.refusals.add(ctx, attempt, refusal)
	} else if status != 0 {
		_ = c.trail.Record(ctx, who, loginFailed(attempt.User, status))
	}
	return refusal
}

func loginFailed(user identity.UserID, status int) audit.Entry {
	entry := about(audit.LoginFailed, userResource, user.UUID, status)
	entry.Outcome = audit.Denied
	return entry
}
