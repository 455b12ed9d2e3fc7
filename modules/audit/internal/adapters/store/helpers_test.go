package store_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/audittest"
	"healthcare/modules/audit/internal/adapters/store"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/audit/internal/ports"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

var keys = domain.NewKeys([]domain.Secret{secret("entries")}, []domain.Secret{secret("checkpoints")})

// newest is the order of lists, newest first.
var newest = []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}

func secret(name string) domain.Secret {
	bytes := sha256.Sum256([]byte(name))
	return domain.Secret{ID: name, Bytes: bytes[:]}
}

// each runs test once per engine, on an empty ledger.
func each(t *testing.T, test func(t *testing.T, db *database.DB, ledger ports.Ledger)) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) { test(t, db, store.New(db)) })
}

// fullEntry returns an entry with a value in every column.
func fullEntry() domain.Entry {
	return domain.Entry{
		ID: uuid.Must(uuid.NewV7()), RequestID: "request-1", ActorID: uuid.New(), Role: "staff", SessionID: uuid.New(),
		Address: "192.0.2.7", Action: "update", ResourceType: "Patient", ResourceID: uuid.New(), PatientID: uuid.New(),
		Outcome: "success", Status: 200,
		IDs: []uuid.UUID{uuid.New(), uuid.New()}, Count: 7, Fields: []string{"name", "birth_date"},
	}
}

// minimalEntry returns an entry with required columns only.
func minimalEntry() domain.Entry {
	return domain.Entry{ID: uuid.Must(uuid.NewV7()), Action: "login_failed", Outcome: "refused"}
}

// appendEntries appends entries to chain 1 with times an hour apart, the first at from.
func appendEntries(
	ctx context.Context, t *testing.T, db *database.DB, from time.Time, entries ...domain.Entry,
) []domain.Entry {
	t.Helper()
	return appendTo(ctx, t, db, 1, from, entries...)
}

// appendTo appends entries to a chain.
func appendTo(
	ctx context.Context, t *testing.T, db *database.DB, chain int, from time.Time, entries ...domain.Entry,
) []domain.Entry {
	t.Helper()
	at := func(i int) time.Time { return from.Add(time.Duration(i) * time.Hour) }
	return audittest.AppendToChain(ctx, t, db, keys, chain, at, entries...)
}

// fullEntries returns n full entries.
func fullEntries(n int) []domain.Entry {
	all := make([]domain.Entry, n)
	for i := range all {
		all[i] = fullEntry()
	}
	return all
}

// verify verifies the chains of the ledger, without checkpoints.
func verify(t *testing.T, ledger ports.Ledger) error {
	t.Helper()
	spans, err := ledger.Spans(t.Context())
	require.NoError(t, err)
	require.Len(t, spans, domain.Chains)
	for _, span := range spans {
		v := domain.NewVerifier(keys, span, nil)
		defer v.Close()
		entries, err := ledger.Read(t.Context(), span.Chain, span.From.Sequence, 10_000)
		require.NoError(t, err)
		for _, e := range entries {
			if err := v.Next(e); err != nil {
				return err
			}
		}
		if err := v.End(); err != nil {
			return err
		}
	}
	return nil
}

// tamper runs SQL without the triggers, as the owner of the tables can.
func tamper(t *testing.T, db *database.DB, statement string, values ...any) {
	t.Helper()
	disableTriggers(t, db)
	done := db.Write(t.Context()).Exec(statement, values...)
	require.NoError(t, done.Error, statement)
}

func disableTriggers(t *testing.T, db *database.DB) {
	t.Helper()
	if db.Engine() == database.Postgres {
		for _, table := range []string{"audit_entries", "audit_heads", "audit_subjects"} {
			statement := fmt.Sprintf("ALTER TABLE %s DISABLE TRIGGER USER", table)
			require.NoError(t, db.Write(t.Context()).Exec(statement).Error)
		}
		return
	}
	var triggers []string
	query := "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'audit_%'"
	require.NoError(t, db.Read(t.Context()).Raw(query).Scan(&triggers).Error)
	for _, name := range triggers {
		require.NoError(t, db.Write(t.Context()).Exec("DROP TRIGGER "+name).Error)
	}
}

// prepareMonth creates the partition of a month as earlier releases do, on PostgreSQL.
func prepareMonth(ctx context.Context, t *testing.T, db *database.DB, at time.Time) {
	t.Helper()
	if db.Engine() == database.Postgres {
		require.NoError(t, db.Write(ctx).Exec("SELECT audit_ensure_month(?)", database.At(at)).Error)
	}
}
