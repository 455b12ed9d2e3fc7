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

// TestX13_StatementsDoNotDependOnValues verifies X13 and R-25. What is hostile is what turns into SQL where a value is pasted into it.
func TestX13_StatementsDoNotDependOnValues(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, cfg database.Config) {
		core, log := observer.New(zapcore.WarnLevel)
		cfg.SlowQuery = time.Nanosecond // every statement is told
		db, err := database.Open(cfg, zap.New(core))
		require.NoError(t, err)
		defer db.Close()
		statements := func(text string) []string {
			log.TakeAll()
			useEverything(t, db, text)
			var told []string
			for _, line := range log.TakeAll() {
				told = append(told, line.ContextMap()["sql"].(string))
			}
			slices.Sort(told)
			return slices.Compact(told)
		}
		harmless := statements("harmless")
		require.GreaterOrEqual(t, len(harmless), 6, "the test should see every statement: %v", harmless)
		for _, text := range []string{
			`1 OR 1=1`, `x'; DROP TABLE doctors; --`, `x" OR "1"="1`, `%`, `\`, `?`, `$1`, `@name`, `{{.}}`, "/*",
		} {
			t.Run(text+" is text like any other", func(t *testing.T) {
				require.Equal(t, harmless, statements(text))
			})
		}
	})
}

// useEverything calls every method of the repository with text wherever text goes, and finds it again.
func useEverything(t *testing.T, db *database.DB, text string) {
	ctx, repository, doctor := t.Context(), store.New(db), novice()
	doctor.Details = domain.Details{Name: text, Specialization: text, Email: text, Phone: text, LicenseNumber: text}
	mustAdd(t, repository, doctor)
	found, err := repository.Find(ctx, doctor.ID)
	require.NoError(t, err)
	require.Equal(t, doctor, found)
	_, err = repository.FindAll(ctx, []doctors.ID{doctor.ID})
	require.NoError(t, err)
	require.Len(t, listed(ctx, t, repository), 1)
	_, err = repository.Change(ctx, doctor.ID, rename(text+"!"))
	require.NoError(t, err)
	require.NoError(t, db.Do(ctx, func(ctx context.Context) error { return lock(ctx, repository, doctor.ID) }))
	require.NoError(t, repository.Remove(ctx, doctor.ID))
}

// TestX15_NoErrorQuotesADoctor verifies X14 and X15: what a database refuses, both refuse alike, and nobody's data is in what they say.
func TestX15_NoErrorQuotesADoctor(t *testing.T) {
	const canary = "canary-7d1f"
	each(t, func(t *testing.T, _ *database.DB, repository ports.Repository) {
		first := novice()
		first.LicenseNumber = canary
		mustAdd(t, repository, first)
		for what, c := range map[string]struct {
			breakIt func(*domain.Doctor)
			kind    errs.Kind
		}{
			"a name that is too long":            {func(d *domain.Doctor) { d.Name = strings.Repeat(canary, 30) }, errs.Invalid},
			"a name that is empty":               {func(d *domain.Doctor) { d.Name = "" }, errs.Invalid},
			"a specialization that is too long":  {func(d *domain.Doctor) { d.Specialization = strings.Repeat(canary, 30) }, errs.Invalid},
			"an experience that is too long":     {func(d *domain.Doctor) { d.Experience = 81 }, errs.Invalid},
			"an experience of more than 32 bits": {func(d *domain.Doctor) { d.Experience = 1 << 32 }, errs.Invalid},
			"text with NUL":                      {func(d *domain.Doctor) { d.Phone = canary + "\x00" }, errs.Invalid},
			"text that is not UTF-8":             {func(d *domain.Doctor) { d.Phone = canary + "\xff" }, errs.Invalid},
			"a number with NUL":                  {func(d *domain.Doctor) { d.LicenseNumber = canary + "\x00" }, errs.Invalid},
			"a number that is taken":             {func(d *domain.Doctor) { d.LicenseNumber = canary }, errs.Conflict},
			"a time that stands for none":        {func(d *domain.Doctor) { d.UpdatedAt = time.Time{} }, errs.Invalid},
			"an id that is in use already":       {func(d *domain.Doctor) { d.ID = first.ID }, errs.Conflict},
		} {
			t.Run(what+" is refused without a word about the rest", func(t *testing.T) {
				doctor := novice()
				doctor.Details = domain.Details{Name: canary, Specialization: canary, Email: canary, Phone: canary}
				c.breakIt(&doctor)
				err := repository.Add(t.Context(), doctor)
				require.Equal(t, c.kind, errs.KindOf(err), "%v", err)
				for ; err != nil; err = errors.Unwrap(err) {
					require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), canary)
				}
			})
		}
	})
}
