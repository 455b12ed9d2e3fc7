package database_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/platform/database"
)

// updatedRow is a row with a column of each kind that modules use.
type updatedRow struct {
	ID         string
	OwnerID    string
	Name       string
	Age        *int
	Active     bool
	Number     database.Text
	SearchText string
	Version    int
	CreatedAt  database.Time `gorm:"autoCreateTime:false"`
	UpdatedAt  database.Time `gorm:"autoUpdateTime:false"`
}

func (updatedRow) TableName() string { return "updated_rows" }

func TestUpdate(t *testing.T) {
	at := time.Date(2026, time.November, 28, 12, 0, 0, 0, time.UTC)
	first := updatedRow{
		ID: "a", OwnerID: "o", Name: "Ada", Age: new(31), Active: true, Number: "N-1", SearchText: "ada", Version: 1,
		CreatedAt: database.At(at), UpdatedAt: database.At(at),
	}
	second := first
	second.ID = "b"
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		timeType := map[database.Engine]string{database.SQLite: "text", database.Postgres: "timestamptz"}[db.Engine()]
		exec(t, db, `CREATE TABLE updated_rows (
			id text PRIMARY KEY, owner_id text NOT NULL, name text NOT NULL, age integer,
			active boolean NOT NULL, number text, search_text text NOT NULL, version integer NOT NULL,
			created_at `+timeType+` NOT NULL, updated_at `+timeType+`)`)
		stored := func(t *testing.T) []updatedRow {
			var rows []updatedRow
			require.NoError(t, db.Read(t.Context()).Order("id").Find(&rows).Error)
			return rows
		}
		reset := func(t *testing.T) {
			exec(t, db, `DELETE FROM updated_rows`)
			for _, row := range []updatedRow{first, second} {
				require.NoError(t, db.Write(t.Context()).Create(&row).Error)
			}
		}
		where := func(t *testing.T) *gorm.DB {
			return db.Write(t.Context()).Where("owner_id = ?", "o").Where("id = ?", "a")
		}
		t.Run("writes all columns except the fixed ones to the rows that meet the conditions", func(t *testing.T) {
			reset(t)
			changed := updatedRow{
				ID: "z", OwnerID: "p", Name: "Bea", Age: new(32), Number: "N-2", SearchText: "bea", Version: 2,
				CreatedAt: database.At(at.Add(time.Hour)), UpdatedAt: database.At(at.Add(time.Hour)),
			}
			argument := changed
			require.NoError(t, database.Update(where(t), &argument, "id", "owner_id", "created_at"))
			require.Equal(t, changed, argument, "the argument should be unchanged")
			changed.ID, changed.OwnerID, changed.CreatedAt = "a", "o", database.At(at)
			require.Equal(t, []updatedRow{changed, second}, stored(t))
		})
		t.Run("writes empty and zero values", func(t *testing.T) {
			reset(t)
			require.NoError(t, database.Update(where(t), &updatedRow{}, "id", "owner_id", "created_at"))
			empty := updatedRow{ID: "a", OwnerID: "o", CreatedAt: database.At(at)}
			require.Equal(t, []updatedRow{empty, second}, stored(t))
		})
		t.Run("reports that no row meets the conditions", func(t *testing.T) {
			reset(t)
			err := database.Update(where(t).Where("version = ?", 2), &updatedRow{}, "id", "owner_id", "created_at")
			require.ErrorIs(t, err, gorm.ErrRecordNotFound)
			require.Equal(t, []updatedRow{first, second}, stored(t))
		})
		t.Run("rejects an update without conditions", func(t *testing.T) {
			reset(t)
			changed := first
			changed.Name = "Bea"
			err := database.Update(db.Write(t.Context()), &changed, "id")
			require.ErrorIs(t, err, gorm.ErrMissingWhereClause)
			require.Equal(t, []updatedRow{first, second}, stored(t))
		})
		t.Run("rejects a fixed column that the row does not have", func(t *testing.T) {
			reset(t)
			err := database.Update(where(t), &updatedRow{}, "id", "owner_id", "craeted_at")
			require.ErrorContains(t, err, `updated_rows has no column "craeted_at"`)
			require.Equal(t, []updatedRow{first, second}, stored(t))
		})
		t.Run("belongs to the transaction in the context", func(t *testing.T) {
			reset(t)
			refused := errors.New("refused")
			require.ErrorIs(t, db.Do(t.Context(), func(ctx context.Context) error {
				changed := first
				changed.Name = "Bea"
				q := db.Write(ctx).Where("id = ?", "a")
				require.NoError(t, database.Update(q, &changed, "id", "owner_id", "created_at"))
				return refused
			}), refused)
			require.Equal(t, []updatedRow{first, second}, stored(t))
		})
	})
}
