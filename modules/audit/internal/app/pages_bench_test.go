package app_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// fillTrail records n entries of 20 users about 2,000 patients: 60 % reads, 25 % lists of 50 patients, 15 % updates. A
// batch has 16 entries, and each thousand is a minute after the one before. It returns the users and the patients.
func fillTrail(tb testing.TB, h fixture, n int) (users, patients []uuid.UUID) {
	tb.Helper()
	for range 20 {
		users = append(users, uuid.New())
	}
	for range 2000 {
		patients = append(patients, uuid.New())
	}
	for i := 0; i < n; {
		for ; i == 0 || i%1000 >= 16; i += 16 {
			user := i / 16 % len(users)
			who := auth.Principal{UserID: users[user], SessionID: users[user], Role: auth.Staff}
			own := patients[user*100 : user*100+100]
			entries := make([]audit.Entry, 16)
			for j := range entries {
				entries[j] = typicalEntry(i+j, own)
			}
			request := audit.Request{ID: uuid.Must(uuid.NewV7()).String()}
			require.NoError(tb, h.Record(audit.WithRequest(tb.Context(), request), who, entries...))
		}
		require.NoError(tb, h.sealing.Flush(tb.Context()))
		h.clock.Advance(time.Minute)
		i += 16 - i%16
	}
	require.NoError(tb, h.sealing.Index(tb.Context()))
	return users, patients
}

func typicalEntry(i int, own []uuid.UUID) audit.Entry {
	switch {
	case i%20 < 3:
		entry := audit.NewEntry(audit.Update, audit.Patient, own[i%100])
		entry.Fields = []string{"notes"}
		return entry
	case i%20 < 8:
		return audit.NewListEntries(audit.Entry{Action: audit.List, Resource: audit.Patient}, own[:50])[0]
	case i%1000 == 9:
		return audit.NewRefusal(audit.Patient, own[0], 404)
	}
	return audit.NewEntry(audit.Read, audit.Patient, own[i%100])
}

// BenchmarkPages measures pages of 50 entries of a trail of ENTRIES (10,000) entries. It reports the trail's bytes of
// an entry as B/entry.
func BenchmarkPages(b *testing.B) {
	n := 10_000
	if text := os.Getenv("ENTRIES"); text != "" {
		n, _ = strconv.Atoi(text)
	}
	for _, engine := range []database.Engine{database.SQLite, database.Postgres} {
		db := databasetest.OpenForBench(b, engine)
		h := newFixture(db)
		users, patients := fillTrail(b, h, n)
		reader := h.newReader(new(audittest.Recorder), new(patientstest.Directory))
		middle := now.Add(time.Duration(n/2000) * time.Minute)
		for name, filter := range map[string]domain.Filter{
			"all": {}, "all before the middle": {CreatedBefore: middle}, "a patient": {Patient: &patients[1234]},
			"a patient before the middle": {Patient: &patients[1234], CreatedBefore: middle},
			"no patient":                  {Patient: new(uuid.New())}, "an actor": {Actor: &users[7]},
			"a rare action": {Action: "refused"}, "an action without entries": {Action: "login"},
			"an actor and an action": {Actor: &users[7], Action: "update"},
		} {
			b.Run(fmt.Sprintf("%s/%s", engine, name), func(b *testing.B) {
				request := paging.Request{Limit: 50, Order: []paging.Order{
					{Column: "created_at", Descending: true}, {Column: "id", Descending: true},
				}}
				for b.Loop() {
					_, err := reader.Browse(b.Context(), newStaff(), filter, request)
					require.NoError(b, err)
				}
				b.ReportMetric(float64(storedBytes(b, db))/float64(n), "B/entry")
			})
		}
	}
}

// storedBytes returns the size of the tables and indexes of the chain, without free pages of the inbox on SQLite.
func storedBytes(tb testing.TB, db *database.DB) (size int64) {
	tb.Helper()
	query := "SELECT sum(pgsize - unused) FROM dbstat WHERE name LIKE 'audit_segments%' OR name LIKE 'audit_index%' " +
		"OR name LIKE 'sqlite_autoindex_audit_index%'"
	if db.Engine() == database.Postgres {
		query = "SELECT pg_total_relation_size('audit_segments') + pg_total_relation_size('audit_index')"
	}
	if err := db.Read(tb.Context()).Raw(query).Scan(&size).Error; err != nil { // SQLite without dbstat
		query = "SELECT (SELECT sum(length(packed) + 100) FROM audit_segments) + " +
			"(SELECT coalesce(sum(length(segments) + 30), 0) FROM audit_index)"
		require.NoError(tb, db.Read(tb.Context()).Raw(query).Scan(&size).Error)
	}
	return size
}
