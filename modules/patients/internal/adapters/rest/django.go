package rest

import (
	"context"

	"github.com/oapi-codegen/nullable"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/errs"
	"healthcare/platform/rest"
	"healthcare/platform/revision"
)

// replacement is the body of a PUT by a client of the original, which knew name, age and gender only. The other fields keep their values unless
// they are sent.
type replacement struct {
	Name                string                    `json:"name"`
	Gender              string                    `json:"gender"`
	Age                 nullable.Nullable[int]    `json:"age,omitempty"`
	BirthDate           nullable.Nullable[string] `json:"birth_date,omitempty"`
	Email               nullable.Nullable[string] `json:"email,omitempty"`
	Phone               nullable.Nullable[string] `json:"phone,omitempty"`
	Address             nullable.Nullable[string] `json:"address,omitempty"`
	MedicalRecordNumber nullable.Nullable[string] `json:"medical_record_number,omitempty"`
	Notes               nullable.Nullable[string] `json:"notes,omitempty"`
}

func replacementIn(body replacement) domain.Changes {
	changes := domain.Changes{
		Name: &body.Name, Gender: &body.Gender, BirthDate: rest.Text(body.BirthDate), Email: rest.Text(body.Email),
		Phone: rest.Text(body.Phone), Address: rest.Text(body.Address),
		MedicalRecordNumber: rest.Text(body.MedicalRecordNumber), Notes: rest.Text(body.Notes),
	}
	if age, err := body.Age.Get(); err == nil {
		changes.Age = &age
	}
	return changes
}

// replace amends a patient by the changes of a replacement, in which an age or a birth date is required as ever.
func (h *handlers) replace(
	ctx context.Context, who auth.Principal, id patients.ID, expected revision.Match, changes domain.Changes,
) (domain.Patient, error) {
	if changes.Age == nil && (changes.BirthDate == nil || *changes.BirthDate == "") {
		return domain.Patient{}, errs.Invalidf("age", "Give an age or a birth_date.")
	}
	return h.patients.Amend(ctx, who, id, expected, changes)
}
