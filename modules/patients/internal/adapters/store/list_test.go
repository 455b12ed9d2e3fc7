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

// TestListWhileRowsComeAndGo walks a long list page by page while another client adds and removes rows all over it. LIST_ROWS sets its length.
func TestListWhileRowsComeAndGo(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rows := sized(t, "LIST_ROWS", map[database.Engine]int{database.Postgres: 20_000, database.SQLite: 5_000}[db.Engine()]) // the race detector slows SQLite
		owner := crowd(t, db, rows, 20, 3)
		repository, scope := store.New(db), patients.OwnedBy(owner)
		var going []patients.ID
		require.NoError(t, db.Read(t.Context()).Table("patients").Where("owner_id = ? AND notes = 'goes'", owner).Limit(50_000).Pluck("id", &going).Error)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		changes, newcomer := make(chan int), ben(t, owner)
		go func() { changes <- comeAndGo(ctx, t, repository, newcomer, going, rows) }()

		seen, stayed, pages, began := make(map[patients.ID]bool, rows), 0, 0, time.Now()
		request := paging.Request{Limit: 500, Order: newestFirst.Order}
		for {
			page, err := repository.List(t.Context(), scope, domain.Filter{}, request)
			require.NoError(t, err)
			pages++
			for _, p := range page.Items {
				require.False(t, seen[p.ID], "page %d repeats %s", pages, p.ID)
				seen[p.ID] = true
				if p.Details.Notes == "" {
					stayed++
				}
			}
			if request.After = page.Next; request.After == nil {
				break
			}
			require.Len(t, page.Items, request.Limit, "a page that is not the last is full")
			time.Sleep(5 * time.Millisecond) // or a fast machine is through before others have begun
		}
		took := time.Since(began)
		stop()
		changed := <-changes
		t.Logf("%d rows in %d pages in %s, while %d came or went", rows, pages, took, changed)
		require.NotZero(t, changed, "somebody else should have written meanwhile")
		require.Equal(t, rows-rows/8, stayed, "nothing that stayed was left out")
	})
}

// comeAndGo removes those who are going and adds others like newcomer all over the list, until ctx ends, and says how many came or went.
func comeAndGo(ctx context.Context, t *testing.T, repository ports.Repository, newcomer domain.Patient, going []patients.ID, rows int) (changed int) {
	rand.Shuffle(len(going), func(i, j int) { going[i], going[j] = going[j], going[i] })
	newcomer.Details.Notes = "came"
	for _, id := range going {
		newcomer.ID, newcomer.CreatedAt = patients.ID{UUID: uuid.New()}, epoch.Add(time.Duration(rand.IntN(rows/3))*time.Second)
		for _, err := range []error{repository.Remove(ctx, patients.OwnedBy(newcomer.OwnerID), id), repository.Add(ctx, newcomer)} {
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

// epoch is when the first patient of a crowd was created.
var epoch = time.Unix(1_760_000_000, 0).UTC()

// crowd gives one user many patients - three of the same time, every eighth free to go, every 5,000th a zebra - and others a few each, and says who
// has the many. Everybody's patients share names and times.
func crowd(t testing.TB, db *database.DB, rows, others, each int) uuid.UUID {
	t.Helper()
	owner := uuid.Must(uuid.NewV7())
	id, word, at, yes := `gen_random_uuid()`, `substr(md5(i::text), 1, 4)`, `to_timestamp(1760000000 + %s)`, "true"
	if db.Engine() == database.SQLite {
		id = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(6)))`
		word, at, yes = `printf('%04x', i * 40503 % 65536)`, `strftime('%%Y-%%m-%%dT%%H:%%M:%%S.000000Z', 1760000000 + %s, 'unixepoch')`, "1"
	}
	created, updated := fmt.Sprintf(at, "i / 3"), fmt.Sprintf(at, "i % 100000 * 7919 % 100003")
	series := `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?) `
	users := `INSERT INTO users (id, name, email, mailbox, username, password_hash, active, token_version, created_at, updated_at)
		SELECT ` + id + `, 'few', 'a@example.com', 'few' || i, 'few' || i, '-', ` + yes + `, 0, ` + created + `, ` + created + ` FROM s`
	some := `INSERT INTO patients (id, owner_id, name, gender, age, email, phone, address, notes, search_text, version, created_at, updated_at)
		SELECT ` + id + `, users.id, 'Patient ' || ` + word + `, 'Other', 30, '', '', '', CASE WHEN i % 8 = 0 THEN 'goes' ELSE '' END,
			'patient ' || ` + word + ` || CASE WHEN i % 5000 = 7 THEN ' zebra' ELSE '' END, 1, ` + created + `, ` + updated + `
		FROM s CROSS JOIN users WHERE users.name = ?`
	require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
		tx := db.Write(ctx)
		if db.Engine() == database.Postgres {
			require.NoError(t, tx.Exec("SET LOCAL statement_timeout = 0").Error)
		}
		require.NoError(t, tx.Exec(series+users, others+1).Error)
		require.NoError(t, tx.Exec("UPDATE users SET id = ?, name = 'many' WHERE username = 'few1'", owner).Error)
		require.NoError(t, tx.Exec(series+some, rows, "many").Error)
		return tx.Exec(series+some, each, "few").Error
	}))
	if db.Engine() == database.Postgres {
		require.NoError(t, db.Write(t.Context()).Exec("VACUUM ANALYZE patients").Error)
	}
	return owner
}

// sized is the size that the environment asks for.
func sized(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	size, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return size
}
