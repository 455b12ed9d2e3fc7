package rest

import (
	"context"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/fields"
	"healthcare/platform/rest"
	"healthcare/platform/revision"
)

var replacedFields = fields.Mapper[PatientInput, domain.Changes]("Age", "AgeUnknown")

// replacementOf reads the PUT of a client of the original, which knew name, age and gender only: the other fields keep
// their values unless they are sent.
func replacementOf(body PatientInput) domain.Changes {
	changes := replacedFields(body)
	changes.Age = rest.OrNil(body.Age)
	return changes
}

// replace amends a patient by a replacement, in which an age or a birth date is required.
func (h *handlers) replace(
	ctx context.Context, who auth.Principal, id patients.ID, expected revision.Match, changes domain.Changes,
) (domain.Patient, error) {
	if changes.Age == nil && (changes.BirthDate == nil || *changes.BirthDate == "") {
		return domain.Patient{}, errs.Invalidf("age", "Give an age or a birth_date.")
	}
	return h.patients.Amend(ctx, who, id, expected, changes)
}
