package app_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	trail "healthcare/modules/audit"
	"healthcare/modules/audit/internal/app"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/paging"
)

func requireFlaw(t *testing.T, err error, first int64) {
	t.Helper()
	var flaw *domain.Flaw
	require.ErrorAs(t, err, &flaw)
	require.Equal(t, first, flaw.Sequence, flaw.Why)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newHouse(db)
		october, december := time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)
		h.clock.Advance(october.Sub(now))
		require.NoError(t, h.Look(t.Context())) // makes the months
		h.record(t, 5)
		h.clock.Advance(31 * 24 * time.Hour)
		require.NoError(t, h.Look(t.Context()))
		h.record(t, 3)
		require.NoError(t, h.Finish(t.Context()))
		november := h.clock.Now()

		t.Run("removes nothing when nothing is that old", func(t *testing.T) {
			_, err := h.Prune(t.Context(), october, silent)
			require.ErrorIs(t, err, trail.ErrNothingToPrune)
			require.EqualValues(t, 8, h.verified(t))
		})
		t.Run("removes what is older, says so in the trail, and what is left verifies", func(t *testing.T) {
			last, err := h.Prune(t.Context(), november, silent)
			require.NoError(t, err)
			require.EqualValues(t, 5, last)
			left := h.entries(t)
			require.Len(t, left, 4)
			require.EqualValues(t, 6, left[0].Sequence)
			require.Equal(t, "trail_pruned", left[3].Action)
			require.Equal(t, "operator", left[3].Role)
			require.EqualValues(t, 5, left[3].Count)
			require.EqualValues(t, 4, h.verified(t))
		})
		if db.Engine() == database.Postgres {
			t.Run("drops a month as a whole", func(t *testing.T) {
				var months []string
				require.NoError(t, db.Read(t.Context()).Raw("SELECT relname FROM pg_class WHERE relname ~ '^audit_entries_20' AND relkind = 'r' ORDER BY 1").Scan(&months).Error)
				require.Equal(t, []string{"audit_entries_2026_11", "audit_entries_2026_12"}, months)
			})
		}
		t.Run("can be done again, also up to what is not yet", func(t *testing.T) {
			h.clock.Advance(december.Sub(h.clock.Now()))
			h.record(t, 1)
			h.clock.Advance(time.Second)
			last, err := h.Prune(t.Context(), h.clock.Now().AddDate(1, 0, 0), silent)
			require.NoError(t, err)
			require.EqualValues(t, 10, last)
			require.EqualValues(t, 1, h.verified(t))
			h.record(t, 2)
			require.EqualValues(t, 3, h.verified(t))
		})
	})
}

