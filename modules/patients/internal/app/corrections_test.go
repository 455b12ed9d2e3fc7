package app_test

import (
	"context"
	"fmt"
	"sync"
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
	"healthcare/platform/errs"
	"healthcare/platform/events"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

// correctionEnv is Corrections with the real store, and what they recorded.
type correctionEnv struct {
	env
	corrections *app.Corrections
	trail       *audittest.Recorder
}

func newCorrectionEnv(db *database.DB) correctionEnv {
	service, trail := newService(db, 0)
	corrections := app.NewCorrections(service.Service, store.NewCorrections(db))
	return correctionEnv{service, corrections, trail}
}

// granted returns a user to whom the patient is granted.
func (h correctionEnv) granted(t *testing.T, patient patients.ID, basis domain.Basis) auth.Principal {
	t.Helper()
	user := asSelf(newUser(t, h.db))
	require.NoError(t, store.NewGrants(h.db).Put(t.Context(), domain.Grant{PatientID: patient, GranteeID: user.UserID,
		Basis: basis, SourceID: uuid.New(), Level: patients.Read, GrantedAt: now}))
	return user
}

var newPhone = domain.CorrectionInput{Field: "phone", Value: "zyxphone", Because: "zyxreason"}

func (h correctionEnv) asked(
	t *testing.T, who auth.Principal, patient patients.ID, in domain.CorrectionInput,
) domain.Correction {
	t.Helper()
	asked, err := h.corrections.Ask(t.Context(), who, patient, in)
	require.NoError(t, err)
	return asked
}

var (
	accept  = domain.Decision{Decision: "accepted"}
	decline = domain.Decision{Decision: "declined", Note: "It is right."}
)

var allCorrections = databasetest.NewestFirst("asked_at")

// entries returns the entries that do records.
func (h correctionEnv) entries(do func()) (all []audit.Entry) {
	before := len(h.trail.Recorded())
	do()
	for _, r := range h.trail.Recorded()[before:] {
		all = append(all, r.Entry)
	}
	return all
}

func TestCorrections(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, ctx := newCorrectionEnv(db), t.Context()
		keeper, stranger := newUser(t, db), newUser(t, db)
		patient := h.registered(t, keeper, ananya())
		self, delegate := h.granted(t, patient.ID, domain.Self), h.granted(t, patient.ID, domain.Delegate)
		doctor := h.granted(t, patient.ID, domain.Care)
		reasons := map[uuid.UUID]patients.Reason{keeper.UserID: patients.Owned}
		for _, who := range []auth.Principal{self, delegate} {
			grant, err := store.NewGrants(db).FindRepresenting(ctx, who.UserID, patient.ID, now)
			require.NoError(t, err)
			reasons[who.UserID] = grant.Reason()
		}
		entryOf := func(who auth.Principal, action audit.Action, c domain.Correction, status int) audit.Entry {
			return audit.Entry{Action: action, Resource: app.CorrectionResource, ResourceID: c.ID.UUID,
				PatientID: patient.ID.UUID, Outcome: audit.Success, Status: status, Fields: []string{"phone"},
				Reason: reasons[who.UserID]}
		}
		t.Run("are listed and read by the patient, delegates and the keeper", func(t *testing.T) {
			var asked domain.Correction
			require.Equal(t, []audit.Entry{entryOf(self, audit.Create, asked, 201)},
				withoutID(h.entries(func() { asked = h.asked(t, self, patient.ID, newPhone) })))
			for _, who := range []auth.Principal{self, delegate, keeper} {
				read := h.entries(func() {
					found, err := h.corrections.Find(ctx, who, patient.ID, asked.ID)
					require.NoError(t, err)
					require.Equal(t, asked, found)
				})
				require.Equal(t, []audit.Entry{entryOf(who, audit.Read, asked, 200)}, read)
				listed := h.entries(func() {
					page, err := h.corrections.Browse(ctx, who, patient.ID, allCorrections)
					require.NoError(t, err)
					require.Equal(t, []domain.Correction{asked}, page.Items)
				})
				require.Equal(t, []audit.Entry{{Action: audit.List, Resource: app.CorrectionResource,
					PatientID: patient.ID.UUID, Outcome: audit.Success, Status: 200, Count: 1,
					IDs: []uuid.UUID{asked.ID.UUID}, Reason: reasons[who.UserID]}}, listed)
			}
			require.NoError(t, h.corrections.Withdraw(ctx, self, patient.ID, asked.ID, revision.Match{}))
		})
		t.Run("are refused to other users, who are recorded", func(t *testing.T) {
			asked := h.asked(t, self, patient.ID, newPhone)
			refused := func(who auth.Principal, want error, status int, do func(auth.Principal) error) {
				t.Helper()
				entries := h.entries(func() { require.ErrorIs(t, do(who), want) })
				for i := range entries {
					entries[i].Reason = auth.Reason{} // that of the user who may read, as in other use cases
				}
				require.Equal(t, []audit.Entry{audit.NewRefusal(audit.Patient, patient.ID.UUID, status)}, entries)
			}
			ask := func(who auth.Principal) error {
				_, err := h.corrections.Ask(ctx, who, patient.ID, newPhone)
				return err
			}
			browse := func(who auth.Principal) error {
				_, err := h.corrections.Browse(ctx, who, patient.ID, allCorrections)
				return err
			}
			find := func(who auth.Principal) error {
				_, err := h.corrections.Find(ctx, who, patient.ID, asked.ID)
				return err
			}
			withdraw := func(who auth.Principal) error {
				return h.corrections.Withdraw(ctx, who, patient.ID, asked.ID, revision.Match{})
			}
			decide := func(who auth.Principal) error {
				_, err := h.corrections.Decide(ctx, who, patient.ID, asked.ID, revision.Match{}, accept)
				return err
			}
			for _, do := range []func(auth.Principal) error{ask, browse, find, withdraw, decide} {
				refused(stranger, patients.ErrNotFound, 404, do)
			}
			for _, do := range []func(auth.Principal) error{ask, browse, find, withdraw} {
				refused(doctor, patients.ErrRequesterOnly, 403, do)
			}
			refused(keeper, patients.ErrRequesterOnly, 403, ask)
			refused(keeper, patients.ErrNotRequester, 403, withdraw)
			refused(delegate, patients.ErrNotRequester, 403, withdraw)
			for _, who := range []auth.Principal{self, delegate, doctor} {
				refused(who, patients.ErrKeeperOnly, 403, decide)
			}
			require.NoError(t, withdraw(self))
			require.ErrorIs(t, find(self), patients.ErrNoCorrection)
			require.ErrorIs(t, withdraw(self), patients.ErrNoCorrection)
			require.ErrorIs(t, withdraw(keeper), patients.ErrNoCorrection)
			require.ErrorIs(t, decide(keeper), patients.ErrNoCorrection)
		})
		t.Run("that are accepted amend the patient, like a PATCH", func(t *testing.T) {
			asked, before := h.asked(t, delegate, patient.ID, newPhone), h.found(t, keeper, patient)
			var decided domain.Correction
			entries := h.entries(func() {
				var err error
				decided, err = h.corrections.Decide(ctx, keeper, patient.ID, asked.ID, revision.OneOf(1), accept)
				require.NoError(t, err)
			})
			update := audit.NewEntry(audit.Update, audit.Patient, patient.ID.UUID)
			update.Fields, update.Reason = []string{"phone"}, patients.Owned
			require.Equal(t, []audit.Entry{update, entryOf(keeper, audit.Update, asked, 200)}, entries)
			before.Details.Phone, before.Version = "zyxphone", before.Version+1
			require.Equal(t, before, h.found(t, keeper, patient))
			found, err := h.corrections.Find(ctx, delegate, patient.ID, asked.ID)
			require.NoError(t, err)
			require.Equal(t, decided, found)
			require.Equal(t, domain.Accepted, found.State)
			require.Equal(t, keeper.UserID, found.DecidedBy)
			_, err = h.corrections.Decide(ctx, keeper, patient.ID, asked.ID, revision.Match{}, decline)
			require.ErrorIs(t, err, patients.ErrAlreadyDecided)
			_, err = h.corrections.Decide(ctx, keeper, patient.ID, asked.ID, revision.OneOf(1), decline)
			require.ErrorIs(t, err, revision.ErrStale)
			err = h.corrections.Withdraw(ctx, delegate, patient.ID, asked.ID, revision.Match{})
			require.ErrorIs(t, err, patients.ErrAlreadyDecided)
		})
		t.Run("that are declined leave the patient as it is", func(t *testing.T) {
			asked, before := h.asked(t, self, patient.ID, newPhone), h.found(t, keeper, patient)
			entries := h.entries(func() {
				_, err := h.corrections.Decide(ctx, keeper, patient.ID, asked.ID, revision.OneOf(1), decline)
				require.NoError(t, err)
			})
			require.Equal(t, []audit.Entry{entryOf(keeper, audit.Update, asked, 200)}, entries)
			require.Equal(t, before, h.found(t, keeper, patient))
		})
		t.Run("that cannot be accepted stay pending", func(t *testing.T) {
			h.registered(t, keeper, domain.Input{Name: "B", Gender: "Other", Age: new(1), MedicalRecordNumber: "taken"})
			number := h.asked(t, self, patient.ID,
				domain.CorrectionInput{Field: "medical_record_number", Value: "taken", Because: "x"})
			age := h.asked(t, self, patient.ID, domain.CorrectionInput{Field: "age", Value: "40", Because: "x"})
			_, err := h.Amend(ctx, keeper, patient.ID, revision.Match{}, domain.Changes{BirthDate: new(birthDate)})
			require.NoError(t, err)
			before := h.found(t, keeper, patient)
			_, err = h.corrections.Decide(ctx, keeper, patient.ID, number.ID, revision.Match{}, accept)
			require.ErrorIs(t, err, patients.ErrMedicalRecordNumberTaken)
			_, err = h.corrections.Decide(ctx, keeper, patient.ID, age.ID, revision.Match{}, accept)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
			_, err = h.corrections.Decide(ctx, keeper, patient.ID, age.ID, revision.Match{}, domain.Decision{})
			require.Equal(t, errs.Invalid, errs.KindOf(err))
			require.Equal(t, before, h.found(t, keeper, patient))
			for _, asked := range []domain.Correction{number, age} {
				found, err := h.corrections.Find(ctx, keeper, patient.ID, asked.ID)
				require.NoError(t, err)
				require.Equal(t, asked, found)
				require.NoError(t, h.corrections.Withdraw(ctx, self, patient.ID, asked.ID, revision.OneOf(1)))
			}
		})
		t.Run("are decided by the user to whom the patient was transferred", func(t *testing.T) {
			moved := h.registered(t, newUser(t, db), born())
			asked := h.asked(t, h.granted(t, moved.ID, domain.Self), moved.ID, newPhone)
			receiver := newUser(t, db)
			userData := newUserData(db, store.New(db),
				events.New(), h.trail, clock.At(now),
				app.Limit{})
			_, err := userData.Transfer(ctx, receiver, identity.UserID{UUID: moved.OwnerID},
				identity.UserID{UUID: receiver.UserID}, 10)
			require.NoError(t, err)
			former := auth.Principal{UserID: moved.OwnerID}
			_, err = h.corrections.Decide(ctx, former, moved.ID, asked.ID, revision.Match{}, accept)
			require.ErrorIs(t, err, patients.ErrNotFound)
			_, err = h.corrections.Decide(ctx, receiver, moved.ID, asked.ID, revision.Match{}, accept)
			require.NoError(t, err)
		})
		t.Run("need a grant that has not ended", func(t *testing.T) {
			user := asSelf(newUser(t, db))
			require.NoError(t, store.NewGrants(db).Put(ctx, domain.Grant{PatientID: patient.ID,
				GranteeID: user.UserID, Basis: domain.Delegate, SourceID: uuid.New(), Level: patients.Read,
				GrantedAt: now, ExpiresAt: now.Add(time.Hour)}))
			asked := h.asked(t, user, patient.ID, newPhone)
			h.clock.Advance(time.Hour)
			_, err := h.corrections.Ask(ctx, user, patient.ID, newPhone)
			require.ErrorIs(t, err, patients.ErrNotFound)
			h.clock.Advance(-time.Hour)
			require.NoError(t, h.corrections.Withdraw(ctx, user, patient.ID, asked.ID, revision.Match{}))
		})
		t.Run("hide notes unless patients see them", func(t *testing.T) {
			notes := domain.CorrectionInput{Field: "notes", Value: "Lively.", Because: "x"}
			_, err := h.corrections.Ask(ctx, self, patient.ID, notes)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
			shows := app.NewCorrections(app.New(
				store.New(db), store.NewGrants(db), h.trail, db, events.New(), h.clock, time.UTC,
				patients.Config{PatientSeesNotes: true}, app.Limit{}), store.NewCorrections(db))
			_, err = shows.Ask(ctx, self, patient.ID, notes)
			require.NoError(t, err)
		})
		t.Run("have no value and no reason in the trail", func(t *testing.T) {
			require.NotContains(t, fmt.Sprintf("%+v", h.trail.Recorded()), "zyx")
		})
	})
}

