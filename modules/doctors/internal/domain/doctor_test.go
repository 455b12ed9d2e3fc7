package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/text"
)

var (
	now   = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)
	later = now.Add(time.Hour)
)

func registered(t require.TestingT, details domain.Details) domain.Doctor {
	doctor, err := domain.New(details, now)
	require.NoError(t, err)
	return doctor
}

func TestNewDoctor(t *testing.T) {
	t.Run("has a time-ordered id and version 1", func(t *testing.T) {
		doctor := registered(t, vikram())
		require.Equal(t, uuid.Version(7), doctor.ID.Version())
		require.NotEqual(t, doctor.ID, registered(t, vikram()).ID)
		require.Equal(t, domain.Doctor{ID: doctor.ID, Details: vikram(), Version: 1, CreatedAt: now, UpdatedAt: now},
			doctor)
	})
	t.Run("has every text trimmed at its ends only", func(t *testing.T) {
		doctor := registered(t, domain.Details{
			Name: " Dr.  A\n", Specialization: "\tEar, nose  and throat ",
			Email: " a@example.com\t", Phone: "\u00a01 2 ", LicenseNumber: " \n ",
		})
		require.Equal(t, domain.Details{
			Name: "Dr.  A", Specialization: "Ear, nose  and throat", Email: "a@example.com", Phone: "1 2",
		}, doctor.Details)
	})
	t.Run("is zero when the input is invalid", func(t *testing.T) {
		doctor, err := domain.New(domain.Details{}, now)
		require.Error(t, err)
		require.Zero(t, doctor)
	})
}

func TestRevise(t *testing.T) {
	t.Run("replaces every detail, and nothing else", func(t *testing.T) {
		doctor := registered(t, vikram())
		id := doctor.ID
		require.NoError(t, doctor.Revise(domain.Details{Name: "B", Specialization: "C"}, later))
		require.Equal(t, domain.Doctor{
			ID: id, Details: domain.Details{Name: "B", Specialization: "C"},
			Version: 2, CreatedAt: now, UpdatedAt: later,
		}, doctor)
	})
	t.Run("with the same details between spaces keeps version and time", func(t *testing.T) {
		doctor := registered(t, vikram())
		before, details := doctor, vikram()
		details.Name = " " + details.Name + " "
		require.NoError(t, doctor.Revise(details, later))
		require.Equal(t, before, doctor)
	})
	t.Run("that breaks a rule changes nothing", func(t *testing.T) {
		doctor := registered(t, vikram())
		before := doctor
		require.Error(t, doctor.Revise(domain.Details{Name: "B", Specialization: "C", Experience: 81}, later))
		require.Equal(t, before, doctor)
	})
}

// TestAmend tests PATCH: fields that are sent change, others stay, and null or "" clears an optional field.
func TestAmend(t *testing.T) {
	for _, c := range []struct {
		name   string
		amend  domain.Changes
		differ func(*domain.Details) // applies the only expected difference
	}{
		{"the name alone", domain.Changes{Name: new("B")}, func(d *domain.Details) { d.Name = "B" }},
		{"the specialization alone", domain.Changes{Specialization: new("C")},
			func(d *domain.Details) { d.Specialization = "C" }},
		{"the experience alone, to zero", domain.Changes{Experience: new(0)},
			func(d *domain.Details) { d.Experience = 0 }},
		{"the e-mail address alone", domain.Changes{Email: new("b@example.com")},
			func(d *domain.Details) { d.Email = "b@example.com" }},
		{"the phone number alone", domain.Changes{Phone: new("2")}, func(d *domain.Details) { d.Phone = "2" }},
		{"the license number alone", domain.Changes{LicenseNumber: new("8")},
			func(d *domain.Details) { d.LicenseNumber = "8" }},
		{"the e-mail address to empty text", domain.Changes{Email: new("")}, func(d *domain.Details) { d.Email = "" }},
		{"the phone number to empty text", domain.Changes{Phone: new(" ")}, func(d *domain.Details) { d.Phone = "" }},
		{"the license number to empty text", domain.Changes{LicenseNumber: new("")},
			func(d *domain.Details) { d.LicenseNumber = "" }},
	} {
		t.Run("changes "+c.name, func(t *testing.T) {
			doctor := registered(t, vikram())
			want := doctor
			want.Version, want.UpdatedAt = 2, later
			c.differ(&want.Details)
			require.NoError(t, doctor.Amend(c.amend, later))
			require.Equal(t, want, doctor)
		})
	}
	for name, c := range map[string]struct {
		amend domain.Changes
		field string
	}{
		"clears the name":               {domain.Changes{Name: new("")}, "name"},
		"clears the specialization":     {domain.Changes{Specialization: new(" ")}, "specialization"},
		"sets an impossible experience": {domain.Changes{Experience: new(-1)}, "experience"},
	} {
		t.Run("an amendment that "+name+" is rejected and changes nothing", func(t *testing.T) {
			doctor := registered(t, vikram())
			before := doctor
			c.amend.Phone = new("another, so that something would change")
			require.Contains(t, fieldErrors(t, doctor.Amend(c.amend, later)), c.field)
			require.Equal(t, before, doctor)
		})
	}
}

func TestDoctorProperties(t *testing.T) {
	t.Run("amending nothing and sending equal values are the identity", rapid.MakeCheck(func(t *rapid.T) {
		details := anyDetails().Draw(t, "details")
		doctor := registered(t, details)
		before := doctor
		require.NoError(t, doctor.Amend(domain.Changes{}, later))
		require.NoError(t, doctor.Revise(details, later))
		require.NoError(t, doctor.Amend(domain.Changes{
			Name: &details.Name, Specialization: &details.Specialization, Experience: &details.Experience,
			Email: &details.Email, Phone: &details.Phone, LicenseNumber: &details.LicenseNumber,
		}, later))
		require.Equal(t, before, doctor)
	}))
}

// anyDetails generates valid details.
func anyDetails() *rapid.Generator[domain.Details] {
	notBlank := rapid.StringN(1, 255, -1).Filter(func(s string) bool { return !text.Blank(s) })
	return rapid.Custom(func(t *rapid.T) domain.Details {
		return domain.Details{
			Name: notBlank.Draw(t, "name"), Specialization: notBlank.Draw(t, "specialization"),
			Experience:    rapid.IntRange(0, 80).Draw(t, "experience"),
			Phone:         rapid.StringN(0, 32, -1).Draw(t, "phone"),
			LicenseNumber: rapid.StringN(0, 64, -1).Draw(t, "license number"),
			Email:         rapid.SampledFrom([]string{"", "a@example.com", "7@example.com"}).Draw(t, "email"),
		}
	})
}
