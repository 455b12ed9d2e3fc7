package app_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/app"
	"healthcare/modules/audit/internal/domain"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

func requireFlaw(t *testing.T, err error, first int64) {
	t.Helper()
	var flaw *domain.Flaw
	require.ErrorAs(t, err, &flaw)
	require.Equal(t, first, flaw.Sequence, flaw.Reason)
}

func TestVerifyAndExport(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		require.Zero(t, h.verified(t))
		h.appendTo(t, 1, 700)
		require.NoError(t, h.Record(t.Context(), newStaff(), readings(1500)...))
		require.NoError(t, h.Tick(t.Context()))
		require.Zero(t, h.unsealed(t), "the first tick seals what an earlier process left")
		require.Equal(t, 1, h.checkpoints.count())

		var export bytes.Buffer
		t.Run("an export contains every entry, is recorded, and verifies without the store", func(t *testing.T) {
			written, err := h.Export(t.Context(), &export, noProgress)
			require.NoError(t, err)
			require.EqualValues(t, 2201, written)
			require.Equal(t, 1+3+2201+domain.Chains, strings.Count(export.String(), "\n"))
			var reports [][2]int64
			progress := func(done, all int64) { reports = append(reports, [2]int64{done, all}) }
			offline := app.NewOfflineMaintenance(keys, h.checkpoints)
			report, err := offline.VerifyExport(bytes.NewReader(export.Bytes()), "", progress)
			require.NoError(t, err)
			require.EqualValues(t, 2201, report.Entries)
			require.Len(t, reports, 4)
			require.EqualValues(t, 2201, h.verified(t))
		})
		t.Run("a changed export does not verify", func(t *testing.T) {
			lines := strings.SplitAfter(export.String(), "\n")
			verify := func(lines []string) error {
				_, err := h.VerifyExport(strings.NewReader(strings.Join(lines, "")), "", noProgress)
				return err
			}
			edited := func(line int, from, to string) []string {
				all := slices.Clone(lines)
				require.Contains(t, all[line], from)
				all[line] = strings.Replace(all[line], from, to, 1)
				return all
			}
			const reason = "line 501: differs from entry 499"
			require.ErrorContains(t, verify(edited(500, `"status":200`, `"status":201`)), reason)
			require.ErrorContains(t, verify(slices.Delete(slices.Clone(lines), 500, 501)), reason)
			require.ErrorContains(t, verify(lines[:500]), "line 500: differs from entry 499")
			requireFlaw(t, verify(edited(1, `"entries":1000`, `"entries":999`)), 1)
			requireFlaw(t, verify(edited(1, `"records":"`, `"records":"AAAA`)), 1)
			requireFlaw(t, verify(edited(1002, `"key_id":"entries"`, `"key_id":"other"`)), 2)
			requireFlaw(t, verify(slices.Delete(slices.Clone(lines), 1, 1002)), 1)
			requireFlaw(t, verify(edited(0, `"last":3`, `"last":4`)), 4)
			t.Run("nor does one without a chain", func(t *testing.T) {
				withoutSegments := lines[1+3+1501:]
				requireFlaw(t, verify(withoutSegments), 1)
				withoutLast := lines[:len(lines)-2] // the last element is empty
				requireFlawIn(t, verify(withoutLast), domain.Chains, 1)
			})
			const chains = 1 + 3 + 1501
			require.Contains(t, lines[chains], `{"chain":1,`)
			requireFlawIn(t, verify(edited(chains+5, `"action":"login_failed"`, `"action":"login"`)), 1, 5)
			requireFlawIn(t, verify(slices.Delete(slices.Clone(lines), chains+5, chains+6)), 1, 5)
			for _, invalid := range []string{
				"", "x\n", "{}\n", lines[1], lines[chains] + "x\n", lines[chains] + `{"entry_of":1,"more":2}`,
				lines[0] + "x\n", lines[0] + `{"segment":1,"more":2}`,
			} {
				require.Error(t, verify([]string{invalid}), invalid)
			}
		})
		t.Run("the error names the line of an invalid checkpoint", func(t *testing.T) {
			sound := h.checkpoints.lines
			changed := bytes.Replace(sound, []byte(`"sequence":2,`), []byte(`"sequence":1,`), 1)
			h.checkpoints.lines = append(bytes.Clone(sound), changed...)
			_, err := h.Verify(t.Context(), "", noProgress)
			require.ErrorIs(t, err, domain.ErrNoCheckpoint)
			require.ErrorContains(t, err, fmt.Sprint("line ", bytes.Count(sound, []byte("\n"))+1))
			h.checkpoints.lines = sound
		})
		t.Run("verifies while a server records", func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for ctx.Err() == nil {
					_ = h.Record(t.Context(), newStaff(), reading())
					_ = h.Finish(t.Context())
				}
			}()
			for range 5 {
				require.GreaterOrEqual(t, h.verified(t), int64(2201))
			}
			stop()
			<-done
		})
	})
}

