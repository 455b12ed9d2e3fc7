package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/recordid"
)

func TestStoredDates(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		repository, ctx := newAvailability(db), t.Context()
		for _, day := range []string{"0001-01-01", "1899-12-31", "1970-01-01", "9999-12-31"} {
			t.Run("are read in any year, such as "+day, func(t *testing.T) {
				instant, err := time.Parse(time.DateOnly, day)
				require.NoError(t, err)
				date := calendar.DateOf(instant, time.UTC)
				holiday := domain.Exception{
					ID: recordid.New[domain.ExceptionID](), CreatedBy: databasetest.NewUser(t, db), CreatedAt: madeAt,
					Exception: calendar.Exception{From: date, To: date, Practice: true},
				}
				require.NoError(t, repository.AddException(ctx, holiday, date))
				found, err := repository.FindException(ctx, nil, holiday.ID)
				require.NoError(t, err)
				require.Equal(t, holiday, found)
				require.Equal(t, day, found.From.String())
			})
		}
	})
}
