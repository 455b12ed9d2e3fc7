package domain_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/modules/doctors/internal/domain"
	"healthcare/platform/errs"
)

// vikram returns details with every field.
func vikram() domain.Details {
	return domain.Details{
		Name: "Dr. Vikram Khanna", Specialization: "Dermatology", Experience: 9,
		Email: "vikram@example.com", Phone: "+91 22 1234", LicenseNumber: "MH-1234",
	}
}

// fieldErrors returns the messages of an errs.Invalid by field.
func fieldErrors(t *testing.T, err error) map[string][]string {
	t.Helper()
	require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
	var invalid *errs.Error
	require.ErrorAs(t, err, &invalid)
	return invalid.Fields
}

// TestDetailsBounds tries each rule of the contract on both sides of its boundary.
func TestDetailsBounds(t *testing.T) {
	// "ä" is two bytes and one code point; "𝒜" is four bytes, and two units in UTF-16.
	wide := func(characters int) string { return strings.Repeat("ä", characters-1) + "𝒜" }
	const (
		blank  = "This field may not be blank."
		range_ = "Must be between 0 and 80."
		atMost = "Must have at most "
	)
	for _, c := range []struct {
		name    string
		set     func(*domain.Details)
		field   string
		refusal string // empty: accepted
	}{
		{"a name of 1 character", func(d *domain.Details) { d.Name = "A" }, "name", ""},
		{"a name of 255 characters between spaces", func(d *domain.Details) { d.Name = " " + wide(255) + "\u00a0" },
			"name", ""},
		{"a name of 256 characters", func(d *domain.Details) { d.Name = wide(256) }, "name",
			atMost + "255 characters."},
		{"an empty name", func(d *domain.Details) { d.Name = "" }, "name", blank},
		{"a name of spaces", func(d *domain.Details) { d.Name = " \t\u2003" }, "name", blank},

		{"a specialization of 1 character", func(d *domain.Details) { d.Specialization = "A" }, "specialization", ""},
		{"a specialization of 255 characters", func(d *domain.Details) { d.Specialization = wide(255) },
			"specialization", ""},
		{"a specialization of 256 characters", func(d *domain.Details) { d.Specialization = wide(256) },
			"specialization", atMost + "255 characters."},
		{"an empty specialization", func(d *domain.Details) { d.Specialization = "" }, "specialization", blank},
		{"a specialization of spaces", func(d *domain.Details) { d.Specialization = "\n" }, "specialization", blank},

		{"an experience of 0 years", func(d *domain.Details) { d.Experience = 0 }, "experience", ""},
		{"an experience of 80 years", func(d *domain.Details) { d.Experience = 80 }, "experience", ""},
		{"an experience of -1 years", func(d *domain.Details) { d.Experience = -1 }, "experience", range_},
		{"an experience of 81 years", func(d *domain.Details) { d.Experience = 81 }, "experience", range_},
		{"an experience of more than 32 bits", func(d *domain.Details) { d.Experience = 1<<32 + 9 }, "experience",
			range_},

		{"no e-mail address", func(d *domain.Details) { d.Email = "" }, "email", ""},
		{"an e-mail address of 254 characters",
			func(d *domain.Details) { d.Email = strings.Repeat("a", 242) + "@example.com" }, "email", ""},
		{"an e-mail address of 255 characters",
			func(d *domain.Details) { d.Email = strings.Repeat("a", 243) + "@example.com" }, "email",
			atMost + "254 characters."},
		{"a malformed e-mail address", func(d *domain.Details) { d.Email = "example.com" }, "email",
			"Must be an e-mail address."},
		{"a phone number of 32 characters", func(d *domain.Details) { d.Phone = wide(32) }, "phone", ""},
		{"a phone number of 33 characters", func(d *domain.Details) { d.Phone = wide(33) }, "phone",
			atMost + "32 characters."},
		{"a license number of 64 characters", func(d *domain.Details) { d.LicenseNumber = wide(64) }, "license_number",
			""},
		{"a license number of 65 characters", func(d *domain.Details) { d.LicenseNumber = wide(65) }, "license_number",
			atMost + "64 characters."},
	} {
		t.Run(c.name, func(t *testing.T) {
			details := vikram()
			c.set(&details)
			_, err := domain.New(details, now)
			require.Equal(t, err, details.Validate())
			if c.refusal == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, map[string][]string{c.field: {c.refusal}}, fieldErrors(t, err))
		})
	}
	t.Run("all invalid fields are reported at once, without their values", func(t *testing.T) {
		long := strings.Repeat("x", 300)
		details := domain.Details{Experience: -1}
		for fields, i := reflect.ValueOf(&details).Elem(), 0; i < fields.NumField(); i++ { // every text has a bound
			if fields.Field(i).Kind() == reflect.String {
				fields.Field(i).SetString(long)
			}
		}
		err := details.Validate()
		refused := fieldErrors(t, err)
		for field := range refused {
			require.Len(t, refused[field], 1, field)
		}
		require.Len(t, refused, reflect.TypeOf(details).NumField())
		require.NotContains(t, err.Error(), long)
	})
}
