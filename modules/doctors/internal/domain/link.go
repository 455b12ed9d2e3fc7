package domain

import (
	"time"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
	"healthcare/platform/recordid"
)

// Link connects a doctor's record to the account of the doctor.
type Link struct {
	Doctor   doctors.ID
	User     uuid.UUID
	LinkedBy uuid.UUID // the administrator who invited
	LinkedAt time.Time
}

// InvitationID identifies an invitation.
type InvitationID = recordid.Of[Invitation]

// ParseInvitationID reads an id in its canonical form. Errors: doctors.ErrNoInvitation.
func ParseInvitationID(s string) (InvitationID, error) {
	return recordid.Parse[InvitationID](s, doctors.ErrNoInvitation)
}

// Invitation lets the user who knows its code link their account to a doctor's record.
type Invitation struct {
	ID        InvitationID
	Doctor    doctors.ID
	MAC       []byte // of the code
	InvitedBy uuid.UUID
	CreatedAt time.Time
	ExpiresAt time.Time
}

// NewInvitation returns an invitation to link an account to the doctor's record.
func NewInvitation(doctor doctors.ID, mac []byte, by uuid.UUID, now time.Time, lifetime time.Duration) Invitation {
	return Invitation{
		ID: recordid.New[InvitationID](), Doctor: doctor, MAC: mac, InvitedBy: by,
		CreatedAt: now, ExpiresAt: now.Add(lifetime),
	}
}

// Accept returns the link of the user who knows the code. It reports false if the invitation has expired.
func (i Invitation) Accept(user uuid.UUID, now time.Time) (Link, bool) {
	return Link{Doctor: i.Doctor, User: user, LinkedBy: i.InvitedBy, LinkedAt: now}, now.Before(i.ExpiresAt)
}

// MayChange returns an error unless the user may change the doctor with the link, which is nil if the record is not
// linked. Administrators may change all doctors. Errors: doctors.ErrLinked, doctors.ErrCurated.
func MayChange(link *Link, user uuid.UUID, mode doctors.Mode) error {
	switch {
	case link != nil && link.User != user:
		return doctors.ErrLinked
	case link == nil && mode == doctors.Curated:
		return doctors.ErrCurated
	}
	return nil
}
