package rest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/resttest"
)

func TestEveryMemberIsShown(t *testing.T) {
	now := time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)
	filled := domain.Doctor{
		ID: doctors.ID{UUID: uuid.New()}, Version: 1, CreatedAt: now, UpdatedAt: now.Add(time.Second),
		Details: domain.Details{
			Name: "Dr. Vikram Khanna", Specialization: "Dermatology", Experience: 9,
			Email: "khanna@clinic.example", Phone: "+91 80 5550 0101", LicenseNumber: "KA-20431",
		},
	}
	resttest.RequireEveryMember(t, show(filled), show(domain.Doctor{}))
}
