package rest

import (
	"github.com/oapi-codegen/nullable"

	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/rest"
)

// replacement is the body of a PUT by a client of the original, which knew name, specialization and experience only. The other fields keep their
// values unless they are sent.
type replacement struct {
	Name           string                    `json:"name"`
	Specialization string                    `json:"specialization"`
	Experience     int                       `json:"experience"`
	Email          nullable.Nullable[string] `json:"email,omitempty"`
	Phone          nullable.Nullable[string] `json:"phone,omitempty"`
	LicenseNumber  nullable.Nullable[string] `json:"license_number,omitempty"`
}

func replacementOf(body replacement) domain.Changes {
	return domain.Changes{
		Name: &body.Name, Specialization: &body.Specialization, Experience: &body.Experience,
		Email: rest.Text(body.Email), Phone: rest.Text(body.Phone), LicenseNumber: rest.Text(body.LicenseNumber),
	}
}
