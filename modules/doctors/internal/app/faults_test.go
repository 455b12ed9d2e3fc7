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
	"healthcare/modules/identity"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
	"healthcare/platform/jobs"
	"healthcare/platform/onetime"
	"healthcare/platform/revision"
)

func TestUseCasesReturnEveryErrorAndLeaveNoEffect(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, clk := store.New(db), clock.At(now)
		publisher := events.New(
			events.On("subscriber", func(ctx context.Context, _ doctors.Deleted) error {
				return databasetest.InjectFault(ctx, "subscriber")
			}),
			events.On("subscriber", func(ctx context.Context, _ doctors.Linked) error {
				return databasetest.InjectFault(ctx, "subscriber")
			}),
			events.On("subscriber", func(ctx context.Context, _ doctors.Unlinked) error {
				return databasetest.InjectFault(ctx, "subscriber")
			}),
		)
		admin := auth.Principal{UserID: uuid.New(), Role: auth.Admin}
		staff := auth.Principal{UserID: databasetest.NewUser(t, db), Role: auth.Staff}
		var id, other, linked doctors.ID // new for each case
		var invited app.Invited          // of other
		var linkedUser auth.Principal    // of linked
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
			{"change a linked doctor", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.Amend(ctx, staff, linked, revision.Match{}, domain.Changes{Name: new("C")})
				return err
			}, doctors.ErrLinked},
			{"remove a linked doctor", doctors.Open, func(ctx context.Context, s *app.Service) error {
				return s.Remove(ctx, staff, linked, revision.Match{})
			}, doctors.ErrLinked},
			{"invite", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.Invite(ctx, admin, id)
				return err
			}, nil},
			{"invite again", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.Invite(ctx, admin, other)
				return err
			}, nil},
			{"withdraw", doctors.Open, func(ctx context.Context, s *app.Service) error {
				return s.Withdraw(ctx, admin, other, invited.ID)
			}, nil},
			{"claim", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.Claim(ctx, staff, invited.Code.Reveal())
				return err
			}, nil},
			{"claim with a wrong code", doctors.Open, func(ctx context.Context, s *app.Service) error {
				_, err := s.Claim(ctx, staff, onetime.New().Reveal())
				return err
			}, doctors.ErrNoInvitation},
			{"unlink", doctors.Open, func(ctx context.Context, s *app.Service) error {
				return s.Unlink(ctx, admin, linked)
			}, nil},
			{"unlink another user", doctors.Open, func(ctx context.Context, s *app.Service) error {
				return s.Unlink(ctx, staff, linked)
			}, doctors.ErrLinked},
			{"remove a linked doctor and the link", doctors.Open, func(ctx context.Context, s *app.Service) error {
				return s.Remove(ctx, admin, linked, revision.Match{})
			}, nil},
			{"react to the removal of an account", doctors.Open, func(ctx context.Context, _ *app.Service) error {
				return db.Do(ctx, func(ctx context.Context) error {
					removed := identity.Removed{User: identity.UserID{UUID: linkedUser.UserID}, By: linkedUser}
					return events.New(app.WhenAccountRemoved(repository, new(audittest.Recorder))).Publish(ctx, removed)
				})
			}, nil},
			{"the condition of the role", doctors.Open, func(ctx context.Context, _ *app.Service) error {
				return app.NewLinkRequirement(repository).Fits(ctx, staff.UserID)
			}, doctors.ErrNoRecord},
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
				linkedUser = staffUser(t, db)
				linked = h.linked(t, linkedUser).ID
				invited = h.invited(t, other)
				h.exec(t, `DELETE FROM doctor_links WHERE user_id = ?`, staff.UserID)
				err := databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
					return c.run(ctx, app.New(repository, storedAssignments{db}, jobs.NewQueue(db, clk),
						new(audittest.Recorder), db, publisher, clk, codes,
						doctors.Config{Mode: c.mode, MaxPerUser: 1000})) // a new one counts the doctors again
				})
				require.ErrorIs(t, err, c.want)
			})
		}
	})
}
