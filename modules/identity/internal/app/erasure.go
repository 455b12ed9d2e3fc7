package app

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/jobs"
)

// erasureKind is the kind of the jobs that remove the data of closed accounts.
const erasureKind = "account_erasure"

// removedAtOnce is the maximum number of patients, and of stored responses, that are removed during the request.
const removedAtOnce = 100

// erasure has the parameters of such a job.
type erasure struct {
	User uuid.UUID `json:"user"`
}

// NewErasure returns the handler that removes the data of closed accounts, and then the accounts.
func NewErasure(users ports.Users, userData identity.UserData, responses ports.StoredResponses) jobs.Handler {
	return jobs.Handler{Kind: erasureKind, Batch: func(
		ctx context.Context, job jobs.Job, limit int,
	) (jobs.Progress, error) {
		var of erasure
		if err := job.Decode(&of); err != nil {
			return jobs.Progress{}, err
		}
		user := identity.UserID{UUID: of.User}
		closing, err := users.Closed(ctx, user)
		if errors.Is(err, ports.ErrNotFound) { // removed by an earlier batch
			return jobs.Progress{}, nil
		}
		if err != nil {
			return jobs.Progress{}, err
		}
		deleted, err := responses.DeleteByUser(ctx, user.UUID, limit)
		if err != nil {
			return jobs.Progress{}, err
		}
		removed, err := userData.DeleteAll(ctx, user, closing.Session, closing.Role, limit)
		if err != nil {
			return jobs.Progress{}, err
		}
		if deleted == limit || removed == limit {
			return jobs.Progress{Rows: int64(removed), More: true}, nil
		}
		return jobs.Progress{Rows: int64(removed)}, users.Remove(ctx, user)
	}}
}

// Continued is work that continues after its request.
type Continued struct {
	Job   uuid.UUID
	Total int64
}

// close disables the account at once and adds a job that removes its data.
func (a *Accounts) close(ctx context.Context, who auth.Principal, user identity.UserID) (*Continued, error) {
	total, err := a.userData.Count(ctx, user, -1)
	if err != nil {
		return nil, err
	}
	closing := domain.Closing{Session: sessionOf(who), Role: string(who.Role), At: a.clock.Now()}
	if err := a.users.Close(ctx, user, closing); err != nil {
		return nil, err
	}
	job, err := a.jobs.Add(ctx, erasureKind, erasure{User: user.UUID}, int64(total))
	return &Continued{Job: job, Total: int64(total)}, err
}
