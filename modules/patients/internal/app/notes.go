package app

import (
	"slices"

	"healthcare/modules/patients/internal/domain"
)

// hideNotes clears the notes of the patients whom the user sees as themselves or as a delegate only. The notes are
// those of the clinic, for its users and its doctors.
func (s *Service) hideNotes(found []domain.Patient) {
	if s.showsNotes {
		return
	}
	for i, p := range found {
		if slices.Contains([]domain.Basis{domain.Self, domain.Delegate}, domain.Basis(p.Reason.Basis)) {
			found[i].Details.Notes = ""
		}
	}
}
