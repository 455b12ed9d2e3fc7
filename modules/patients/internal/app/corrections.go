package app

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/paging"
	"healthcare/platform/revision"
)

// CorrectionResource is the resource of entries about corrections, which name the patient and the field.
const CorrectionResource audit.Resource = "Correction"

// Corrections implements the use cases by which patients and their delegates ask for corrections of the record, and the
// user who keeps the patient decides (45 CFR 164.526).
type Corrections struct {
	*Service
	corrections ports.Corrections
}

// NewCorrections returns Corrections.
func NewCorrections(service *Service, corrections ports.Corrections) *Corrections {
	return &Corrections{service, corrections}
}

// Ask adds a correction of a patient whom the user is, or for whom the user acts. Errors: errs.Invalid,
// patients.ErrNotFound, patients.ErrRequesterOnly, patients.ErrTooManyCorrections.
func (s *Corrections) Ask(
	ctx context.Context, who auth.Principal, id patients.ID, in domain.CorrectionInput,
) (asked domain.Correction, err error) {
	if err := in.Validate(s.showsNotes); err != nil {
		return asked, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		// The lock keeps requests at the same time from exceeding the limit.
		if _, err := s.patients.Lock(ctx, patients.VisibleTo(who, s.clock.Now()), id); err != nil {
			return err
		}
		reason, err := s.representing(ctx, who, id, patients.ErrRequesterOnly)
		if err != nil {
			return err
		}
		now := s.clock.Now()
		patient, err := s.patients.Find(ctx, patients.VisibleTo(who, now), id)
		if err != nil {
			return err
		}
		asked, err = patient.Ask(in, who.UserID, s.showsNotes, now, domain.CalendarAt(now, s.zone))
		if err != nil {
			return err
		}
		pending, err := s.corrections.CountPending(ctx, id)
		if err != nil {
			return err
		}
		if pending >= domain.MaxPendingCorrections {
			return patients.ErrTooManyCorrections
		}
		if err := s.corrections.Add(ctx, asked); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, correctionEntry(audit.Create, asked, reason))
	})
	return asked, s.recordStranger(ctx, who, id, err)
}

// Browse returns a page of the corrections of a patient, for the patient, delegates and the user who keeps the patient.
// Errors: patients.ErrNotFound, patients.ErrRequesterOnly.
func (s *Corrections) Browse(
	ctx context.Context, who auth.Principal, id patients.ID, page paging.Request,
) (paging.Page[domain.Correction], error) {
	none := paging.Page[domain.Correction]{}
	reason, err := s.readAsPatient(ctx, who, id, patients.ErrRequesterOnly)
	if err != nil {
		return none, s.recordStranger(ctx, who, id, err)
	}
	found, err := s.corrections.List(ctx, id, page)
	if err != nil {
		return none, err
	}
	entry := audit.Entry{Action: audit.List, Resource: CorrectionResource, PatientID: id.UUID, Reason: reason}
	ids := audit.IDs(found.Items, func(c domain.Correction) uuid.UUID { return c.ID.UUID })
	return found, s.trail.Record(ctx, who, audit.NewListEntries(entry, ids)...)
}

// Find returns one correction of a patient, for the users of Browse. Errors: patients.ErrNotFound,
// patients.ErrRequesterOnly, patients.ErrNoCorrection.
func (s *Corrections) Find(
	ctx context.Context, who auth.Principal, id patients.ID, correction domain.CorrectionID,
) (domain.Correction, error) {
	reason, err := s.readAsPatient(ctx, who, id, patients.ErrRequesterOnly)
	if err != nil {
		return domain.Correction{}, s.recordStranger(ctx, who, id, err)
	}
	found, err := s.corrections.Find(ctx, id, correction)
	if err != nil {
		return domain.Correction{}, err
	}
	return found, s.trail.Record(ctx, who, correctionEntry(audit.Read, found, reason))
}

// Decide accepts or declines a correction whose version matches expected, of a patient of who. To accept it is to amend
// the patient, in the same transaction. Errors: errs.Invalid, patients.ErrNotFound, patients.ErrKeeperOnly,
// patients.ErrNoCorrection, revision.ErrStale, patients.ErrAlreadyDecided, those of Amend.
func (s *Corrections) Decide(
	ctx context.Context, who auth.Principal, id patients.ID, correction domain.CorrectionID, expected revision.Match,
	decision domain.Decision,
) (decided domain.Correction, err error) {
	if err := decision.Validate(); err != nil {
		return decided, err
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		locked, err := s.lockKept(ctx, who, id)
		if err != nil {
			return err
		}
		if decided, err = s.corrections.Find(ctx, id, correction); err != nil {
			return err
		}
		if err := expected.Check(decided.Version); err != nil {
			return err
		}
		if err := decided.Decide(decision, who.UserID, s.clock.Now()); err != nil {
			return err
		}
		if err := s.corrections.Change(ctx, decided); err != nil {
			return err
		}
		if decided.State == domain.Accepted {
			_, err := s.change(ctx, who, id, revision.Match{}, func(p *domain.Patient) error {
				now := s.clock.Now()
				return decided.Apply(p, now, domain.CalendarAt(now, s.zone))
			})
			if err != nil {
				return err
			}
		}
		return s.trail.Record(ctx, who, correctionEntry(audit.Update, decided, locked.Reason))
	})
	return decided, s.recordRefusal(ctx, who, id, err, patients.ErrKeeperOnly)
}

// Withdraw removes a correction whose version matches expected, for the user who asked for it, while it is not decided.
// Errors: patients.ErrNotFound, patients.ErrRequesterOnly, patients.ErrNoCorrection, patients.ErrNotRequester,
// patients.ErrAlreadyDecided, revision.ErrStale.
func (s *Corrections) Withdraw(
	ctx context.Context, who auth.Principal, id patients.ID, correction domain.CorrectionID, expected revision.Match,
) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		// The lock keeps a decision waiting.
		locked, err := s.lockAsPatient(ctx, who, id, patients.ErrRequesterOnly)
		if err != nil {
			return err
		}
		found, err := s.corrections.Find(ctx, id, correction)
		if err != nil {
			return err
		}
		if err := found.CheckWithdrawnBy(who.UserID); err != nil {
			return err
		}
		if err := expected.Check(found.Version); err != nil {
			return err
		}
		if err := s.corrections.Remove(ctx, id, correction); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, correctionEntry(audit.Delete, found, locked.Reason))
	})
	return s.recordStranger(ctx, who, id, err)
}

// correctionEntry returns the entry of an action on a correction, with the name of its field.
func correctionEntry(action audit.Action, c domain.Correction, reason patients.Reason) audit.Entry {
	entry := audit.NewEntry(action, CorrectionResource, c.ID.UUID)
	entry.PatientID, entry.Fields, entry.Reason = c.PatientID.UUID, []string{c.Field}, reason
	return entry
}
