package app

import (
	"context"
	"errors"
	"net/http"

	"healthcare/modules/doctors"
	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/events"
)

// Capacities keeps the capacities of users, and the roles that follow from them. It reacts to events, in the
// transaction of the publisher.
type Capacities struct {
	users  ports.Users
	acting ports.Acting
	trail  audit.Recorder
	clock  clock.Clock
}

// NewCapacities returns Capacities.
func NewCapacities(users ports.Users, acting ports.Acting, trail audit.Recorder, clk clock.Clock) *Capacities {
	return &Capacities{users, acting, trail, clk}
}

// WhenDoctorLinked lets the user act for the doctor. The role staff becomes doctors.Role, an administrator keeps the
// role. Errors: identity.ErrRoleConflict for other roles; identity.ErrTooManyCapacities; auth.ErrInvalidToken.
func WhenDoctorLinked(links *Capacities) events.Subscription {
	return events.On("identity", func(ctx context.Context, linked doctors.Linked) error {
		user := identity.UserID{UUID: linked.User}
		err := links.changeRole(ctx, linked.By, user, func(u domain.User) (auth.Role, error) {
			switch role := auth.Role(u.Role); role {
			case auth.Staff:
				return doctors.Role, nil
			case auth.Admin:
				return role, nil
			}
			return "", identity.ErrRoleConflict
		})
		if err == nil {
			capacity := auth.Capacity{ID: linked.ID.UUID, Kind: auth.AsDoctor}
			err = links.acting.Add(ctx, user, domain.Party{Capacity: capacity, Since: links.clock.Now()})
		}
		return asInvalidToken(err)
	})
}

// WhenDoctorUnlinked ends the capacity, and makes a user with doctors.Role staff again.
func WhenDoctorUnlinked(links *Capacities) events.Subscription {
	return events.On("identity", func(ctx context.Context, unlinked doctors.Unlinked) error {
		return links.end(ctx, unlinked.By, unlinked.ID)
	})
}

// WhenPatientClaimed lets the user act for themselves, so that they see what is granted to them. The role staff becomes
// patients.Role if the user represents the patient, registered the account, keeps no patients and acts for nobody else:
// an administrator who adds an account decides about its role. Errors: identity.ErrTooManyCapacities,
// auth.ErrInvalidToken.
func WhenPatientClaimed(capacities *Capacities) events.Subscription {
	return events.On("identity", func(ctx context.Context, claimed patients.Claimed) error {
		user, self := identity.UserID{UUID: claimed.User}, auth.Capacity{ID: claimed.User, Kind: auth.AsSelf}
		now := capacities.clock.Now()
		// The addition locks the account, so that KeepsNone sees every patient that was transferred to the user before.
		if err := capacities.acting.Add(ctx, user, domain.Party{Capacity: self, Since: now}); err != nil {
			return asInvalidToken(err)
		}
		if !claimed.Represents {
			return nil
		}
		held, err := capacities.acting.Of(ctx, user, now)
		if err != nil || len(held) > 1 {
			return err
		}
		keepsNone, err := claimed.KeepsNone(ctx)
		if err != nil || !keepsNone {
			return err
		}
		return capacities.changeRole(ctx, claimed.By, user, func(u domain.User) (auth.Role, error) {
			if u.Role == string(auth.Staff) && u.SelfRegistered {
				return patients.Role, nil
			}
			return auth.Role(u.Role), nil
		})
	})
}

func (l *Capacities) end(ctx context.Context, by auth.Principal, doctor doctors.ID) error {
	users, err := l.acting.RemoveFor(ctx, doctor.UUID)
	if err != nil {
		return err
	}
	for _, user := range users {
		err := l.changeRole(ctx, by, user, func(u domain.User) (auth.Role, error) {
			if u.Role == string(doctors.Role) {
				return auth.Staff, nil
			}
			return auth.Role(u.Role), nil
		})
		if err != nil && !errors.Is(err, ports.ErrNotFound) { // a closed account has no role to change
			return err
		}
	}
	return nil
}

// changeRole applies rule to the user's role and records the change. Errors: ports.ErrNotFound, those of rule.
func (l *Capacities) changeRole(
	ctx context.Context, by auth.Principal, user identity.UserID, rule func(domain.User) (auth.Role, error),
) error {
	var before domain.User
	changed, err := l.users.Change(ctx, user, func(u *domain.User) error {
		before = *u
		role, err := rule(*u)
		if err == nil {
			u.Amend(domain.Changes{Role: new(string(role))}, l.clock.Now())
		}
		return err
	})
	if err != nil || before.Role == changed.Role {
		return err
	}
	entry := about(audit.RoleChanged, userResource, user.UUID, http.StatusOK)
	entry.Fields = domain.Differences(before, changed)
	return l.trail.Record(ctx, by, entry)
}
