package database_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"healthcare/platform/database"
)

// The SQL for any number of values has one text and one parameter, so the engines cache one prepared statement.
func TestWhereInHasOneText(t *testing.T) {
	eachWithList(t, 5, func(t *testing.T, db *database.DB, all []thing) {
		var texts []string
		for _, count := range []int{1, 2, 3000} {
			values := []string{all[0].ID}
			for i := 1; i < count; i++ {
				values = append(values, fmt.Sprint(`"\{,}' `, i))
			}
			var found []thing
			dry := db.Read(t.Context()).Session(&gorm.Session{DryRun: true})
			statement := database.WhereIn(dry, "id", values).Find(&found).Statement
			require.Len(t, statement.Vars, 1)
			texts = append(texts, statement.SQL.String())

			require.NoError(t, database.WhereIn(db.Read(t.Context()), "id", values).Find(&found).Error)
			require.Equal(t, all[:1], found)
		}
		require.Equal(t, []string{texts[0], texts[0], texts[0]}, texts)
	})
}