// readings returns n entries of different patients.
func readings(n int) []audit.Entry {
	all := make([]audit.Entry, n)
	for i := range all {
		all[i] = reading()
	}
	return all
}

// TestR41_RollBack restores an old state of the database, as its owner can, and continues recording.
func TestR41_RollBack(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		for range 3 {
			h.record(t, 2)
			require.NoError(t, h.Finish(t.Context()))
		}
		require.EqualValues(t, 6, h.verified(t))

		rollBack(t, db, 1)
		h = h.restarted()
		t.Run("the checkpoints reveal it", func(t *testing.T) {
			_, err := h.Verify(t.Context(), "", noProgress)
			requireFlaw(t, err, 2)
		})
		t.Run("Resume reveals it", func(t *testing.T) {
			requireFlaw(t, h.restarted().Resume(t.Context()), 3)
		})
		t.Run("both reveal it after the trail has grown beyond the checkpoints", func(t *testing.T) {
			for range 4 {
				h.record(t, 2)
				h.seal(t)
			}
			_, err := h.Verify(t.Context(), "", noProgress)
			requireFlaw(t, err, 2)
			requireFlaw(t, h.restarted().Resume(t.Context()), 3)
		})
		t.Run("it is not found without checkpoints", func(t *testing.T) {
			h.checkpoints.lines = nil
			require.EqualValues(t, 10, h.verified(t))
		})
	})
}

// rollBack deletes all segments except the first ones, without a trace in the database.
func rollBack(t *testing.T, db *database.DB, left int) {
	t.Helper()
	disableSegmentTriggers(t, db)
	exec(t, db, `UPDATE audit_chain SET number = ?,
		sequence = (SELECT first + entries - 1 FROM audit_segments WHERE number = ?),
		mac = (SELECT mac FROM audit_segments WHERE number = ?)`, left, left, left)
	exec(t, db, "DELETE FROM audit_segments WHERE number > ?", left)
}

// disableSegmentTriggers removes the triggers of the segments' tables, as their owner can.
func disableSegmentTriggers(t *testing.T, db *database.DB) {
	t.Helper()
	for _, table := range []string{"audit_inbox", "audit_segments", "audit_index", "audit_chain"} {
		if db.Engine() == database.Postgres {
			exec(t, db, "ALTER TABLE "+table+" DISABLE TRIGGER USER")
			continue
		}
		var names []string
		require.NoError(t, db.Read(t.Context()).Raw(
			"SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?", table).Scan(&names).Error)
		for _, name := range names {
			exec(t, db, "DROP TRIGGER "+name)
		}
	}
}

// TestR41_TamperingIsFound changes the tables of segments, as their owner can.
func TestR41_TamperingIsFound(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		statement string
		first     int64
		reason    string
	}{
		"a changed header": {"UPDATE audit_segments SET last_at = last_at + 1 WHERE number = 2", 2, "was changed"},
		"changed records": {`UPDATE audit_segments
			SET packed = (SELECT packed FROM audit_segments WHERE number = 1) WHERE number = 2`, 2, "was changed"},
		"records that are not compressed": {
			"UPDATE audit_segments SET packed = ? WHERE number = 2", 2, "cannot be unpacked",
		},
		"a moved anchor": {`UPDATE audit_chain SET anchor_number = 1, anchor_sequence = 3,
			anchor_mac = (SELECT mac FROM audit_segments WHERE number = 1)`, 1, "no record that they were pruned"},
		"a removed batch": {
			"DELETE FROM audit_inbox WHERE id = (SELECT min(id) FROM audit_inbox)", 4, "acknowledges batch 10",
		},
		"a repeated batch": {`UPDATE audit_inbox SET batch = (SELECT batch FROM audit_inbox ORDER BY id LIMIT 1)
			WHERE id = (SELECT max(id) FROM audit_inbox)`, 4, "recorded twice"},
		"a changed batch": {
			"UPDATE audit_inbox SET batch = ? WHERE id = (SELECT max(id) FROM audit_inbox)", 4, "was set aside",
		},
	} {
		t.Run(name, func(t *testing.T) {
			databasetest.Each(t, func(t *testing.T, db *database.DB) {
				h := newFixture(db)
				for range 3 {
					h.record(t, 3)
					h.seal(t)
				}
				h.record(t, 3)
				require.EqualValues(t, 12, h.verified(t))
				disableSegmentTriggers(t, db)
				if strings.Contains(one.statement, "?") {
					exec(t, db, one.statement, columnBytes("x"))
				} else {
					exec(t, db, one.statement)
				}
				_ = h.sealing.Flush(t.Context())
				_, err := h.restarted().Verify(t.Context(), "", noProgress)
				requireFlaw(t, err, one.first)
				require.ErrorContains(t, err, one.reason)
			})
		})
	}
}

