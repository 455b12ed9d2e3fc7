package app_test

import (
	"slices"
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

// searchEnv is a trail with entries in the older chains, in complete blocks, in the open block, and in the inbox.
type searchEnv struct {
	fixture
	actors, patients []uuid.UUID
	all              []domain.Entry // in order
}

func newSearchEnv(t *testing.T, db *database.DB) searchEnv {
	e := searchEnv{
		fixture: newFixture(db), actors: []uuid.UUID{uuid.New(), uuid.New()},
		patients: []uuid.UUID{uuid.New(), uuid.New(), uuid.New()},
	}
	for chain := 1; chain <= 2; chain++ {
		e.appendTo(t, chain, 3)
		e.clock.Advance(time.Minute)
	}
	for day := range 3 {
		for segment := range 4 {
			for i := range 5 {
				e.record(t, day+segment+i)
			}
			if day < 2 || segment < 3 {
				e.seal(t)
			}
			e.clock.Advance(time.Minute)
		}
		e.clock.Advance(25 * time.Hour)
	}
	require.NoError(t, e.sealing.Index(t.Context()))
	require.Positive(t, e.unsealed(t))
	for chain := 1; chain <= 2; chain++ {
		read, err := e.ledger.Read(t.Context(), chain, 0, 10)
		require.NoError(t, err)
		e.all = append(e.all, read...)
	}
	return e
}

// record records one entry that depends on n.
func (e searchEnv) record(t *testing.T, n int) {
	t.Helper()
	entry := audit.NewEntry([]audit.Action{audit.Read, audit.Update, audit.List}[n%3], audit.Patient, uuid.Nil)
	entry.PatientID = e.patients[n%len(e.patients)]
	if entry.Action == audit.List {
		entry.PatientID, entry.IDs = uuid.Nil, e.patients[:2]
	}
	who := auth.Principal{UserID: e.actors[n%len(e.actors)], Role: auth.Staff}
	require.NoError(t, e.Record(t.Context(), who, entry))
}

// Every filter and order returns, page by page, the entries that match, each once.
func TestSearchEqualsAScan(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := newSearchEnv(t, db)
		reader := e.newReader(new(audittest.Recorder), new(patientstest.Directory))
		read := func(filter domain.Filter, descending bool, limit int) (ids []uuid.UUID) {
			request := paging.Request{Limit: limit, Count: true, Order: []paging.Order{
				{Column: "created_at", Descending: descending}, {Column: "id", Descending: descending},
			}}
			var total int64
			for range 200 {
				page, err := reader.Browse(t.Context(), newStaff(), filter, request)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page.Items), limit)
				for _, entry := range page.Items {
					ids = append(ids, entry.ID)
				}
				if request.Count {
					total = *page.Total
				}
				if request.After, request.Count = page.Next, false; page.Next == nil {
					require.EqualValues(t, len(ids), total, "the count")
					return ids
				}
			}
			t.Fatal("the list does not end")
			return nil
		}
		read(domain.Filter{}, true, 10) // seals the inbox
		e.all = append(e.all, e.entries(t)...)
		require.Len(t, e.all, 6+60)
		from, to := e.all[20].Time, e.all[50].Time
		filters := map[string]domain.Filter{
			"all": {}, "no actor": {Actor: new(uuid.New())}, "no patient": {Patient: new(uuid.New())},
			"an action": {Action: "read"}, "a rare action": {Action: "login_failed"},
			"an actor": {Actor: &e.actors[0]}, "a patient": {Patient: &e.patients[1]},
			"an actor and an action":        {Actor: &e.actors[1], Action: "update"},
			"a patient and an action":       {Patient: &e.patients[2], Action: "read"},
			"after a time":                  {CreatedAfter: from},
			"before a time":                 {CreatedBefore: to},
			"between":                       {CreatedAfter: from, CreatedBefore: to},
			"an actor between":              {Actor: &e.actors[0], CreatedAfter: from, CreatedBefore: to},
			"before the first":              {CreatedBefore: e.all[0].Time},
			"after the last":                {CreatedAfter: e.all[65].Time},
			"a patient before a time":       {Patient: &e.patients[0], CreatedBefore: to},
			"an actor, a patient, a action": {Actor: &e.actors[0], Patient: &e.patients[0], Action: "list"},
		}
		for name, filter := range filters {
			var want []uuid.UUID
			for _, entry := range e.all {
				if filter.Matches(entry) {
					want = append(want, entry.ID)
				}
			}
			for _, limit := range []int{1, 3, 7, 100} {
				require.Equal(t, want, read(filter, false, limit), "%s, oldest first, pages of %d", name, limit)
				newest := slices.Clone(want)
				slices.Reverse(newest)
				require.Equal(t, newest, read(filter, true, limit), "%s, newest first, pages of %d", name, limit)
			}
		}
	})
}

// A page ends when it has read 200 segments, and its cursor continues.
func TestAPageReadsFewSegments(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	patient := reading()
	require.NoError(t, h.Record(t.Context(), newStaff(), patient))
	for range 250 {
		h.seal(t)
		h.record(t, 1)
	}
	reader := h.newReader(new(audittest.Recorder), new(patientstest.Directory))
	request := paging.Request{Limit: 10, Order: []paging.Order{
		{Column: "created_at", Descending: true}, {Column: "id", Descending: true},
	}}
	filter := domain.Filter{Patient: &patient.PatientID}
	first, err := reader.Browse(t.Context(), newStaff(), filter, request)
	require.NoError(t, err)
	require.Empty(t, first.Items)
	require.NotNil(t, first.Next)
	request.After = first.Next
	second, err := reader.Browse(t.Context(), newStaff(), filter, request)
	require.NoError(t, err)
	require.Len(t, second.Items, 1)
	require.Nil(t, second.Next)
	request.After, request.Count = nil, true
	first, err = reader.Browse(t.Context(), newStaff(), filter, request)
	require.NoError(t, err)
	require.Len(t, first.Items, 1, "the terms of the open block are known now")
	require.EqualValues(t, 1, *first.Total)
}

func TestPagesAreLimitedBySize(t *testing.T) {
	t.Parallel()
	h := newFixture(databasetest.SQLite(t))
	patient := uuid.New()
	large := readings(160)
	for i := range large {
		large[i].IDs = slices.Repeat([]uuid.UUID{patient}, 200)
	}
	require.NoError(t, h.Record(t.Context(), newStaff(), large...))
	reader := h.newReader(new(audittest.Recorder), new(patientstest.Directory))
	request := paging.Request{Limit: 500, Order: []paging.Order{
		{Column: "created_at", Descending: true}, {Column: "id", Descending: true},
	}}
	first, err := reader.Browse(t.Context(), newStaff(), domain.Filter{Patient: &patient}, request)
	require.NoError(t, err)
	size := len(first.Items) * 200 * paging.IDSize
	require.Less(t, size, paging.MaxBytes)
	require.Greater(t, size, paging.MaxBytes*8/10)
	request.After = first.Next
	second, err := reader.Browse(t.Context(), newStaff(), domain.Filter{Patient: &patient}, request)
	require.NoError(t, err)
	require.Nil(t, second.Next)
	require.Equal(t, len(large), len(first.Items)+len(second.Items))
}
