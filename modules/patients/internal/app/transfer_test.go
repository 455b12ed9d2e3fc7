package app_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/identity"
	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/adapters/store"
	"healthcare/modules/patients/internal/app"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/audit"
	"healthcare/platform/audittest"
	"healthcare/platform/auth"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/events"
)

// transferEnv has the use cases of patients and of transfers, with one limit.
type transferEnv struct {
	env
	userData  identity.UserData
	trail     *audittest.Recorder
	published []patients.Transferred
	failure   error // of the subscriber
}

func newTransferEnv(db *database.DB, most int) *transferEnv {
	h := &transferEnv{trail: new(audittest.Recorder)}
	publisher := events.New(events.On("subscriber", func(_ context.Context, event patients.Transferred) error {
		h.published = append(h.published, event)
		return h.failure
	}))
	repository, manual := store.New(db), clock.At(now)
	limit := app.NewLimit(patients.Config{MaxPerUser: most}, repository)
	service := app.New(
		repository, store.NewGrants(db), h.trail, db, publisher, manual, time.UTC, patients.Config{}, limit)
	h.env = env{service, db, manual}
	h.userData = newUserData(db, repository,
		publisher, h.trail, manual, limit)
	return h
}

func (h *transferEnv) transfer(t *testing.T, from, to auth.Principal, limit int) (identity.Transfer, error) {
	t.Helper()
	sender, receiver := identity.UserID{UUID: from.UserID}, identity.UserID{UUID: to.UserID}
	return h.userData.Transfer(t.Context(), administrator, sender, receiver, limit)
}

var administrator = auth.Principal{UserID: uuid.New(), SessionID: uuid.New(), Role: auth.Admin}

// add registers a patient a second after the last one. number may be empty.
func (h *transferEnv) add(t *testing.T, who auth.Principal, number string) domain.Patient {
	t.Helper()
	h.clock.Advance(time.Second)
	return h.registered(t, who, domain.Input{Name: "P", Gender: "Other", Age: new(1), MedicalRecordNumber: number})
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newTransferEnv(db, 0)
		from, to, stranger := newUser(t, db), newUser(t, db), newUser(t, db)
		first, clash := h.add(t, from, "M-1"), h.add(t, from, "M-2")
		second, third := h.add(t, from, ""), h.add(t, from, "M-3")
		kept, theirs := h.add(t, stranger, "M-1"), h.add(t, to, "M-2")
		h.clock.Advance(time.Hour)
		conflicts := []uuid.UUID{clash.ID.UUID}
		before := len(h.trail.Recorded())

		t.Run("moves nothing with the limit 0", func(t *testing.T) {
			done, err := h.transfer(t, from, to, 0)
			require.NoError(t, err)
			require.Equal(t, identity.Transfer{Left: 3, Conflicts: conflicts}, done)
			require.Empty(t, h.published)
			require.Len(t, h.trail.Recorded(), before)
		})
		t.Run("moves nothing when a subscriber fails", func(t *testing.T) {
			h.failure = errors.New("subscriber failed")
			_, err := h.transfer(t, from, to, 10)
			require.ErrorIs(t, err, h.failure)
			require.Len(t, h.browsed(t, from), 4)
			require.Len(t, h.browsed(t, to), 1)
			h.failure, h.published = nil, nil
		})
		t.Run("moves the oldest first, and passes over conflicts", func(t *testing.T) {
			done, err := h.transfer(t, from, to, 2)
			require.NoError(t, err)
			require.Equal(t, identity.Transfer{Moved: 2, Left: 1, Conflicts: conflicts}, done)
			require.Equal(t, []patients.Transferred{{
				IDs: []patients.ID{first.ID, second.ID}, From: from.UserID, To: to.UserID, By: administrator,
			}}, h.published)
		})
		t.Run("changes the owner, the version and the time, and nothing else", func(t *testing.T) {
			first.OwnerID, first.Version, first.UpdatedAt = to.UserID, 2, h.clock.Now()
			require.Equal(t, first, h.found(t, to, first))
			_, err := h.Find(t.Context(), from, first.ID)
			require.ErrorIs(t, err, patients.ErrNotFound)
			require.Equal(t, third, h.found(t, from, third))
		})
		t.Run("records an entry for each patient", func(t *testing.T) {
			recorded := h.trail.Recorded()
			var entries []audit.Entry
			for _, entry := range recorded {
				if entry.Action == audit.Transferred {
					require.Equal(t, administrator, entry.Who)
					entries = append(entries, entry.Entry)
				}
			}
			entry := func(id patients.ID) audit.Entry {
				return audit.Entry{
					Action: audit.Transferred, Resource: audit.Patient, ResourceID: id.UUID, PatientID: id.UUID,
					Outcome: audit.Success, Status: 200, Fields: []string{"owner"},
				}
			}
			require.Equal(t, []audit.Entry{entry(first.ID), entry(second.ID)}, entries)
		})
		t.Run("is repeated until nothing is left", func(t *testing.T) {
			for _, expected := range []identity.Transfer{{Moved: 1, Conflicts: conflicts}, {Conflicts: conflicts}} {
				done, err := h.transfer(t, from, to, 2)
				require.NoError(t, err)
				require.Equal(t, expected, done)
			}
			require.Equal(t, []domain.Patient{clash}, h.browsed(t, from))
			require.Equal(t, theirs, h.found(t, to, theirs))
			require.Equal(t, kept, h.found(t, stranger, kept))
			require.Len(t, h.browsed(t, to), 4)
		})
	})
}