func TestVerifyAndExport(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newHouse(db)
		require.Zero(t, h.verified(t))
		require.NoError(t, h.Record(t.Context(), someone(), make1500()...))
		require.NoError(t, h.Look(t.Context()))
		require.Equal(t, 1, h.checkpoints.count())

		var export bytes.Buffer
		t.Run("an export holds all, is recorded itself, and verifies without the store", func(t *testing.T) {
			written, err := h.Export(t.Context(), &export, silent)
			require.NoError(t, err)
			require.EqualValues(t, 1501, written)
			require.Equal(t, 1502, strings.Count(export.String(), "\n"))
			var heard [][2]int64
			sound, err := h.VerifyExport(bytes.NewReader(export.Bytes()), "", func(done, all int64) { heard = append(heard, [2]int64{done, all}) })
			require.NoError(t, err)
			require.EqualValues(t, 1501, sound)
			require.NotEmpty(t, heard)
			require.EqualValues(t, 1501, h.verified(t))
		})
		t.Run("an export with another byte does not", func(t *testing.T) {
			for _, edit := range [][2]string{{`"status":200`, `"status":201`}, {`"action":"read"`, `"action":"list"`}, {`"staff"`, `"admin"`}, {`"key_id":"entries"`, `"key_id":"other"`}} {
				tampered := strings.Replace(export.String(), edit[0], edit[1], 1)
				require.NotEqual(t, export.String(), tampered)
				_, err := h.VerifyExport(strings.NewReader(tampered), "", silent)
				requireFlaw(t, err, 1)
			}
			lines := strings.SplitAfter(export.String(), "\n")
			_, err := h.VerifyExport(strings.NewReader(strings.Join(append(lines[:700:700], lines[701:]...), "")), "", silent)
			requireFlaw(t, err, 700)
			_, err = h.VerifyExport(strings.NewReader(strings.Join(lines[:1200], "")), "", silent)
			requireFlaw(t, err, 1200)
			for _, none := range []string{"", "x\n", "{}\n", lines[1], lines[0] + "x\n", lines[0] + `{"entry_of":1,"more":2}`} {
				_, err := h.VerifyExport(strings.NewReader(none), "", silent)
				require.Error(t, err, none)
			}
		})
		t.Run("a line that is no checkpoint is named", func(t *testing.T) {
			sound := h.checkpoints.lines
			h.checkpoints.lines = append(bytes.Clone(sound), bytes.Replace(sound, []byte(`"sequence":1500`), []byte(`"sequence":1400`), 1)...)
			_, err := h.Verify(t.Context(), "", silent)
			require.ErrorIs(t, err, domain.ErrNoCheckpoint)
			require.ErrorContains(t, err, "line 2")
			h.checkpoints.lines = sound
		})
		t.Run("a server that goes on recording does not disturb", func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for ctx.Err() == nil {
					_ = h.Record(t.Context(), someone(), reading())
					_ = h.Finish(t.Context())
				}
			}()
			for range 5 {
				require.GreaterOrEqual(t, h.verified(t), int64(1501))
			}
			stop()
			<-done
		})
	})
}

func make1500() []audit.Entry {
	all := make([]audit.Entry, 1500)
	for i := range all {
		all[i] = reading()
	}
	return all
}

// TestR41_RollBack puts an old state of the database back, as whoever owns it can, and goes on recording.
func TestR41_RollBack(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newHouse(db)
		h.record(t, 3)
		require.NoError(t, h.Finish(t.Context()))
		h.record(t, 4)
		require.NoError(t, h.Finish(t.Context()))
		require.EqualValues(t, 7, h.verified(t))

		rollBack(t, db, 5)
		t.Run("is found by the checkpoints", func(t *testing.T) {
			_, err := h.Verify(t.Context(), "", silent)
			requireFlaw(t, err, 6)
		})
		t.Run("and at the next start", func(t *testing.T) {
			requireFlaw(t, h.anotherKeeper().Recall(t.Context()), 7)
		})
		t.Run("also when the trail has grown beyond them", func(t *testing.T) {
			h.record(t, 10)
			_, err := h.Verify(t.Context(), "", silent)
			requireFlaw(t, err, 7)
			requireFlaw(t, h.anotherKeeper().Recall(t.Context()), 7)
		})
		t.Run("and not without them: that is what they are for", func(t *testing.T) {
			h.checkpoints.lines = nil
			require.EqualValues(t, 15, h.verified(t))
		})
	})
}

// rollBack takes the trail back to its first entries, without a trace in the database.
func rollBack(t *testing.T, db *database.DB, left int) {
	t.Helper()
	statements := []string{"DROP TRIGGER audit_entries_refuse_delete", "DROP TRIGGER audit_heads_refuse_update"}
	if db.Engine() == database.Postgres {
		statements = []string{"ALTER TABLE audit_entries DISABLE TRIGGER USER", "ALTER TABLE audit_heads DISABLE TRIGGER USER"}
	}
	statements = append(statements, fmt.Sprintf("DELETE FROM audit_entries WHERE sequence > %d", left),
		fmt.Sprintf("UPDATE audit_heads SET sequence = %d, mac = (SELECT mac FROM audit_entries WHERE sequence = %d)", left, left))
	for _, statement := range statements {
		require.NoError(t, db.Write(t.Context()).Exec(statement).Error)
	}
}

