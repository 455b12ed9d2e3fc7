package app_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

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
)

func TestNotes(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const notes = "Zyxnotes."
		service := func(cfg patients.Config) *app.Service {
			return app.New(store.New(db), store.NewGrants(db), new(audittest.Recorder), db, events.New(), clock.At(now),
				time.UTC, cfg, app.Limit{})
		}
		s, keeper, doctor, user := service(patients.Config{}), newUser(t, db), uuid.New(), newUser(t, db)
		grant := func(grantee uuid.UUID, basis domain.Basis, patient patients.ID) {
			require.NoError(t, store.NewGrants(db).Put(t.Context(), domain.Grant{PatientID: patient, GranteeID: grantee,
				Basis: basis, SourceID: uuid.New(), Level: patients.Read, GrantedAt: now}))
		}
		registered := func(name string, who auth.Principal) patients.ID {
			in := domain.Input{Name: name, Gender: "Other", Age: new(1), Notes: notes}
			p, err := s.Register(t.Context(), who, in)
			require.NoError(t, err)
			return p.ID
		}
		oneself, delegate := registered("oneself", keeper), registered("delegate", keeper)
		both := registered("both", keeper)
		treated, own := registered("treated", keeper), registered("own", user)
		grant(user.UserID, domain.Self, oneself)
		grant(user.UserID, domain.Delegate, delegate)
		grant(user.UserID, domain.Self, both)
		grant(doctor, domain.Care, both)
		grant(doctor, domain.Care, treated)
		asDoctor, later := auth.Capacity{ID: doctor, Kind: auth.AsDoctor}, auth.Capacity{ID: doctor, Kind: "later"}
		self, shows := asSelf(user).For, service(patients.Config{PatientSeesNotes: true})
		all := []patients.ID{oneself, delegate, both, treated, own}
		for name, c := range map[string]struct {
			service  *app.Service
			capacity []auth.Capacity
			visible  []patients.ID
			shown    []patients.ID
		}{
			"nobody else":                 {s, nil, all[4:], all[4:]},
			"themselves":                  {s, self, append([]patients.ID{own}, all[:3]...), all[4:]},
			"a doctor":                    {s, []auth.Capacity{asDoctor}, all[2:], all},
			"both":                        {s, append(slices.Clone(self), asDoctor), all, all[2:]},
			"themselves, where it is set": {shows, self, all[:3], all},
			"themselves and a later kind": {s, append(slices.Clone(self), later), all[:3], all[4:]},
		} {
			t.Run("are shown to a user who acts for "+name, func(t *testing.T) {
				who := user
				who.For = c.capacity
				page, err := c.service.Browse(t.Context(), who, domain.Filter{}, wholeList)
				require.NoError(t, err)
				byID := map[patients.ID]domain.Patient{}
				for _, p := range page.Items {
					byID[p.ID] = p
				}
				for _, id := range c.visible {
					one, err := c.service.Find(t.Context(), who, id)
					require.NoError(t, err)
					require.Equal(t, one, byID[id])
				}
				for id, p := range byID {
					want := ""
					for _, shown := range c.shown {
						if shown == id {
							want = notes
						}
					}
					require.Equal(t, want, p.Details.Notes, p.Details.Name)
				}
			})
		}
		t.Run("are not searched", func(t *testing.T) {
			for _, who := range []auth.Principal{asSelf(user), keeper} {
				page, err := s.Browse(t.Context(), who, domain.Filter{Search: "zyxnotes"}, wholeList)
				require.NoError(t, err)
				require.Empty(t, page.Items)
			}
		})
		t.Run("are not shown if the grants cannot be read", func(t *testing.T) {
			who := user
			who.For = append(asSelf(user).For, asDoctor)
			require.NoError(t, databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
				_, err := s.Browse(ctx, who, domain.Filter{}, wholeList)
				return err
			}))
			require.NoError(t, databasetest.RunWithFaults(t, db, func(ctx context.Context) error {
				_, err := s.Find(ctx, who, both)
				return err
			}))
		})
	})
}
