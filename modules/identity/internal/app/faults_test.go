package app_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/adapters/store"
	"healthcare/modules/identity/internal/app"
	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/idempotency"
	"healthcare/platform/jobs"
	"healthcare/platform/paging"
	"healthcare/platform/revision"
)

// attemptTables are written in separate transactions, because an attempt counts even if the request fails.
var attemptTables = []string{"signin_attempts", "known_clients"}

// faultCase is a use case whose handling of errors is tested.
type faultCase struct {
	name    string
	prepare func(t *testing.T, h fixture, caller auth.Principal, tokens app.Tokens) func(ctx context.Context) error
	want    error  // of the run without a fault
	written string // a table that is written in several transactions
}

// plain returns a faultCase without preparation.
func plain(name string, run func(ctx context.Context, h fixture, caller auth.Principal) error) faultCase {
	return faultCase{name: name, prepare: func(
		_ *testing.T, h fixture, caller auth.Principal, _ app.Tokens,
	) func(context.Context) error {
		return func(ctx context.Context) error { return run(ctx, h, caller) }
	}}
}

var faultCases = []faultCase{
	plain("register", func(ctx context.Context, h fixture, _ auth.Principal) error {
		_, err := h.Register(ctx, domain.Registration{Name: "N", Email: "new@example.com", Password: secret})
		return err
	}),
	{
		name: "register with an address that is taken", want: identity.ErrEmailTaken,
		prepare: func(_ *testing.T, h fixture, _ auth.Principal, _ app.Tokens) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := h.Register(ctx, domain.Registration{Name: "N", Email: "a@example.com", Password: secret})
				return err
			}
		},
	},
	plain("register with a username that is taken", func(ctx context.Context, h fixture, _ auth.Principal) error {
		_, err := h.Register(ctx, domain.Registration{Name: "N", Email: "a@example.org", Password: secret})
		return err
	}),
	plain("add", func(ctx context.Context, h fixture, caller auth.Principal) error {
		_, err := h.Add(ctx, caller, domain.Registration{Name: "N", Email: "n@example.com", Password: secret},
			auth.Admin)
		return err
	}),
	{
		name: "transfer",
		prepare: func(t *testing.T, h fixture, caller auth.Principal, _ app.Tokens) func(context.Context) error {
			from := identity.UserID{UUID: databasetest.NewUser(t, h.db)}
			databasetest.NewPatient(t, h.db, from.UUID)
			return func(ctx context.Context) error {
				_, err := h.Transfer(ctx, caller, from, identity.UserID{UUID: caller.UserID}, 10)
				return err
			}
		},
	},
	plain("add for whom users act", func(ctx context.Context, h fixture, caller auth.Principal) error {
		_, err := h.WithParties(ctx, domain.User{ID: identity.UserID{UUID: caller.UserID}})
		return err
	}),
	{
		name: "read a transfer",
		prepare: func(t *testing.T, h fixture, caller auth.Principal, _ app.Tokens) func(context.Context) error {
			from := identity.UserID{UUID: databasetest.NewUser(t, h.db)}
			return func(ctx context.Context) error {
				_, err := h.Transferable(ctx, caller, from, identity.UserID{UUID: caller.UserID})
				return err
			}
		},
	},
	plain("sign in", func(ctx context.Context, h fixture, _ auth.Principal) error {
		_, err := h.SignIn(ctx, domain.Credentials{Email: "a@example.com", Password: secret}, here)
		return err
	}),
	plain("sign in from a new network", func(ctx context.Context, h fixture, _ auth.Principal) error {
		_, err := h.SignIn(ctx, domain.Credentials{Email: "a@example.com", Password: secret}, network(1))
		return err
	}),
	{
		name: "sign in with the most sessions",
		prepare: func(t *testing.T, h fixture, caller auth.Principal, _ app.Tokens) func(context.Context) error {
			for range 100 {
				session := domain.NewSession(
					identity.UserID{UUID: caller.UserID}, domain.Origin{}, h.clock.Now(),
					domain.Lifetimes{Idle: idle, Absolute: absolute})
				hash := h.stored(t, domain.User{ID: session.UserID}).PasswordHash
				require.NoError(t, h.sessions.Add(t.Context(), session, hash))
			}
			return func(ctx context.Context) error {
				_, err := h.SignIn(ctx, domain.Credentials{Email: "a@example.com", Password: secret}, here)
				return err
			}
		},
	},
	{
		name: "refresh",
		prepare: func(_ *testing.T, h fixture, _ auth.Principal, tokens app.Tokens) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := h.Refresh(ctx, tokens.Refresh, here)
				return err
			}
		},
	},
	{
		name: "reuse of a refresh token", want: identity.ErrInvalidRefresh,
		prepare: func(t *testing.T, h fixture, _ auth.Principal, tokens app.Tokens) func(context.Context) error {
			h.refreshed(t, h.refreshed(t, tokens.Refresh).Refresh)
			return func(ctx context.Context) error {
				_, err := h.Refresh(ctx, tokens.Refresh, here)
				return err
			}
		},
	},
	{
		name: "authenticate",
		prepare: func(_ *testing.T, h fixture, _ auth.Principal, tokens app.Tokens) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := h.Authenticate(ctx, tokens.Access)
				return err
			}
		},
	},
	plain("sessions", func(ctx context.Context, h fixture, caller auth.Principal) error {
		_, err := h.Sessions(ctx, caller)
		return err
	}),
	plain("log out", func(ctx context.Context, h fixture, caller auth.Principal) error {
		return h.SignOut(ctx, caller, identity.SessionID{UUID: caller.SessionID})
	}),
	plain("log out everywhere", func(ctx context.Context, h fixture, caller auth.Principal) error {
		return h.SignOutEverywhere(ctx, caller)
	}),
	plain("change the password", func(ctx context.Context, h fixture, caller auth.Principal) error {
		return h.ChangePassword(ctx, caller, domain.PasswordChange{Current: secret, New: "another horse"}, here)
	}),
	plain("reset a password", func(ctx context.Context, h fixture, caller auth.Principal) error {
		_, err := h.ResetPassword(ctx, caller, identity.UserID{UUID: caller.UserID}, "another horse")
		return err
	}),
	plain("request a reset", func(ctx context.Context, h fixture, _ auth.Principal) error {
		return h.addresses.RequestReset(ctx, "a@example.com", here.Address)
	}),
	plain("request a reset of nobody", func(ctx context.Context, h fixture, _ auth.Principal) error {
		return h.addresses.RequestReset(ctx, "nobody@example.com", here.Address)
	}),
	{
		name: "reset the password with a token",
		prepare: func(t *testing.T, h fixture, _ auth.Principal, _ app.Tokens) func(context.Context) error {
			sent := h.sent(t, h.requested(t, "a@example.com"))
			return func(ctx context.Context) error { return h.reset(ctx, sent, another) }
		},
	},
	{
		name: "use a token that is not valid", want: identity.ErrInvalidMailToken,
		prepare: func(_ *testing.T, h fixture, _ auth.Principal, _ app.Tokens) func(context.Context) error {
			return func(ctx context.Context) error { return h.reset(ctx, "guess", another) }
		},
	},
	plain("request a verification", func(ctx context.Context, h fixture, caller auth.Principal) error {
		return h.addresses.RequestVerification(ctx, caller, here.Address)
	}),
	{
		name: "verify the address",
		prepare: func(t *testing.T, h fixture, _ auth.Principal, _ app.Tokens) func(context.Context) error {
			sent := h.sent(t, h.lastWanted(t))
			return func(ctx context.Context) error {
				return h.addresses.ConfirmVerification(ctx, sent, here.Address)
			}
		},
	},
	{
		name: "find a token",
		prepare: func(t *testing.T, h fixture, _ auth.Principal, _ app.Tokens) func(context.Context) error {
			wanted := h.lastWanted(t)
			return func(ctx context.Context) error {
				_, err := h.contacts.FindToken(ctx, wanted)
				return err
			}
		},
	},
	plain("find contacts", func(ctx context.Context, h fixture, caller auth.Principal) error {
		if _, err := h.contacts.Administrators(ctx, 9); err != nil {
			return err
		}
		_, err := h.contacts.FindContacts(ctx, []identity.UserID{{UUID: caller.UserID}})
		return err
	}),
	plain("verify for an operator", func(ctx context.Context, h fixture, caller auth.Principal) error {
		_, err := h.Verify(ctx, auth.Operator, identity.UserID{UUID: caller.UserID})
		return err
	}),
	plain("own account", func(ctx context.Context, h fixture, caller auth.Principal) error {
		_, err := h.Own(ctx, caller)
		return err
	}),
	plain("me", func(ctx context.Context, h fixture, caller auth.Principal) error {
		_, err := h.Me(ctx, caller)
		return err
	}),
	plain("rename", func(ctx context.Context, h fixture, caller auth.Principal) error {
		_, err := h.Rename(ctx, caller, revision.Match{}, new("Another Name"))
		return err
	}),
	plain("find", func(ctx context.Context, h fixture, caller auth.Principal) error {
		_, err := h.Accounts.Find(ctx, identity.UserID{UUID: caller.UserID})
		return err
	}),
	plain("find by address", func(ctx context.Context, h fixture, _ auth.Principal) error {
		_, err := h.FindByEmail(ctx, "a@example.com")
		return err
	}),
	plain("browse", func(ctx context.Context, h fixture, _ auth.Principal) error {
		_, err := h.Browse(ctx, domain.UserFilter{}, paging.Request{Limit: 10, Order: []paging.Order{{Column: "id"}}})
		return err
	}),
	{
		name: "disable a user",
		prepare: func(t *testing.T, h fixture, caller auth.Principal, _ app.Tokens) func(context.Context) error {
			other, _ := h.signedInAs(t, "b@example.com")
			return func(ctx context.Context) error {
				changes := domain.Changes{Role: new(string(auth.Admin)), Active: new(false)}
				_, err := h.Administer(ctx, caller, identity.UserID{UUID: other.UserID}, revision.Match{}, changes)
				return err
			}
		},
	},
	plain("give a role with a requirement", func(ctx context.Context, h fixture, caller auth.Principal) error {
		changes := domain.Changes{Role: new("demanding")}
		_, err := h.Administer(ctx, caller, identity.UserID{UUID: caller.UserID}, revision.Match{}, changes)
		return err
	}),
	plain("add with a role with a requirement", func(ctx context.Context, h fixture, caller auth.Principal) error {
		registration := domain.Registration{Name: "N", Email: "n@example.com", Password: secret}
		_, err := h.Add(ctx, caller, registration, "demanding")
		return err
	}),
	plain("leave", func(ctx context.Context, h fixture, caller auth.Principal) error {
		_, err := h.Leave(ctx, caller, revision.Match{}, secret, false, here)
		return err
	}),
	{
		name: "leave with patients",
		prepare: func(t *testing.T, h fixture, caller auth.Principal, _ app.Tokens) func(context.Context) error {
			h.patients(t, caller, 1)
			return func(ctx context.Context) error {
				_, err := h.Leave(ctx, caller, revision.Match{}, secret, true, here)
				return err
			}
		},
	},
	{
		name: "close an account with many patients",
		prepare: func(t *testing.T, h fixture, caller auth.Principal, _ app.Tokens) func(context.Context) error {
			h.patients(t, caller, 101)
			return func(ctx context.Context) error {
				continued, err := h.Leave(ctx, caller, revision.Match{}, secret, true, here)
				if err == nil {
					require.NotNil(t, continued)
				}
				return err
			}
		},
	},
	{
		name: "remove the data of a closed account",
		prepare: func(t *testing.T, h fixture, caller auth.Principal, _ app.Tokens) func(context.Context) error {
			h.patients(t, caller, 101)
			_, err := h.Leave(t.Context(), caller, revision.Match{}, secret, true, here)
			require.NoError(t, err)
			return func(ctx context.Context) error { return h.erase(ctx, caller) }
		},
	},
	{
		name: "record the mailboxes of users of an older release", written: "user_mailboxes",
		prepare: func(t *testing.T, h fixture, _ auth.Principal, _ app.Tokens) func(context.Context) error {
			return func(ctx context.Context) error {
				h.exec(t, "DELETE FROM user_mailboxes")
				return store.NewMailboxes(h.db, h.clock, zap.NewNop()).CatchUp(ctx)
			}
		},
	},
}

