package app_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/doctorstest"
	"healthcare/modules/doctors/internal/adapters/store"
	"healthcare/modules/doctors/internal/app"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
)

func TestDirectoryContract(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		doctorstest.RunDirectoryContract(t, func(t *testing.T) (doctors.Directory, func(doctors.Doctor)) {
			repository := store.New(db)
			return app.NewDirectory(repository), func(doctor doctors.Doctor) {
				require.NoError(t, repository.Add(t.Context(), domain.Doctor{
					ID: doctor.ID, Version: 1, CreatedAt: now, UpdatedAt: now,
					Details: domain.Details{
						Name: doctor.Name, Specialization: doctor.Specialization, Experience: doctor.Experience,
					},
				}))
			}
		})
	})
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	db := databasetest.SQLite(t)
	service, directory := newEnv(t, db), app.NewDirectory(store.New(db))
	t.Run("reads within the transaction of the caller", func(t *testing.T) {
		require.ErrorIs(t, db.Do(t.Context(), func(ctx context.Context) error {
			doctor, err := service.Register(ctx, anyAdmin, vikram())
			require.NoError(t, err)
			_, err = directory.Find(ctx, doctor.ID)
			require.NoError(t, err)
			return context.Canceled
		}), context.Canceled)
	})
	t.Run("returns the error of the store, and no doctor", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		found, err := directory.Find(ended, doctors.ID{})
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
		require.Zero(t, found)
		all, err := directory.FindAll(ended, []doctors.ID{{}})
		require.Equal(t, errs.Unavailable, errs.KindOf(err))
		require.Empty(t, all)
	})
}
