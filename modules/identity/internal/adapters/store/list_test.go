package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
)

func TestFindNames(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, _ ports.Sessions) {
		one, other := added(t, users, asha("1@clinic.example", "1")), asha("2@clinic.example", "2")
		other.Name, other.Active = "Disabled", false
		added(t, users, other)
		closed := added(t, users, asha("3@clinic.example", "3"))
		added(t, users, asha("4@clinic.example", "4"))
		require.NoError(t, users.Close(t.Context(), closed.ID, domain.Closing{Role: "staff", At: now}))
		missing := recordid.New[identity.UserID]()
		names, err := users.FindNames(t.Context(), []identity.UserID{one.ID, other.ID, closed.ID, missing, one.ID, {}})
		require.NoError(t, err)
		require.Equal(t, map[identity.UserID]string{one.ID: one.Name, other.ID: "Disabled"}, names)
		names, err = users.FindNames(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, names)
	})
}

var newestFirst = []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}

func TestListUsers(t *testing.T) {
	each(t, func(t *testing.T, _ *database.DB, users ports.Users, _ ports.Sessions) {
		var all []domain.User
		for i, name := range []string{"José Álvarez", "Boss", "Gone"} {
			user := asha(fmt.Sprintf("%d@clinic.example", i), fmt.Sprint(i))
			user.Name, user.CreatedAt = name, now.Add(time.Duration(i)*time.Minute)
			user.Role = map[string]string{"Boss": "admin"}[name] + map[bool]string{true: "staff"}[name != "Boss"]
			user.Active = name != "Gone"
			all = append(all, added(t, users, user))
		}
		listed := func(t *testing.T, filter domain.UserFilter) []domain.User {
			t.Helper()
			page, err := users.List(t.Context(), filter, paging.Request{Limit: 10, Order: newestFirst})
			require.NoError(t, err)
			return page.Items
		}
		yes, no := true, false
		for name, c := range map[string]struct {
			filter domain.UserFilter
			want   []domain.User
		}{
			"no filter":                 {domain.UserFilter{}, []domain.User{all[2], all[1], all[0]}},
			"parts of the name, folded": {domain.UserFilter{Search: "JOSE alv"}, []domain.User{all[0]}},
			"parts of the address":      {domain.UserFilter{Search: "1@clinic"}, []domain.User{all[1]}},
			"a role":                    {domain.UserFilter{Role: "admin"}, []domain.User{all[1]}},
			"active users":              {domain.UserFilter{Active: &yes}, []domain.User{all[1], all[0]}},
			"disabled users":            {domain.UserFilter{Active: &no}, []domain.User{all[2]}},
			"users between two times": {domain.UserFilter{CreatedAfter: now, CreatedBefore: now.Add(2 * time.Minute)},
				[]domain.User{all[1]}},
			"an unknown role": {domain.UserFilter{Role: "' OR 1=1 --"}, []domain.User{}},
		} {
			t.Run(name, func(t *testing.T) { require.Equal(t, c.want, listed(t, c.filter)) })
		}
		t.Run("a changed name is found by its new value", func(t *testing.T) {
			_, err := users.Change(t.Context(), all[0].ID, func(u *domain.User) error {
				u.Name, u.Version = "Zoë", u.Version+1
				return nil
			})
			require.NoError(t, err)
			require.Len(t, listed(t, domain.UserFilter{Search: "zoe"}), 1)
			require.Empty(t, listed(t, domain.UserFilter{Search: "jose"}))
		})
	})
}

// X21: a page of users in any order reads one index from its start.
func TestX21_UserListPlans(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB, users ports.Users, _ ports.Sessions) {
		added(t, users, asha("a@clinic.example", "a"))
		if db.Engine() == database.Postgres {
			require.NoError(t,
				db.Write(t.Context()).Exec(`INSERT INTO users (id, name, email, mailbox, username,
				password_hash, active, token_version, created_at, updated_at)
				SELECT gen_random_uuid(), md5(i::text), i || '@b.example', i || '@b.example', i || '',
				'x', true, 0, to_timestamp(1760000000 + i / 3), now()
				FROM generate_series(1, 20000) s(i)`).Error)
			require.NoError(t, db.Write(t.Context()).Exec("VACUUM ANALYZE users").Error)
		}
		sent := databasetest.LastQuery(t, db)
		for _, column := range []string{"created_at", "name"} {
			order := []paging.Order{{Column: column, Descending: true}, {Column: "id", Descending: true}}
			key := map[string]string{"created_at": "2026-01-01T00:00:00.000000Z", "name": "8"}[column]
			for _, after := range [][]string{nil, {key, "0193525f-1f70-7cc1-a0e2-0f6e2b6cfe3b"}} {
				t.Run(fmt.Sprintf("by %s, after %v", column, after), func(t *testing.T) {
					_, err := users.List(t.Context(), domain.UserFilter{},
						paging.Request{Limit: 50, Order: order, After: after})
					require.NoError(t, err)
					index := "users_" + column + "_idx"
					if db.Engine() == database.SQLite {
						plan := sent.QueryPlan(t, db)
						require.Contains(t, plan, index)
						require.NotContains(t, plan, "TEMP B-TREE")
						return
					}
					for _, mode := range databasetest.PlanModes {
						plan := sent.Explain(t, db, mode)
						require.Len(t, plan.Below[0].Below, 1, "the few closed accounts are read once: %+v", plan)
						plan.Below[0].Below = nil
						databasetest.RequireIndex(t, plan, index)
					}
				})
			}
		}
	})
}