// withoutID returns the entries without the id of a new correction.
func withoutID(entries []audit.Entry) []audit.Entry {
	for i := range entries {
		entries[i].ResourceID = uuid.Nil
	}
	return entries
}

// TestPendingCorrectionsAreLimited asks more often than permitted, at the same time.
func TestPendingCorrectionsAreLimited(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, keeper := newCorrectionEnv(db), newUser(t, db)
		patient := h.registered(t, keeper, ananya()).ID
		self := h.granted(t, patient, domain.Self)
		results := make([]error, domain.MaxPendingCorrections+5)
		var group sync.WaitGroup
		for i := range results {
			group.Go(func() { _, results[i] = h.corrections.Ask(t.Context(), self, patient, newPhone) })
		}
		group.Wait()
		refused := 0
		for _, err := range results {
			if err != nil {
				require.ErrorIs(t, err, patients.ErrTooManyCorrections)
				refused++
			}
		}
		require.Equal(t, 5, refused)
		page, err := h.corrections.Browse(t.Context(), keeper, patient, allCorrections)
		require.NoError(t, err)
		require.Len(t, page.Items, domain.MaxPendingCorrections)
		_, err = h.corrections.Decide(t.Context(), keeper, patient, page.Items[0].ID, revision.Match{}, decline)
		require.NoError(t, err)
		h.asked(t, self, patient, newPhone)
	})
}