func TestTransferMovesThousandsAndNamesAHundredConflicts(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newTransferEnv(db, 0)
		from, to := newUser(t, db), newUser(t, db)
		addMany := func(owner auth.Principal, count int) {
			rows := make([]map[string]any, count)
			for i := range rows {
				rows[i] = map[string]any{
					"id": uuid.Must(uuid.NewV7()), "owner_id": owner.UserID, "name": "P", "gender": "Other", "age": 1,
					"email": "", "phone": "", "address": "", "notes": "", "version": 1,
					"medical_record_number": fmt.Sprint("M-", i), "created_at": database.At(now),
					"updated_at": database.At(now),
				}
			}
			require.NoError(t, db.Write(t.Context()).Table("patients").CreateInBatches(rows, 500).Error)
		}
		addMany(from, 1620)
		addMany(to, 120)
		for _, expected := range []identity.Transfer{{Moved: 1000, Left: 500}, {Moved: 500}} {
			done, err := h.transfer(t, from, to, 1000)
			require.NoError(t, err)
			require.Len(t, done.Conflicts, 100)
			done.Conflicts = nil
			require.Equal(t, expected, done)
		}
		require.Len(t, h.published[0].IDs, 1000)
		for user, expected := range map[uuid.UUID]int{from.UserID: 120, to.UserID: 1620} {
			owned, err := h.userData.Count(t.Context(), identity.UserID{UUID: user}, -1)
			require.NoError(t, err)
			require.Equal(t, expected, owned)
		}
	})
}

func TestTransferWithinTheLimitOfTheReceiver(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newTransferEnv(db, 3)
		from, to := newUser(t, db), newUser(t, db)
		for range 3 {
			h.add(t, from, "")
		}
		h.add(t, to, "")
		done, err := h.transfer(t, from, to, 10)
		require.NoError(t, err)
		require.Equal(t, identity.Transfer{Moved: 2, Left: 1, Conflicts: []uuid.UUID{}}, done)
		_, err = h.transfer(t, from, to, 10)
		require.ErrorIs(t, err, patients.ErrReceiverFull)
		_, err = h.Register(t.Context(), to, domain.Input{Name: "A", Gender: "Other", Age: new(1)})
		require.ErrorIs(t, err, patients.ErrLimitReached)
		h.add(t, from, "")
		h.add(t, from, "")
		_, err = h.Register(t.Context(), from, domain.Input{Name: "A", Gender: "Other", Age: new(1)})
		require.ErrorIs(t, err, patients.ErrLimitReached)
	})
}

// TestConcurrentTransferAndRegistration lets the receiver register a patient with the number of one that is moved. The
// store refuses neither with an error that PostgreSQL logs with the number.
func TestConcurrentTransferAndRegistration(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h := newTransferEnv(db, 0)
		from, to := newUser(t, db), newUser(t, db)
		for i := range 50 {
			number := fmt.Sprint("M-", i)
			moving := h.add(t, from, number)
			registered, transferred := make(chan error, 1), make(chan error, 1)
			go func() {
				_, err := h.Register(t.Context(), to, domain.Input{
					Name: "New", Gender: "Other", Age: new(1), MedicalRecordNumber: number,
				})
				registered <- err
			}()
			go func() {
				sender, receiver := identity.UserID{UUID: from.UserID}, identity.UserID{UUID: to.UserID}
				_, err := h.userData.Transfer(t.Context(), administrator, sender, receiver, 10)
				transferred <- err
			}()
			require.NoError(t, <-transferred)
			if err := <-registered; err != nil {
				require.ErrorIs(t, err, patients.ErrMedicalRecordNumberTaken)
				h.found(t, to, moving)
			} else {
				require.Equal(t, moving, h.found(t, from, moving))
				_, err := h.userData.DeleteAll(
					t.Context(), identity.UserID{UUID: from.UserID}, identity.SessionID{}, "", 10)
				require.NoError(t, err)
			}
		}
	})
}
