package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/revision"
)

func TestUseCasesReturnEveryErrorAndLeaveNoEffect(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, trail, clk := store.New(db), new(audittest.Recorder), clock.At(now)
		publisher := events.New(events.On("subscriber", func(ctx context.Context, _ patients.Deleted) error {
			return databasetest.InjectFault(ctx, "subscriber")
		}), events.On("subscriber", func(ctx context.Context, _ patients.Transferred) error {
			return databasetest.InjectFault(ctx, "subscriber")
		}))
		who, receiver := newUser(t, db), newUser(t, db)
		var id patients.ID // of a patient of who, new for each case
		directory := app.NewDirectory(repository, store.NewGrants(db), store.NewRestrictions(db), clk, time.UTC)
		for _, c := range []struct {
			name string
			run  func(ctx context.Context, s *app.Service) error
			want error
		}{
			{"register", func(ctx context.Context, s *app.Service) error {
				_, err := s.Register(ctx, who, domain.Input{Name: "B", Gender: "Male", Age: new(1)})
				return err
			}, nil},
			{"browse", func(ctx context.Context, s *app.Service) error {
				_, err := s.Browse(ctx, who, domain.Filter{}, wholeList)
				return err
			}, nil},
			{"browse by doctor", func(ctx context.Context, s *app.Service) error {
				_, err := s.Browse(ctx, who, domain.Filter{Doctor: new(uuid.New())}, wholeList)
				return err
			}, nil},
			{"find", func(ctx context.Context, s *app.Service) error {
				_, err := s.Find(ctx, who, id)
				return err
			}, nil},
			{"find a patient of another user", func(ctx context.Context, s *app.Service) error {
				_, err := s.Find(ctx, auth.Principal{UserID: uuid.New()}, id)
				return err
			}, patients.ErrNotFound},
			{"revise", func(ctx context.Context, s *app.Service) error {
				_, err := s.Revise(ctx, who, id, revision.Match{}, domain.Input{Name: "C", Gender: "Male", Age: new(2)})
				return err
			}, nil},
			{"amend", func(ctx context.Context, s *app.Service) error {
				_, err := s.Amend(ctx, who, id, revision.Match{}, domain.Changes{Name: new("D")})
				return err
			}, nil},
			{"amend a patient of another user", func(ctx context.Context, s *app.Service) error {
				stranger := auth.Principal{UserID: uuid.New()}
				_, err := s.Amend(ctx, stranger, id, revision.Match{}, domain.Changes{Name: new("D")})
				return err
			}, patients.ErrNotFound},
			{"remove", func(ctx context.Context, s *app.Service) error {
				return s.Remove(ctx, who, id, revision.Match{})
			}, nil},
			{"remove a patient of another user", func(ctx context.Context, s *app.Service) error {
				return s.Remove(ctx, auth.Principal{UserID: uuid.New()}, id, revision.Match{})
			}, patients.ErrNotFound},
			{"count a user's data", func(ctx context.Context, _ *app.Service) error {
				userData := newUserData(db, repository,
					publisher, trail, clk, app.Limit{})
				_, err := userData.Count(ctx, identity.UserID{UUID: who.UserID}, -1)
				return err
			}, nil},
			{"delete a user's data", func(ctx context.Context, _ *app.Service) error {
				userData := newUserData(db, repository,
					publisher, trail, clk, app.Limit{})
				_, err := userData.DeleteAll(ctx, identity.UserID{UUID: who.UserID}, identity.SessionID{}, "", 100)
				return err
			}, nil},
			{"transfer a user's data", func(ctx context.Context, _ *app.Service) error {
				limit := app.NewLimit(patients.Config{MaxPerUser: 1000}, repository)
				userData := newUserData(db, repository,
					publisher, trail, clk, limit)
				from, to := identity.UserID{UUID: who.UserID}, identity.UserID{UUID: receiver.UserID}
				_, err := userData.Transfer(ctx, who, from, to, 1000)
				return err
			}, nil},
			{"find in the directory", func(ctx context.Context, _ *app.Service) error {
				_, err := directory.Find(ctx, patients.OwnedBy(who.UserID), id)
				return err
			}, nil},
			{"hold in the directory", func(ctx context.Context, _ *app.Service) error {
				_, err := directory.Hold(ctx, patients.OwnedBy(who.UserID), id)
				return err
			}, nil},
			{"find several in the directory", func(ctx context.Context, _ *app.Service) error {
				_, err := directory.FindAll(ctx, patients.OwnedBy(who.UserID), []patients.ID{id})
				return err
			}, nil},
			{"find who is represented in the directory", func(ctx context.Context, _ *app.Service) error {
				_, err := directory.Exceptions(ctx, asSelf(who), now)
				return err
			}, nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				id = newEnv(t, db).registered(t, who, domain.Input{Name: "A", Gender: "Female", Age: new(31)}).ID
				err := databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
					// a new limit counts the patients again
					limit := app.NewLimit(patients.Config{MaxPerUser: 1000}, repository)
					return c.run(ctx,
						app.New(repository, store.NewGrants(db), trail, db, publisher, clk, time.UTC, patients.Config{},
							limit))
				})
				require.ErrorIs(t, err, c.want)
			})
		}
	})
}
