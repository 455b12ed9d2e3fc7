package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/adapters/store"
	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/patients"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

var (
	madeAt = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)
	admin  = auth.Principal{UserID: uuid.New(), Role: auth.Admin}
	asking = auth.Principal{UserID: uuid.New(), Role: patients.Role}
)

// typesEnv is a Types with the real store.
type typesEnv struct {
	*app.Types
	trail *audittest.Recorder
	clock *clock.Manual
}

func newTypesEnv(t testing.TB, db *database.DB) typesEnv {
	trail, manual := new(audittest.Recorder), clock.At(madeAt)
	recorder := audittest.Transactional(t, db, trail)
	return typesEnv{app.NewTypes(store.NewTypes(db), recorder, db, manual), trail, manual}
}

func (h typesEnv) registered(t *testing.T, input domain.TypeInput) domain.Type {
	t.Helper()
	kind, err := h.Register(t.Context(), admin, input)
	require.NoError(t, err)
	return kind
}

func consultation(name string) domain.TypeInput {
	return domain.TypeInput{Name: new(name), Minutes: new(30)}
}

func TestEveryChangedFieldOfATypeIsStored(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		service := newTypesEnv(t, db)
		first := service.registered(t, consultation("Consultation"))
		found, err := service.Find(t.Context(), admin, first.ID)
		require.NoError(t, err)
		require.Equal(t, first, found)

		service.clock.Advance(time.Hour)
		second, err := service.Amend(t.Context(), admin, first.ID, revision.Match{}, domain.TypeChanges{
			Name: new("Group"), Minutes: new(60), BufferBefore: new(5), BufferAfter: new(10), Capacity: new(8),
			NeedsConfirmation: new(true), ForPatients: new(true), Active: new(false),
		})
		require.NoError(t, err)
		databasetest.RequireAllDiffer(t, first, second, "ID", "CreatedAt")
		databasetest.RequireAllDiffer(t, first.TypeDetails, second.TypeDetails)
		found, err = service.Find(t.Context(), admin, first.ID)
		require.NoError(t, err)
		require.Equal(t, second, found)
	})
}

func TestTypesForPatients(t *testing.T) {
	t.Parallel()
	service := newTypesEnv(t, databasetest.SQLite(t))
	shown := consultation("Shown")
	shown.ForPatients = new(true)
	bookable, other := service.registered(t, shown), service.registered(t, consultation("Hidden"))
	browse := func(who auth.Principal, filter domain.TypeFilter) []domain.Type {
		page, err := service.Browse(t.Context(), who, filter, databasetest.NewestFirst("created_at"))
		require.NoError(t, err)
		return page.Items
	}
	require.ElementsMatch(t, []domain.Type{bookable, other}, browse(admin, domain.TypeFilter{}))
	require.Equal(t, []domain.Type{bookable}, browse(asking, domain.TypeFilter{}))
	require.Empty(t, browse(asking, domain.TypeFilter{Active: new(false)}))
	found, err := service.Find(t.Context(), asking, bookable.ID)
	require.NoError(t, err)
	require.Equal(t, bookable, found)
	found, err = service.Find(t.Context(), asking, other.ID)
	require.ErrorIs(t, err, appointments.ErrTypeNotFound)
	require.Zero(t, found)
}

func TestChangesOfTypes(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		service, ctx := newTypesEnv(t, db), t.Context()
		taken, kind := service.registered(t, consultation("Taken")), service.registered(t, consultation("Own"))
		t.Run("refuse a taken name and an invalid field", func(t *testing.T) {
			_, err := service.Register(ctx, admin, consultation(taken.Name))
			require.ErrorIs(t, err, appointments.ErrTypeNameTaken)
			_, err = service.Register(ctx, admin, domain.TypeInput{})
			require.Equal(t, errs.Invalid, errs.KindOf(err))
			_, err = service.Amend(ctx, admin, kind.ID, revision.Match{}, domain.TypeChanges{Name: &taken.Name})
			require.ErrorIs(t, err, appointments.ErrTypeNameTaken)
		})
		t.Run("refuse another version and a missing type", func(t *testing.T) {
			_, err := service.Amend(ctx, admin, kind.ID, revision.OneOf(2), domain.TypeChanges{Name: new("New")})
			require.ErrorIs(t, err, revision.ErrStale)
			require.ErrorIs(t, service.Remove(ctx, admin, kind.ID, revision.OneOf(2)), revision.ErrStale)
			missing := recordid.New[domain.TypeID]()
			_, err = service.Amend(ctx, admin, missing, revision.Match{}, domain.TypeChanges{})
			require.ErrorIs(t, err, appointments.ErrTypeNotFound)
			require.ErrorIs(t, service.Remove(ctx, admin, missing, revision.Match{}), appointments.ErrTypeNotFound)
			found, err := service.Find(ctx, admin, kind.ID)
			require.NoError(t, err)
			require.Equal(t, kind, found)
		})
		t.Run("are recorded with the names of the fields", func(t *testing.T) {
			before := len(service.trail.Recorded())
			added := service.registered(t, consultation("Recorded"))
			_, err := service.Amend(ctx, admin, added.ID, revision.OneOf(1), domain.TypeChanges{Minutes: new(45)})
			require.NoError(t, err)
			require.NoError(t, service.Remove(ctx, admin, added.ID, revision.OneOf(2)))
			update := audit.NewEntry(audit.Update, "AppointmentType", added.ID.UUID)
			update.Fields = []string{"minutes"}
			requireTrail(t, service.trail, before, admin,
				audit.NewEntry(audit.Create, "AppointmentType", added.ID.UUID), update,
				audit.NewEntry(audit.Delete, "AppointmentType", added.ID.UUID))
		})
	})
}

// requireTrail checks the entries after the first ones.
func requireTrail(
	t *testing.T, trail *audittest.Recorder, after int, who auth.Principal, want ...audit.Entry,
) {
	t.Helper()
	var recorded []audit.Entry
	for _, r := range trail.Recorded()[after:] {
		require.Equal(t, who, r.Who)
		recorded = append(recorded, r.Entry)
	}
	require.Equal(t, want, recorded)
}

func TestTypesReturnEveryErrorAndLeaveNoEffect(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		service := app.NewTypes(store.NewTypes(db), new(audittest.Recorder), db, clock.At(madeAt))
		var kind domain.Type // new for each case
		for name, run := range map[string]func(ctx context.Context) error{
			"register": func(ctx context.Context) error {
				_, err := service.Register(ctx, admin, consultation("New"))
				return err
			},
			"browse": func(ctx context.Context) error {
				_, err := service.Browse(ctx, admin, domain.TypeFilter{}, databasetest.NewestFirst("created_at"))
				return err
			},
			"find": func(ctx context.Context) error {
				_, err := service.Find(ctx, admin, kind.ID)
				return err
			},
			"amend": func(ctx context.Context) error {
				_, err := service.Amend(ctx, admin, kind.ID, revision.Match{}, domain.TypeChanges{Name: new("B")})
				return err
			},
			"remove": func(ctx context.Context) error {
				return service.Remove(ctx, admin, kind.ID, revision.Match{})
			},
		} {
			t.Run(name, func(t *testing.T) {
				kind = newTypesEnv(t, db).registered(t, consultation("For "+name))
				require.NoError(t, databasetest.RunWithFaults(t, db, run))
			})
		}
	})
}
