package app

import (
	"context"
	"slices"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
)

// hideNotes clears the notes of the patients who were granted to who as themselves or as a delegate only. The notes are
// those of the clinic, for its users and its doctors.
//
// A user has no other grants than those. So only a capacity for a doctor needs a query.
func (s *Service) hideNotes(ctx context.Context, who auth.Principal, found []domain.Patient) error {
	if s.showsNotes || !slices.ContainsFunc(who.For, isSelf) {
		return nil
	}
	clinical := who
	clinical.For = slices.DeleteFunc(slices.Clone(who.For), isSelf)
	var ids []patients.ID
	for _, p := range found {
		if p.OwnerID != who.UserID && p.Details.Notes != "" {
			ids = append(ids, p.ID)
		}
	}
	treated := map[patients.ID]bool{}
	if len(clinical.For) > 0 && len(ids) > 0 {
		visible, err := s.patients.FindAll(ctx, patients.VisibleTo(clinical, s.clock.Now()), ids)
		if err != nil {
			return err
		}
		for _, p := range visible {
			treated[p.ID] = true
		}
	}
	for i, p := range found {
		if p.OwnerID != who.UserID && !treated[p.ID] {
			found[i].Details.Notes = ""
		}
	}
	return nil
}

func isSelf(capacity auth.Capacity) bool { return capacity.Kind == auth.AsSelf }
