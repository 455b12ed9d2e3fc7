package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
)

// addedByOldRelease stores a user as releases without user_mailboxes do.
func addedByOldRelease(t *testing.T, db *database.DB, user domain.User) domain.User {
	t.Helper()
	require.NoError(t, insertOld(t.Context(), db, user))
	return user
}

func insertOld(ctx context.Context, db *database.DB, user domain.User) error {
	return db.Write(ctx).Exec(`INSERT INTO users
		(id, name, email, mailbox, username, password_hash, role, active, token_version, search_text, version,
		created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		user.ID, user.Name, user.Email, domain.LowerAddress(user.Email), user.Username, user.PasswordHash, user.Role,
		user.Active, user.TokenVersion,
		"", user.Version, database.At(user.CreatedAt), database.At(user.UpdatedAt)).Error
}

// registeredAt returns a user with an address and a time of registration.
func registeredAt(email string, minutes int) domain.User {
	user := asha(email, uuid.NewString())
	user.CreatedAt = now.Add(time.Duration(minutes) * time.Minute)
	return user
}

func findByAddress(t *testing.T, users ports.Users, email string) identity.UserID {
	t.Helper()
	user, err := users.FindByAddress(t.Context(), email)
	require.NoError(t, err, "%+q", email)
	return user.ID
}

func TestAddressesOfOldReleases(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, _ ports.Sessions) {
		core, log := observer.New(zap.WarnLevel)
		mailboxes := store.NewMailboxes(db, clock.At(now.Add(time.Hour)), zap.New(core))
		// The younger user is stored first, because the time of registration counts.
		younger := addedByOldRelease(t, db, registeredAt("Zoë@xn--bcher-kva.example", 2))
		older := addedByOldRelease(t, db, registeredAt("zoe\u0308@bücher.example", 1))
		youngest := addedByOldRelease(t, db, registeredAt("zoë@bücher.example.", 3))
		single := addedByOldRelease(t, db, registeredAt("as\u200bha@clinic.example", 4))

		t.Run("are found as registered before their mailboxes are recorded", func(t *testing.T) {
			for _, user := range []domain.User{older, younger, youngest, single} {
				require.Equal(t, user.ID, findByAddress(t, users, user.Email))
			}
			require.Equal(t, younger.ID, findByAddress(t, users, "ZOË@xn--bcher-kva.example"))
		})
		require.NoError(t, mailboxes.Sweep(t.Context()))
		t.Run("are logged once if they share a mailbox, as ids, oldest first", func(t *testing.T) {
			require.NoError(t, mailboxes.Sweep(t.Context()))
			require.NoError(t, store.NewMailboxes(db, clock.At(now), zap.New(core)).Sweep(t.Context()))
			require.Equal(t, 1, log.Len())
			logged := fmt.Sprint(log.All()[0].ContextMap())
			require.Equal(t, fmt.Sprintf("map[accounts:[%s %s %s]]", older.ID, younger.ID, youngest.ID), logged)
		})
		t.Run("belong to the oldest user in every other spelling", func(t *testing.T) {
			for _, spelling := range []string{"zoë@bücher.example", "ZOË@bücher.example", "zoë@XN--BCHER-KVA.example",
				"zo\u200bë@bücher.example", " Zoë@BÜCHER.example.."} {
				require.Equal(t, older.ID, findByAddress(t, users, spelling), "%+q", spelling)
			}
			require.Equal(t, younger.ID, findByAddress(t, users, younger.Email))
			require.Equal(t, youngest.ID, findByAddress(t, users, youngest.Email))
			require.Equal(t, single.ID, findByAddress(t, users, "asha@clinic.example"))
		})
		t.Run("are listed together, oldest first", func(t *testing.T) {
			all, err := users.FindAllByAddress(t.Context(), "zoë@bücher.example")
			require.NoError(t, err)
			require.Equal(t, []domain.User{older, younger, youngest}, all)
		})
		t.Run("pass to the next oldest user when an old release deletes the oldest", func(t *testing.T) {
			newcomer := registeredAt("zoë@bücher.example", 9)
			for _, deleted := range []domain.User{older, younger} {
				require.ErrorIs(t, users.Add(t.Context(), newcomer), identity.ErrEmailTaken)
				require.NoError(t, db.Write(t.Context()).Exec("DELETE FROM users WHERE id = ?", deleted.ID).Error)
			}
			require.Equal(t, youngest.ID, findByAddress(t, users, "ZOË@xn--bcher-kva.example"))
			require.ErrorIs(t, users.Add(t.Context(), newcomer), identity.ErrEmailTaken)
			require.NoError(t, users.Remove(t.Context(), youngest.ID))
			require.NoError(t, users.Add(t.Context(), newcomer))
			require.Equal(t, newcomer.ID, findByAddress(t, users, "ZOË@xn--bcher-kva.example"))
			var rows int
			require.NoError(t, db.Read(t.Context()).Raw("SELECT count(*) FROM user_mailboxes").Scan(&rows).Error)
			require.Equal(t, 2, rows, "the addresses are deleted with the accounts")
		})
		t.Run("are recorded before the next registration if an old release added them", func(t *testing.T) {
			added := addedByOldRelease(t, db, registeredAt("ravi@bücher.example", 60))
			require.Equal(t, added.ID, findByAddress(t, users, "RAVI@bücher.example"), "at once")
			require.NoError(t, mailboxes.CatchUp(t.Context()))
			require.ErrorIs(t, users.Add(t.Context(), registeredAt("ravi@xn--bcher-kva.example", 61)),
				identity.ErrEmailTaken)
		})
	})
}

// Users that an older release adds after the clock was set back are recorded at once.
func TestMailboxesAfterTheClockWentBack(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, _ ports.Sessions) {
		manual := clock.At(now.Add(365 * day))
		mailboxes := store.NewMailboxes(db, manual, zap.NewNop())
		require.NoError(t, mailboxes.Sweep(t.Context()))
		manual.Advance(-365 * day)
		addedByOldRelease(t, db, registeredAt("ravi@bücher.example", 0))
		require.NoError(t, mailboxes.CatchUp(t.Context()))
		require.ErrorIs(t, users.Add(t.Context(), registeredAt("ravi@xn--bcher-kva.example", 1)),
			identity.ErrEmailTaken)
	})
}

func TestMailboxesAfterARollback(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, _ ports.Sessions) {
		manual := clock.At(now)
		mailboxes := store.NewMailboxes(db, manual, zap.NewNop())
		require.NoError(t, mailboxes.Sweep(t.Context()))
		addedByOldRelease(t, db, registeredAt("ravi@bücher.example", 1))
		manual.Advance(10 * time.Minute)
		rollback := errors.New("rollback")
		require.ErrorIs(t, db.Do(t.Context(), func(ctx context.Context) error {
			require.NoError(t, mailboxes.CatchUp(ctx))
			return rollback
		}), rollback)
		manual.Advance(time.Second)
		require.NoError(t, mailboxes.CatchUp(t.Context()))
		require.ErrorIs(t, users.Add(t.Context(), registeredAt("ravi@xn--bcher-kva.example", 20)),
			identity.ErrEmailTaken)
	})
}

// TestOneAccountWithoutAMailboxAmongMany sweeps again after an older release added one account.
func TestOneAccountWithoutAMailboxAmongMany(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, _ ports.Sessions) {
		start := func() {
			require.NoError(t, store.NewMailboxes(db, clock.At(now.Add(time.Hour)), zap.NewNop()).Sweep(t.Context()))
		}
		for i := range 50 {
			added(t, users, registeredAt(fmt.Sprintf("u%d@bücher.example", i), i))
		}
		start()
		between := addedByOldRelease(t, db, registeredAt("ravi@bücher.example", 25))
		start()
		require.Equal(t, between.ID, findByAddress(t, users, "ravi@xn--bcher-kva.example"))
		// The counts are equal again if an account is deleted, with its mailbox, while another is added.
		leaving, err := users.FindByAddress(t.Context(), "u7@bücher.example")
		require.NoError(t, err)
		require.NoError(t, db.Write(t.Context()).Exec("DELETE FROM users WHERE id = ?", leaving.ID).Error)
		last := addedByOldRelease(t, db, registeredAt("mira@bücher.example", 60))
		start()
		require.Equal(t, last.ID, findByAddress(t, users, "mira@xn--bcher-kva.example"))
	})
}

// TestMailboxesOfMany records more accounts than fit in one transaction, by two instances at once.
func TestMailboxesOfMany(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, _ ports.Sessions) {
		const accounts = 1201
		require.NoError(t, db.Do(t.Context(), func(ctx context.Context) error {
			for i := range accounts {
				user := registeredAt(fmt.Sprintf("u%d@bücher.example", i), i/7)
				if i%400 == 0 {
					user.Email = []string{"x@bücher.example", "x@bücher.example.", "X@xn--bcher-kva.example",
						"x@bu\u0308cher.example"}[i/400]
				}
				if err := insertOld(ctx, db, user); err != nil {
					return err
				}
			}
			return nil
		}))
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := store.NewMailboxes(db, clock.At(now), zap.NewNop()).Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		var recorded, holding int
		require.NoError(t, db.Read(t.Context()).Raw("SELECT count(*) FROM user_mailboxes").Scan(&recorded).Error)
		require.NoError(t,
			db.Read(t.Context()).Raw("SELECT count(*) FROM user_mailboxes WHERE holds").Scan(&holding).Error)
		require.Equal(t, accounts, recorded)
		require.Equal(t, accounts-3, holding, "one of the four accounts that share a mailbox holds it")
		all, err := users.FindAllByAddress(t.Context(), "x@bücher.example")
		require.NoError(t, err)
		require.Len(t, all, 4)
	})
}

// A sign-in uses indexes, whether the address is known or not.
func TestFindByAddressPlans(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, _ ports.Sessions) {
		if db.Engine() == database.Postgres {
			for _, statement := range []string{
				`INSERT INTO users (id, name, email, mailbox, username, password_hash, active, token_version,
					created_at, updated_at)
					SELECT gen_random_uuid(), 'A', i || '@b.example', i || '@b.example', i || '', 'x', true, 0,
					now(), now() FROM generate_series(1, 20000) s(i)`,
				`INSERT INTO user_mailboxes SELECT id, mailbox, true FROM users`, "VACUUM ANALYZE users",
				"VACUUM ANALYZE user_mailboxes",
			} {
				require.NoError(t, db.Write(t.Context()).Exec(statement).Error)
			}
		}
		sent := databasetest.LastQuery(t, db)
		_, err := users.FindByAddress(t.Context(), "nobody@clinic.example")
		require.ErrorIs(t, err, ports.ErrNotFound)
		if db.Engine() == database.SQLite {
			plan := sent.QueryPlan(t, db)
			require.Contains(t, plan, "user_mailboxes_mailbox_idx")
			require.NotContains(t, plan, "SCAN users")
			require.NotContains(t, plan, "SCAN user_mailboxes")
			return
		}
		for _, mode := range databasetest.PlanModes {
			plan := fmt.Sprint(sent.Explain(t, db, mode))
			require.Contains(t, plan, "Index Scan users_mailbox_key")
			require.Contains(t, plan, "Index Scan user_mailboxes_mailbox_idx")
			require.NotContains(t, plan, "Seq Scan")
		}
	})
}
