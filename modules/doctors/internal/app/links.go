package app

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/onetime"
)

// NewLinkRequirement returns the condition of doctors.Role: the user is linked to a doctor's record.
func NewLinkRequirement(repository ports.Repository) auth.Requirement {
	return auth.Requirement{Role: doctors.Role, Fits: func(ctx context.Context, user uuid.UUID) error {
		link, err := repository.LinkOfUser(ctx, user)
		if err == nil && link == nil {
			err = doctors.ErrNoRecord
		}
		return err
	}}
}

// Codes are the one-time codes of invitations. Other modules have their own type, for codes of other purposes.
type Codes struct{ onetime.Codes }

// Invited is a new invitation with its code, which is shown once.
type Invited struct {
	domain.Invitation
	Code onetime.Code
}

// Invite lets the user who gets the code link their account to the doctor's record. An earlier invitation of the doctor
// becomes invalid. Errors: doctors.ErrNotFound, doctors.ErrRecordLinked.
func (s *Service) Invite(ctx context.Context, who auth.Principal, id doctors.ID) (Invited, error) {
	code := onetime.New()
	invitation := domain.NewInvitation(id, s.codes.MAC(code), who.UserID, s.clock.Now(), onetime.Lifetime)
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		if _, err := s.doctors.Lock(ctx, id); err != nil {
			return err
		}
		link, err := s.doctors.LinkOf(ctx, id)
		if err != nil {
			return err
		}
		if link != nil {
			return doctors.ErrRecordLinked
		}
		if err := s.doctors.Invite(ctx, invitation); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, audit.NewEntry(audit.Invited, resource, id.UUID))
	})
	return Invited{invitation, code}, err
}

// Withdraw makes an invitation of the doctor invalid. Errors: doctors.ErrNoInvitation.
func (s *Service) Withdraw(ctx context.Context, who auth.Principal, id doctors.ID, invited domain.InvitationID) error {
	return s.tx.Do(ctx, func(ctx context.Context) error {
		if err := s.doctors.RemoveInvitation(ctx, id, invited); err != nil {
			return err
		}
		return s.trail.Record(ctx, who, audit.NewEntry(audit.Withdrawn, resource, id.UUID))
	})
}

// Claim links the user to the record of the doctor who was invited with the code, and returns the doctor. The code
// becomes invalid. Failed claims are recorded, because they may be guesses. Errors: doctors.ErrNoInvitation for every
// code that is not valid, doctors.ErrAccountLinked, those of the subscribers of doctors.Linked.
func (s *Service) Claim(ctx context.Context, who auth.Principal, code string) (doctor domain.Doctor, err error) {
	if n := utf8.RuneCountInString(code); strings.TrimSpace(code) == "" || n > 64 {
		return domain.Doctor{}, errs.Invalidf("code", "Must have 1 to 64 characters.")
	}
	err = s.tx.Do(ctx, func(ctx context.Context) error {
		doctor, err = s.claim(ctx, who, code)
		return err
	})
	refusal := audit.NewRefusal(resource, uuid.Nil, http.StatusNotFound)
	return doctor, audit.RecordMissing(ctx, s.trail, who, refusal, err, doctors.ErrNoInvitation)
}

func (s *Service) claim(ctx context.Context, who auth.Principal, typed string) (domain.Doctor, error) {
	code, ok := onetime.Parse(typed)
	if !ok {
		return domain.Doctor{}, doctors.ErrNoInvitation
	}
	invitation, err := s.doctors.FindInvitation(ctx, s.codes.MACs(code))
	if err != nil {
		return domain.Doctor{}, err
	}
	link, valid := invitation.Accept(who.UserID, s.clock.Now())
	if !valid {
		return domain.Doctor{}, doctors.ErrNoInvitation
	}
	// All changes of links lock the doctor first. The removal of the invitation fails for the second of two claims.
	doctor, err := s.doctors.Change(ctx, link.Doctor, func(*domain.Doctor) error {
		return s.doctors.RemoveInvitation(ctx, link.Doctor, invitation.ID)
	})
	if errors.Is(err, doctors.ErrNotFound) { // removed since
		err = doctors.ErrNoInvitation
	}
	if err != nil {
		return domain.Doctor{}, err
	}
	linked, err := s.doctors.LinkOfUser(ctx, who.UserID)
	if err == nil && linked != nil {
		err = doctors.ErrAccountLinked
	}
	if err != nil {
		return domain.Doctor{}, err
	}
	// Before the row is inserted: the subscriber rejects an account that was removed since, and locks it otherwise.
	if err := s.events.Publish(ctx, doctors.Linked{ID: link.Doctor, User: who.UserID, By: who}); err != nil {
		return domain.Doctor{}, err
	}
	if err := s.doctors.Link(ctx, link); err != nil {
		return domain.Doctor{}, err
	}
	return doctor, s.trail.Record(ctx, who, audit.NewEntry(audit.Linked, resource, link.Doctor.UUID))
}

// Unlink ends the link of the doctor's record, for its user or an administrator. Errors: doctors.ErrNotFound,
// doctors.ErrNotLinked, doctors.ErrLinked for other users.
func (s *Service) Unlink(ctx context.Context, who auth.Principal, id doctors.ID) error {
	err := s.tx.Do(ctx, func(ctx context.Context) error {
		if _, err := s.doctors.Lock(ctx, id); err != nil {
			return err
		}
		link, err := s.doctors.LinkOf(ctx, id)
		switch {
		case err != nil:
			return err
		case link == nil:
			return doctors.ErrNotLinked
		case who.Role != auth.Admin && link.User != who.UserID:
			return doctors.ErrLinked
		}
		ended, err := s.unlink(ctx, who, id)
		if err == nil && !ended { // the account was removed while this request waited for its lock
			err = doctors.ErrNotLinked
		}
		return err
	})
	return s.recordForbidden(ctx, who, id, err)
}

// unlink ends the link of a locked doctor, if any, and records that. It reports whether there was one. Errors: none of
// its own.
func (s *Service) unlink(ctx context.Context, who auth.Principal, id doctors.ID) (ended bool, err error) {
	// Before the row is deleted: a removal of the account locks the account first, and then the link.
	if err := s.events.Publish(ctx, doctors.Unlinked{ID: id, By: who}); err != nil {
		return false, err
	}
	if ended, err = s.doctors.Unlink(ctx, id); err != nil || !ended {
		return false, err
	}
	return true, s.trail.Record(ctx, who, audit.NewEntry(audit.Unlinked, resource, id.UUID))
}
