package app

import (
	"context"
	"net/http"

	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
)

// DoctorLinks keeps the capacities and roles of the users who act for doctors. It reacts to events, in the transaction
// of the publisher.
type DoctorLinks struct {
	users  ports.Users
	acting ports.Acting
	trail  audit.Recorder
	clock  clock.Clock
}

// NewDoctorLinks returns DoctorLinks.
func NewDoctorLinks(users ports.Users, acting ports.Acting, trail audit.Recorder, clk clock.Clock) *DoctorLinks {
	return &DoctorLinks{users, acting, trail, clk}
}

// WhenDoctorLinked lets the user act for the doctor. The role staff becomes doctors.Role, an administrator keeps the
// role. Errors: identity.ErrRoleConflict for other roles; identity.ErrTooManyCapacities.
func WhenDoctorLinked(links *DoctorLinks) events.Subscription {
	return events.On("identity", func(ctx context.Context, linked doctors.Linked) error {
		user := identity.UserID{UUID: linked.User}
		err := links.changeRole(ctx, linked.By, user, func(role auth.Role) (auth.Role, error) {
			switch role {
			case auth.Staff:
				return doctors.Role, nil
			case auth.Admin:
				return role, nil
			}
			return role, identity.ErrRoleConflict
		})
		if err != nil {
			return err
		}
		capacity := auth.Capacity{ID: linked.ID.UUID, Kind: auth.AsDoctor}
		return links.acting.Add(ctx, user, capacity, links.clock.Now())
	})
}

// WhenDoctorUnlinked ends the capacity, and makes a user with doctors.Role staff again.
func WhenDoctorUnlinked(links *DoctorLinks) events.Subscription {
	return events.On("identity", func(ctx context.Context, unlinked doctors.Unlinked) error {
		return links.end(ctx, unlinked.By, unlinked.ID)
	})
}

// WhenLinkedDoctorDeleted does the same for a doctor who is removed from the directory.
func WhenLinkedDoctorDeleted(links *DoctorLinks) events.Subscription {
	return events.On("identity", func(ctx context.Context, deleted doctors.Deleted) error {
		return links.end(ctx, deleted.By, deleted.ID)
	})
}

func (l *DoctorLinks) end(ctx context.Context, by auth.Principal, doctor doctors.ID) error {
	users, err := l.acting.RemoveFor(ctx, doctor.UUID)
	if err != nil {
		return err
	}
	for _, user := range users {
		err := l.changeRole(ctx, by, user, func(role auth.Role) (auth.Role, error) {
			if role == doctors.Role {
				return auth.Staff, nil
			}
			return role, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// changeRole applies rule to the user's role and records the change. Errors: identity.ErrUserNotFound, those of rule.
func (l *DoctorLinks) changeRole(
	ctx context.Context, by auth.Principal, user identity.UserID, rule func(auth.Role) (auth.Role, error),
) error {
	var before domain.User
	changed, err := l.users.Change(ctx, user, func(u *domain.User) error {
		before = *u
		role, err := rule(auth.Role(u.Role))
		if err == nil {
			u.Amend(domain.Changes{Role: new(string(role))}, l.clock.Now())
		}
		return err
	})
	if err != nil || before.Role == changed.Role {
		return asUserNotFound(err)
	}
	entry := about(audit.RoleChanged, userResource, user.UUID, http.StatusOK)
	entry.Fields = domain.Differences(before, changed)
	return l.trail.Record(ctx, by, entry)
}
