package audittest

import (
	"context"
	"testing"

	"healthcare/platform/audit"
	"healthcare/platform/auth"
)

// Transactional returns a Recorder that passes entries to next. It fails the test if an entry about a successful change
// is recorded outside of a transaction of db: otherwise a change could be stored without its entry.
func Transactional(t testing.TB, db Transactions, next audit.Recorder) audit.Recorder {
	return transactional{t, db, next}
}

// Transactions reports whether ctx has an open transaction. *database.DB implements it.
type Transactions interface {
	InTransaction(ctx context.Context) bool
}

type transactional struct {
	t    testing.TB
	db   Transactions
	next audit.Recorder
}

var changes = map[audit.Action]bool{
	audit.Login: true, audit.Refresh: true, audit.RefreshReused: true, audit.Logout: true,
	audit.PasswordChanged: true, audit.RoleChanged: true, audit.Transferred: true,
	audit.Create: true, audit.Update: true, audit.Delete: true,
	audit.Invited: true, audit.Withdrawn: true, audit.Granted: true,
	audit.Linked: true, audit.Unlinked: true,
}

// Record implements audit.Recorder.
func (r transactional) Record(ctx context.Context, who auth.Principal, entries ...audit.Entry) error {
	for _, e := range entries {
		if changes[e.Action] && e.Outcome == audit.Success && !r.db.InTransaction(ctx) {
			r.t.Errorf("%s of %s is recorded outside of a transaction", e.Action, e.Resource)
		}
	}
	return r.next.Record(ctx, who, entries...)
}
