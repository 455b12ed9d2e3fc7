package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// TestX13_StatementsDoNotDependOnValues verifies X13 and R-25, with texts that would change a statement into which they
// were concatenated.
func TestX13_StatementsDoNotDependOnValues(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		core, log := observer.New(zapcore.WarnLevel)
		cfg.SlowQuery = time.Nanosecond // logs every statement
		db, err := database.Open(cfg, zap.New(core))
		require.NoError(t, err)
		defer db.Close()
		statements := func(text string) []string {
			log.TakeAll()
			callAllMethods(t, db, text)
			var logged []string
			for _, line := range log.TakeAll() {
				logged = append(logged, line.ContextMap()["sql"].(string))
			}
			slices.Sort(logged)
			return slices.Compact(logged)
		}
		harmless := statements("harmless")
		require.GreaterOrEqual(t, len(harmless), 6, "the test must log every statement: %v", harmless)
		for _, text := range []string{
			`1 OR 1=1`, `x'; DROP TABLE doctors; --`, `x" OR "1"="1`, `%`, `\`, `?`, `$1`, `@name`, `{{.}}`, "/*",
		} {
			t.Run(text+" is stored as text", func(t *testing.T) {
				require.Equal(t, harmless, statements(text))
			})
		}
	})
}

// callAllMethods calls every method of the repository with text in all fields, and reads it back.
func callAllMethods(t *testing.T, db *database.DB, text string) {
	ctx, repository, doctor := t.Context(), store.New(db), novice()
	doctor.Details = domain.Details{Name: text, Specialization: text, Email: text, Phone: text, LicenseNumber: text}
	mustAdd(t, repository, doctor)
	found, err := repository.Find(ctx, doctor.ID)
	require.NoError(t, err)
	require.Equal(t, doctor, found)
	_, err = repository.FindAll(ctx, []doctors.ID{doctor.ID})
	require.NoError(t, err)
	require.Len(t, listAll(ctx, t, repository), 1)
	_, err = repository.Change(ctx, doctor.ID, rename(text+"!"))
	require.NoError(t, err)
	require.NoError(t, db.Do(ctx, func(ctx context.Context) error { return lock(ctx, repository, doctor.ID) }))
	require.NoError(t, repository.Remove(ctx, doctor.ID))
}

// TestX15_ErrorsContainNoDoctorData verifies X14 and X15: both engines reject the same values, and their errors contain
// no data of a doctor.
func TestX15_ErrorsContainNoDoctorData(t *testing.T) {
	const canary = "canary-7d1f"
	each(t, func(t *testing.T, _ *database.DB, repository ports.Repository) {
		first := novice()
		first.LicenseNumber = canary
		mustAdd(t, repository, first)
		for name, c := range map[string]struct {
			change func(*domain.Doctor)
			kind   errs.Kind
		}{
			"a name that is too long": {
				func(d *domain.Doctor) { d.Name = strings.Repeat(canary, 30) }, errs.Invalid,
			},
			"a name that is empty": {func(d *domain.Doctor) { d.Name = "" }, errs.Invalid},
			"a specialization that is too long": {
				func(d *domain.Doctor) { d.Specialization = strings.Repeat(canary, 30) }, errs.Invalid,
			},
			"an experience of 81 years": {func(d *domain.Doctor) { d.Experience = 81 }, errs.Invalid},
			"an experience of more than 32 bits": {
				func(d *domain.Doctor) { d.Experience = 1 << 32 }, errs.Invalid,
			},
			"text with NUL": {
				func(d *domain.Doctor) { d.Phone = canary + "\x00" }, errs.Invalid,
			},
			"text that is not UTF-8": {
				func(d *domain.Doctor) { d.Phone = canary + "\xff" }, errs.Invalid,
			},
			"a number with NUL": {
				func(d *domain.Doctor) { d.LicenseNumber = canary + "\x00" }, errs.Invalid,
			},
			"a number that is taken": {
				func(d *domain.Doctor) { d.LicenseNumber = canary }, errs.Conflict,
			},
			"a zero time": {
				func(d *domain.Doctor) { d.UpdatedAt = time.Time{} }, errs.Invalid,
			},
			"an id that is in use": {func(d *domain.Doctor) { d.ID = first.ID }, errs.Conflict},
		} {
			t.Run(name+" is rejected without doctor data in the error", func(t *testing.T) {
				doctor := novice()
				doctor.Details = domain.Details{Name: canary, Specialization: canary, Email: canary, Phone: canary}
				c.change(&doctor)
				err := repository.Add(t.Context(), doctor)
				require.Equal(t, c.kind, errs.KindOf(err), "%v", err)
				for ; err != nil; err = errors.Unwrap(err) {
					require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), canary)
				}
			})
		}
	})
}