func TestKeeper(t *testing.T) {
	t.Parallel()
	h := newHouse(databasetest.SQLite(t))
	look := func(t *testing.T, want int) {
		t.Helper()
		require.NoError(t, h.Look(t.Context()))
		require.Equal(t, want, h.checkpoints.count())
	}
	t.Run("signs nothing while there is nothing", func(t *testing.T) { look(t, 0) })
	t.Run("signs after a minute what has come since", func(t *testing.T) {
		h.record(t, 1)
		look(t, 0)
		h.clock.Advance(time.Minute)
		look(t, 1)
		h.clock.Advance(time.Hour)
		look(t, 1)
	})
	t.Run("signs at once after 1,000 entries", func(t *testing.T) {
		look(t, 1)
		require.NoError(t, h.Record(t.Context(), someone(), make1500()[:999]...))
		h.Keeper = h.anotherKeeper()
		require.NoError(t, h.Recall(t.Context()))
		h.clock.Advance(-time.Hour) // no time has passed
		look(t, 1)
		h.record(t, 1)
		look(t, 2)
	})
	t.Run("signs what is left when it ends, once", func(t *testing.T) {
		h.record(t, 1)
		require.NoError(t, h.Finish(t.Context()))
		require.NoError(t, h.Finish(t.Context()))
		look(t, 3)
		require.EqualValues(t, 1002, h.verified(t))
	})
	t.Run("reports what goes wrong, and tries again", func(t *testing.T) {
		h.record(t, 1)
		h.clock.Advance(2 * time.Hour)
		h.checkpoints.refuse(context.DeadlineExceeded)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); h.anotherKeeper().Run(ctx) }()
		require.Eventually(t, func() bool {
			h.checkpoints.mu.Lock()
			defer h.checkpoints.mu.Unlock()
			return len(h.checkpoints.reported) > 0
		}, 10*time.Second, 20*time.Millisecond)
		h.checkpoints.refuse(nil)
		require.Eventually(t, func() bool { return h.checkpoints.count() == 4 }, 10*time.Second, 10*time.Millisecond)
		cancel()
		<-done
	})
}

func TestReading(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newHouse(db)
		var directory patientstest.Directory
		owner, patient := someone(), patients.Patient{ID: patients.ID{UUID: uuid.Must(uuid.NewV7())}}
		directory.Add(owner.UserID, patient)
		var recorder audittest.Recorder
		reader := app.NewReader(h.ledger, &recorder, &directory)
		about := reading()
		about.PatientID = patient.ID.UUID
		require.NoError(t, h.Record(t.Context(), owner, about, reading()))
		newest := paging.Request{Limit: 10, Order: []paging.Order{{Column: "created_at", Descending: true}, {Column: "id", Descending: true}}}

		t.Run("a patient's owner sees what happened to the patient, and is recorded", func(t *testing.T) {
			page, err := reader.AccessLog(t.Context(), owner, patient.ID, newest)
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			require.Equal(t, owner.UserID, page.Items[0].ActorID)
			require.Equal(t, []audittest.Recorded{{Who: owner, Entry: audit.Entry{
				Action: audit.TrailRead, Resource: audit.AuditEvent, PatientID: patient.ID.UUID, Outcome: audit.Success, Status: 200,
				IDs: []uuid.UUID{page.Items[0].ID},
			}}}, recorder.Recorded())
		})
		t.Run("nobody else does", func(t *testing.T) {
			_, err := reader.AccessLog(t.Context(), someone(), patient.ID, newest)
			require.ErrorIs(t, err, patients.ErrNotFound)
		})
		t.Run("an auditor sees all", func(t *testing.T) {
			page, err := reader.Browse(t.Context(), someone(), domain.Filter{}, newest)
			require.NoError(t, err)
			require.Len(t, page.Items, 2)
			page, err = reader.Browse(t.Context(), someone(), domain.Filter{Patient: &patient.ID.UUID}, newest)
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
		})
		t.Run("what cannot be recorded is not shown", func(t *testing.T) {
			recorder.Refuse(trail.ErrUnavailable)
			page, err := reader.Browse(t.Context(), someone(), domain.Filter{}, newest)
			require.Equal(t, errs.Unavailable, errs.KindOf(err))
			require.Empty(t, page.Items)
			page, err = reader.AccessLog(t.Context(), owner, patient.ID, newest)
			require.Equal(t, errs.Unavailable, errs.KindOf(err))
			require.Empty(t, page.Items)
		})
	})
}