func TestUseCasesReturnEveryErrorAndLeaveNoEffect(t *testing.T) {
	t.Parallel()
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			databasetest.Each(t, func(t *testing.T, db *database.DB) {
				h := newFixture(t, db, func(cfg *identity.Config) {
					cfg.FreeAttempts, cfg.AccountFailures, cfg.ClientFailures = 1000, 1000, 1000
					cfg.RegistrationsPerHour = 1000
				})
				h.roles["demanding"] = auth.Declaration{
					Fits: func(ctx context.Context, _ uuid.UUID) error { return databasetest.InjectFault(ctx, "role") },
				}
				caller, tokens := h.signedInAs(t, "a@example.com")
				err := databasetest.RunWithFaults(t, db, c.prepare(t, h, caller, tokens),
					slices.Concat(attemptTables, []string{c.written})...)
				require.ErrorIs(t, err, c.want)
			})
		})
	}
}

// erase runs the job that removes the data of a closed account, in one batch.
func (h fixture) erase(ctx context.Context, caller auth.Principal) error {
	erasure := app.NewErasure(h.users, h.patientRows, idempotency.New(h.db, h.clock))
	job := jobs.Job{Parameters: []byte(`{"user":"` + caller.UserID.String() + `"}`)}
	return h.db.Do(ctx, func(ctx context.Context) error {
		_, err := erasure.Batch(ctx, job, 1000)
		return err
	})
}

// patients inserts patients of the user.
func (h fixture) patients(t *testing.T, caller auth.Principal, number int) {
	t.Helper()
	for range number {
		h.exec(t, `INSERT INTO patients (id, owner_id, name, gender, age, email, phone, address, notes, version,
			created_at, updated_at) VALUES (?, ?, 'P', 'Other', 1, '', '', '', '', 1, ?, ?)`,
			uuid.Must(uuid.NewV7()), caller.UserID, database.At(now), database.At(now))
	}
}
