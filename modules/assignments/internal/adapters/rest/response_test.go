package rest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/assignments/internal/app"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/resttest"
)

func TestEveryMemberIsShown(t *testing.T) {
	patient := patients.Patient{ID: patients.ID{UUID: uuid.New()}, Name: "Ananya Verma", Age: 31, Gender: "Female"}
	doctor := doctors.Doctor{
		ID: doctors.ID{UUID: uuid.New()}, Name: "Dr. Vikram Khanna", Specialization: "Dermatology", Experience: 9,
	}
	filled := app.Assigned{
		Assignment: domain.New(uuid.New(), patient.ID, doctor.ID, time.Now()), Patient: patient, Doctor: doctor,
	}
	resttest.RequireEveryMember(t, show(filled), show(app.Assigned{}))
}
