package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

// hostile lists texts that would change a statement into which they were concatenated.
var hostile = []string{
	`1 OR 1=1`, `x'; DROP TABLE patients; --`, `x" OR "1"="1`, `%`, `\`, `?`, `$1`, `@name`, `{{.}}`, "/*",
}

// TestX13_StatementsDoNotDependOnValues verifies X13 and R-25.
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
		require.GreaterOrEqual(t, len(harmless), 7, "the test must log every statement: %v", harmless)
		for _, text := range hostile {
			t.Run(text+" is stored as text", func(t *testing.T) {
				require.Equal(t, harmless, statements(text))
			})
		}
		for _, text := range hostile {
			t.Run(text+" is not an id", func(t *testing.T) {
				_, err := patients.ParseID(text)
				require.ErrorIs(t, err, patients.ErrNotFound)
			})
		}
	})
}

// callAllMethods calls every method of the repository with text in all fields, and reads it back.
func callAllMethods(t *testing.T, db *database.DB, text string) {
	ctx, repository, owner := t.Context(), store.New(db), databasetest.NewUser(t, db)
	scope := patients.OwnedBy(owner)
	patient := ananya(owner)
	patient.Details = domain.Details{
		Name: text, Gender: "Other", Age: 1, Email: text, Phone: text, Address: text, MedicalRecordNumber: text,
		Notes: text,
	}
	mustAdd(t, repository, patient)
	found, err := repository.Find(ctx, scope, patient.ID)
	require.NoError(t, err)
	require.Equal(t, patient, found)
	_, err = repository.FindAll(ctx, scope, []patients.ID{patient.ID})
	require.NoError(t, err)
	require.Len(t, listAll(ctx, t, repository, scope), 1)
	_, err = repository.Change(ctx, scope, patient.ID, rename(text+"!"))
	require.NoError(t, err)
	require.NoError(t, db.Do(ctx, func(ctx context.Context) error { return lock(ctx, repository, scope, patient.ID) }))
	require.NoError(t, repository.Remove(ctx, scope, patient.ID))
}

const canary = "canary-7d1f"

// TestX15_ErrorsContainNoPatientData verifies X14 and X15: both engines reject the same values, and their errors
// contain no data of a patient.
func TestX15_ErrorsContainNoPatientData(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, repository ports.Repository) {
		owner := databasetest.NewUser(t, db)
		first := ananya(owner)
		first.Details.MedicalRecordNumber = canary
		mustAdd(t, repository, first)
		for name, c := range map[string]struct {
			change func(*domain.Patient)
			kind   errs.Kind
		}{
			"a name that is too long": {
				func(p *domain.Patient) { p.Details.Name = strings.Repeat(canary, 30) }, errs.Invalid,
			},
			"a name that is empty": {func(p *domain.Patient) { p.Details.Name = "" }, errs.Invalid},
			"an unknown gender":    {func(p *domain.Patient) { p.Details.Gender = canary }, errs.Invalid},
			"an impossible age":    {func(p *domain.Patient) { p.Details.Age = 151 }, errs.Invalid},
			"text with NUL": {
				func(p *domain.Patient) { p.Details.Notes = canary + "\x00" }, errs.Invalid,
			},
			"text that is not UTF-8": {
				func(p *domain.Patient) { p.Details.Notes = canary + "\xff" }, errs.Invalid,
			},
			"a number with NUL": {
				func(p *domain.Patient) { p.Details.MedicalRecordNumber = canary + "\x00" }, errs.Invalid,
			},
			"a number that is taken": {
				func(p *domain.Patient) { p.Details.MedicalRecordNumber = canary }, errs.Conflict,
			},
			"a missing owner": {
				func(p *domain.Patient) { p.OwnerID = uuid.Must(uuid.NewV7()) }, errs.Conflict,
			},
			"a zero time":          {func(p *domain.Patient) { p.CreatedAt = time.Time{} }, errs.Invalid},
			"an id that is in use": {func(p *domain.Patient) { p.ID = first.ID }, errs.Conflict},
		} {
			t.Run(name+" is rejected without patient data in the error", func(t *testing.T) {
				patient := ananya(owner)
				patient.Details = domain.Details{
					Name: canary, Gender: "Other", Email: canary, Phone: canary, Address: canary, Notes: canary,
				}
				c.change(&patient)
				err := repository.Add(t.Context(), patient)
				require.Equal(t, c.kind, errs.KindOf(err), "%v", err)
				for ; err != nil; err = errors.Unwrap(err) {
					require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), canary)
				}
			})
		}
	})
}