// TestDecideAndWithdrawAtOnce decides a correction while it is withdrawn, and decides it twice.
func TestDecideAndWithdrawAtOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, keeper := newCorrectionEnv(db), newUser(t, db)
		patient := h.registered(t, keeper, ananya())
		self := h.granted(t, patient.ID, domain.Self)
		for range 20 {
			asked := h.asked(t, self, patient.ID, newPhone)
			var withdrawn error
			decided := make([]error, 2)
			var group sync.WaitGroup
			group.Go(func() {
				withdrawn = h.corrections.Withdraw(t.Context(), self, patient.ID, asked.ID, revision.Match{})
			})
			for i, d := range []domain.Decision{accept, decline} {
				group.Go(func() {
					_, decided[i] = h.corrections.Decide(t.Context(), keeper, patient.ID, asked.ID, revision.Match{}, d)
				})
			}
			group.Wait()
			done := 0
			for _, err := range []error{decided[0], decided[1], withdrawn} {
				if err == nil {
					done++
				}
			}
			require.Equal(t, 1, done, "%v %v", decided, withdrawn)
		}
	})
}

func TestCorrectionsReturnEveryErrorAndLeaveNoEffect(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, keeper, stranger := newCorrectionEnv(db), newUser(t, db), asSelf(newUser(t, db))
		var patient patients.ID
		var self, doctor auth.Principal
		var asked domain.Correction
		missing := recordid.New[domain.CorrectionID]()
		for _, c := range []struct {
			name string
			run  func(ctx context.Context) error
			want error
		}{
			{"ask", func(ctx context.Context) error {
				_, err := h.corrections.Ask(ctx, self, patient, newPhone)
				return err
			}, nil},
			{"ask for another user's patient", func(ctx context.Context) error {
				_, err := h.corrections.Ask(ctx, stranger, patient, newPhone)
				return err
			}, patients.ErrNotFound},
			{"browse", func(ctx context.Context) error {
				_, err := h.corrections.Browse(ctx, self, patient, allCorrections)
				return err
			}, nil},
			{"browse as a doctor", func(ctx context.Context) error {
				_, err := h.corrections.Browse(ctx, doctor, patient, allCorrections)
				return err
			}, patients.ErrRequesterOnly},
			{"find", func(ctx context.Context) error {
				_, err := h.corrections.Find(ctx, keeper, patient, asked.ID)
				return err
			}, nil},
			{"find a missing one", func(ctx context.Context) error {
				_, err := h.corrections.Find(ctx, self, patient, missing)
				return err
			}, patients.ErrNoCorrection},
			{"accept", func(ctx context.Context) error {
				_, err := h.corrections.Decide(ctx, keeper, patient, asked.ID, revision.Match{}, accept)
				return err
			}, nil},
			{"decline", func(ctx context.Context) error {
				_, err := h.corrections.Decide(ctx, keeper, patient, asked.ID, revision.Match{}, decline)
				return err
			}, nil},
			{"decide as the patient", func(ctx context.Context) error {
				_, err := h.corrections.Decide(ctx, self, patient, asked.ID, revision.Match{}, accept)
				return err
			}, patients.ErrKeeperOnly},
			{"withdraw", func(ctx context.Context) error {
				return h.corrections.Withdraw(ctx, self, patient, asked.ID, revision.Match{})
			}, nil},
			{"withdraw as a doctor", func(ctx context.Context) error {
				return h.corrections.Withdraw(ctx, doctor, patient, asked.ID, revision.Match{})
			}, patients.ErrRequesterOnly},
		} {
			t.Run(c.name, func(t *testing.T) {
				patient = h.registered(t, keeper, born()).ID
				self, doctor = h.granted(t, patient, domain.Self), h.granted(t, patient, domain.Care)
				asked = h.asked(t, self, patient, newPhone)
				require.ErrorIs(t, databasetest.RunWithFaults(t, db, c.run), c.want)
			})
		}
	})
}
