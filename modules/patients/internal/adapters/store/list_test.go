package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// TestListDuringChanges reads a long list page by page while another client adds and removes rows in all parts of it.
// LIST_ROWS sets its length.
func TestListDuringChanges(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		// the race detector slows SQLite
		rows := map[database.Engine]int{database.Postgres: 20_000, database.SQLite: 5_000}[db.Engine()]
		rows = sizeFromEnv(t, "LIST_ROWS", rows)
		owner := insertPatients(t, db, rows, 20, 3)
		repository, scope := store.New(db), patients.OwnedBy(owner)
		var removable []patients.ID
		require.NoError(t, db.Read(t.Context()).Table("patients").
			Where("owner_id = ? AND notes = 'removable'", owner).Limit(50_000).Pluck("id", &removable).Error)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		changes, added := make(chan int), ben(t, owner)
		go func() { changes <- addAndRemove(ctx, t, repository, added, removable, rows) }()

		seen, permanent, pages, start := make(map[patients.ID]bool, rows), 0, 0, time.Now()
		request := paging.Request{Limit: 500, Order: newestFirst.Order}
		for {
			page, err := repository.List(t.Context(), scope, domain.Filter{}, request)
			require.NoError(t, err)
			pages++
			for _, p := range page.Items {
				require.False(t, seen[p.ID], "page %d repeats %s", pages, p.ID)
				seen[p.ID] = true
				if p.Details.Notes == "" {
					permanent++
				}
			}
			if request.After = page.Next; request.After == nil {
				break
			}
			require.Len(t, page.Items, request.Limit, "all pages except the last are full")
			time.Sleep(5 * time.Millisecond) // else a fast machine ends before the first change
		}
		duration := time.Since(start)
		stop()
		changed := <-changes
		t.Logf("%d rows in %d pages in %s, with %d concurrent changes", rows, pages, duration, changed)
		require.NotZero(t, changed, "the list must change while it is read")
		require.Equal(t, rows-rows/8, permanent, "no permanent row is omitted")
	})
}

// addAndRemove removes the removable patients and adds copies of added in all parts of the list, until ctx ends. It
// returns the number of changes.
func addAndRemove(
	ctx context.Context, t *testing.T, repository ports.Repository, added domain.Patient, removable []patients.ID,
	rows int,
) (changed int) {
	rand.Shuffle(len(removable), func(i, j int) { removable[i], removable[j] = removable[j], removable[i] })
	added.Details.Notes = "added"
	for _, id := range removable {
		added.ID = patients.ID{UUID: uuid.New()}
		added.CreatedAt = epoch.Add(time.Duration(rand.IntN(rows/3)) * time.Second)
		for _, err := range []error{
			repository.Remove(ctx, patients.OwnedBy(added.OwnerID), id),
			repository.Add(ctx, added),
		} {
			if ctx.Err() != nil {
				return changed
			}
			if err != nil {
				t.Error(err)
			}
			changed++
		}
	}
	return changed
}

// epoch is the time of the first patient of insertPatients.
var epoch = time.Unix(1_760_000_000, 0).UTC()

// insertPatients inserts patients: rows of one user, whose id it returns, and perUser of each of the other users. Three
// patients share each time, every eighth is removable, every 5,000th is a zebra. All users have patients with the same
// names and times.
func insertPatients(t testing.TB, db *database.DB, rows, others, perUser int) uuid.UUID {
	t.Helper()
	owner := uuid.Must(uuid.NewV7())
	id, word, at, yes := `gen_random_uuid()`, `substr(md5(i::text), 1, 4)`, `to_timestamp(1760000000 + %s)`, "true"
	if db.Engine() == database.SQLite {
		id = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' ||
			hex(randomblob(2)) || '-' || hex(randomblob(6)))`
		word = `printf('%04x', i * 40503 % 65536)`
		at, yes = `strftime('%%Y-%%m-%%dT%%H:%%M:%%S.000000Z', 1760000000 + %s, 'unixepoch')`, "1"
	}
	created, updated := fmt.Sprintf(at, "i / 3"), fmt.Sprintf(at, "i % 100000 * 7919 % 100003")
	const series = `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?) `
	users := series + `INSERT INTO users
		(id, name, email, mailbox, username, password_hash, active, token_version, created_at, updated_at)
		SELECT ` + id + `, 'few', 'a@example.com', 'few' || i, 'few' || i, '-', ` + yes + `, 0,
			` + created + `, ` + created + ` FROM s`
	patientsOf := series + `INSERT INTO patients
		(id, owner_id, name, gender, age, email, phone, address, notes, search_text, version, created_at, updated_at)
		SELECT ` + id + `, users.id, 'Patient ' || ` + word + `, 'Other', 30, '', '', '',
			CASE WHEN i % 8 = 0 THEN 'removable' ELSE '' END,
			'patient ' || ` + word + ` || CASE WHEN i % 5000 = 7 THEN ' zebra' ELSE '' END, 1,
			` + created + `, ` + updated + `
		FROM s CROSS JOIN users WHERE users.name = ?`
	require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
		tx := db.Write(ctx)
		if db.Engine() == database.Postgres {
			require.NoError(t, tx.Exec("SET LOCAL statement_timeout = 0").Error)
		}
		require.NoError(t, tx.Exec(users, others+1).Error)
		require.NoError(t, tx.Exec("UPDATE users SET id = ?, name = 'many' WHERE username = 'few1'", owner).Error)
		require.NoError(t, tx.Exec(patientsOf, rows, "many").Error)
		return tx.Exec(patientsOf, perUser, "few").Error
	}))
	if db.Engine() == database.Postgres {
		require.NoError(t, db.Write(t.Context()).Exec("VACUUM ANALYZE patients").Error)
	}
	return owner
}

// sizeFromEnv returns the number in an environment variable, or otherwise if it is not set.
func sizeFromEnv(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	size, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return size
}
