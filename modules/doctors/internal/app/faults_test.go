package app_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/jobs"
	"healthcare/platform/revision"
)

func TestUseCasesReturnEveryErrorAndLeaveNoEffect(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, clk := store.New(db), clock.At(now)
		publisher := events.New(events.On("subscriber", func(ctx context.Context, _ doctors.Deleted) error {
			return databasetest.InjectFault(ctx, "subscriber")
		}))
		admin := auth.Principal{UserID: uuid.New(), Role: auth.Admin}
		staff := auth.Principal{UserID: databasetest.NewUser(t, db), Role: auth.Staff}
		var id, other doctors.ID // new for each case
		details := domain.Details{Name: "B", Specialization: "S", Experience: 1}
		for _, c := range []struct {
			name string
			mode doctors.Mode
			run  func(ctx context.Context, s *app.Service) error
			want error
		}{
			{"register", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.Register(ctx, staff, details)
				return err
			}, nil},
			{"register without permission", doctors.Curated, func(ctx context.Context, s *app.Service) error {
				_, err := s.Register(ctx, staff, details)
				return err
			}, doctors.ErrCurated},
			{"browse", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.Browse(ctx, domain.Filter{}, wholeList)
				return err
			}, nil},
			{"find", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.Find(ctx, id)
				return err
			}, nil},
			{"revise", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.Revise(ctx, staff, id, revision.Match{}, details)
				return err
			}, nil},
			{"amend", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.Amend(ctx, staff, id, revision.Match{}, domain.Changes{Name: new("C")})
				return err
			}, nil},
			{"remove", doctors.Open, func(ctx context.Context, s *app.Service) error {
				return s.Remove(ctx, staff, id, revision.Match{})
			}, nil},
			{"start removal without permission", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.StartRemoval(ctx, staff, id, revision.Match{}, nil)
				return err
			}, auth.ErrForbidden},
			{"start removal", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.StartRemoval(ctx, admin, id, revision.Match{}, &other)
				return err
			}, nil},
			{"start removal, to an earlier doctor", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.StartRemoval(ctx, admin, other, revision.Match{}, &id)
				return err
			}, nil},
			{"continue a removal", doctors.Open, func(ctx context.Context, s *app.Service) error {
				return db.Do(ctx, func(ctx context.Context) error {
					if _, err := s.StartRemoval(ctx, admin, id, revision.Match{}, &other); err != nil {
						return err
					}
					_, _, err := s.Continue(ctx, id, 100)
					return err
				})
			}, nil},
			{"find in the directory", doctors.Open, func(ctx context.Context, _ *app.Service) error {
				_, err := app.NewDirectory(repository).Find(ctx, id)
				return err
			}, nil},
			{"find several in the directory", doctors.Open, func(ctx context.Context, _ *app.Service) error {
				_, err := app.NewDirectory(repository).FindAll(ctx, []doctors.ID{id})
				return err
			}, nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				h := newEnv(t, db)
				id = h.registered(t, domain.Details{Name: "First", Specialization: "S"}).ID
				other = h.registered(t, domain.Details{Name: "Second", Specialization: "S"}).ID
				err := databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
					return c.run(ctx, app.New(repository, storedAssignments{db}, jobs.NewQueue(db, clk),
						new(audittest.Recorder), db, publisher, clk,
						doctors.Config{Mode: c.mode, MaxPerUser: 1000})) // a new one counts the doctors again
				})
				require.ErrorIs(t, err, c.want)
			})
		}
	})
}