// Batches that are not sealed yet cannot be removed or copied unnoticed, unless they are the last ones of their writer.
func TestTamperingWithTheInboxIsFound(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct{ statement, reason string }{
		"a removed batch": {
			"DELETE FROM audit_inbox WHERE id = (SELECT min(id) + 1 FROM audit_inbox)",
			"acknowledges batch 3 of writer",
		},
		"a copied batch": {`INSERT INTO audit_inbox (id, entries, batch)
			SELECT max(id) + 1, 1, (SELECT batch FROM audit_inbox ORDER BY id LIMIT 1) FROM audit_inbox`,
			"has it twice"},
		"a missing chain": {"DELETE FROM audit_chain", "is missing, together with its whole chain"},
	} {
		t.Run(name, func(t *testing.T) {
			databasetest.Each(t, func(t *testing.T, db *database.DB) {
				h := newFixture(db)
				h.record(t, 1)
				h.seal(t)
				h.record(t, 4)
				require.EqualValues(t, 5, h.verified(t))
				disableSegmentTriggers(t, db)
				exec(t, db, one.statement)
				_, err := h.Verify(t.Context(), "", noProgress)
				flaw := new(domain.Flaw)
				require.ErrorAs(t, err, &flaw)
				require.ErrorContains(t, err, one.reason)
			})
		})
	}
}

// Verify names a segment whose index row was deleted or changed.
func TestVerifyComparesTheIndex(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		for range 4 {
			h.record(t, 2)
			h.seal(t)
		}
		h.clock.Advance(25 * time.Hour)
		h.record(t, 1)
		h.seal(t)
		require.NoError(t, h.sealing.Index(t.Context()))
		require.EqualValues(t, 9, h.verified(t))
		patient := h.entries(t)[5].PatientID
		disableSegmentTriggers(t, db)
		term := columnBytes(append([]byte("p"), patient[:]...))
		exec(t, db, "UPDATE audit_index SET segments = ? WHERE term = ?", columnBytes{0}, term)
		_, err := h.Verify(t.Context(), "", noProgress)
		requireFlaw(t, err, 3)
		require.ErrorContains(t, err, "in the index")
		exec(t, db, "DELETE FROM audit_index WHERE term = ?", term)
		_, err = h.Verify(t.Context(), "", noProgress)
		requireFlaw(t, err, 3)
		require.ErrorContains(t, err, "is missing in the index")
	})
}

// Rows that somebody inserts into the index before its block is complete hide nothing, and Verify finds them. Later,
// none can be inserted.
func TestPlantedIndexRows(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newFixture(db)
		for range 4 {
			h.record(t, 2)
			h.seal(t)
		}
		patient := h.entries(t)[5].PatientID // in segment 3
		term := columnBytes(append([]byte("p"), patient[:]...))
		const plant = "INSERT INTO audit_index (term, block, segments) VALUES (?, ?, ?)"
		exec(t, db, plant, term, 3, columnBytes{0})             // within the block
		exec(t, db, plant, term, 4, columnBytes{0xFF})          // instead of the row of the patient
		exec(t, db, plant, columnBytes("q"), 3, columnBytes{0}) // of nothing
		h.clock.Advance(25 * time.Hour)
		h.record(t, 1)
		h.seal(t)
		require.NoError(t, h.sealing.Index(t.Context()))

		reader := h.newReader(new(audittest.Recorder), new(patientstest.Directory))
		for _, descending := range []bool{false, true} {
			order := []paging.Order{
				{Column: "created_at", Descending: descending}, {Column: "id", Descending: descending},
			}
			page, err := reader.Browse(t.Context(), newStaff(), domain.Filter{Patient: &patient},
				paging.Request{Limit: 10, Order: order})
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
		}
		_, err := h.Verify(t.Context(), "", noProgress)
		requireFlaw(t, err, 3)
		require.ErrorContains(t, err, "or found by a wrong value")

		for _, block := range []int{-1, 0, 2, 4, 6} {
			require.Error(t, db.Write(t.Context()).Exec(plant, columnBytes("p"), block, columnBytes{0}).Error, block)
		}
		disableSegmentTriggers(t, db)
		exec(t, db, "DELETE FROM audit_index WHERE term = ? AND block = 4", term)
		exec(t, db, plant, term, 4, columnBytes{1})
		_, err = h.Verify(t.Context(), "", noProgress)
		requireFlaw(t, err, 3)
		require.ErrorContains(t, err, "that no segment requires")
		exec(t, db, "DELETE FROM audit_index WHERE block < 4")
		require.EqualValues(t, 9, h.verified(t))
		exec(t, db, plant, columnBytes("q"), 4, columnBytes{0})
		_, err = h.Verify(t.Context(), "", noProgress)
		requireFlaw(t, err, 4)
	})
}

// columnBytes is a value of a column of bytes.
type columnBytes []byte

// Value implements driver.Valuer.
func (b columnBytes) Value() (driver.Value, error) { return []byte(b), nil }
