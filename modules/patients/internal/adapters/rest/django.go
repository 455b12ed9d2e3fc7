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

var replacedFields = fields.Mapper[PatientInput, domain.Changes]("Age", "AgeUnknown", "Practice")

// replacementOf converts the body of a PUT by a client of the original service, in which a patient has only a name, an
// age and a gender. Omitted fields keep their values.
func replacementOf(body PatientInput) domain.Changes {
	changes := replacedFields(body)
	changes.Age = rest.OrNil(body.Age)
	return changes
}

// replace changes the fields that a client of the original service sent. An age or a birth date is required.
func (h *handlers) replace(
	ctx context.Context, who auth.Principal, id patients.ID, expected revision.Match, changes domain.Changes,
) (domain.Patient, error) {
	if changes.Age == nil && (changes.BirthDate == nil || *changes.BirthDate == "") {
		return domain.Patient{}, errs.Invalidf("age", "Give an age or a birth_date.")
	}
	return h.patients.Amend(ctx, who, id, expected, changes)
}
