package rest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/resttest"
)

func TestEveryMemberIsShown(t *testing.T) {
	now := time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)
	today := domain.DateOf(now)
	filled := domain.Patient{
		ID: patients.ID{UUID: uuid.New()}, OwnerID: uuid.New(), Version: 1,
		CreatedAt: now, UpdatedAt: now.Add(time.Second),
		Details: domain.Details{
			Name: "Ananya Verma", Gender: "Female", BirthDate: domain.DateOf(now.AddDate(-31, 0, 0)),
			Email: "ananya@mail.example", Phone: "+91 80 5550 0188", Address: "12 MG Road",
			MedicalRecordNumber: "MRN-20431", Notes: "Allergic to penicillin",
		},
	}
	resttest.RequireEveryMember(t, show(filled, today), show(domain.Patient{}, today))
}
