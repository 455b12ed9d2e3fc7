package domain_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/errs"
	"healthcare/platform/text"
)

var (
	now   = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)
	later = now.Add(time.Hour)
	utc   = domain.CalendarAt(now, time.UTC)
	owner = uuid.MustParse("0193556a-0000-7000-8000-000000000001")
)

// ananya returns input with every field except the birth date.
func ananya() domain.Input {
	return domain.Input{
		Name: "Ananya Verma", Gender: "Female", Age: new(31), Email: "ananya@example.com",
		Phone: "+91 98 7654 3210", Address: "1 Lake Road",
		MedicalRecordNumber: "MRN-7", Notes: "Allergic to penicillin.",
	}
}

func registered(t require.TestingT, in domain.Input) domain.Patient {
	patient, err := domain.New(owner, in, now, utc)
	require.NoError(t, err)
	return patient
}

// fieldErrors returns the messages of an errs.Invalid by field.
func fieldErrors(t require.TestingT, err error) map[string][]string {
	require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
	var invalid *errs.Error
	require.ErrorAs(t, err, &invalid)
	return invalid.Fields
}

func TestNewPatient(t *testing.T) {
	t.Run("has its owner, a time-ordered id and version 1", func(t *testing.T) {
		patient := registered(t, ananya())
		require.Equal(t, owner, patient.OwnerID)
		require.Equal(t, uuid.Version(7), patient.ID.Version())
		require.NotEqual(t, patient.ID, registered(t, ananya()).ID)
		require.Equal(t, 1, patient.Version)
		require.Equal(t, now, patient.CreatedAt)
		require.Equal(t, now, patient.UpdatedAt)
		require.Equal(t, domain.Details{
			Name: "Ananya Verma", Gender: "Female", Age: 31, Email: "ananya@example.com",
			Phone: "+91 98 7654 3210", Address: "1 Lake Road",
			MedicalRecordNumber: "MRN-7", Notes: "Allergic to penicillin.",
		}, patient.Details)
	})
	t.Run("requires only a name, a gender and an age", func(t *testing.T) {
		patient := registered(t, domain.Input{Name: "A", Gender: "other", Age: new(0)})
		require.Equal(t, domain.Details{Name: "A", Gender: "Other"}, patient.Details)
	})
	t.Run("is zero when the input is invalid", func(t *testing.T) {
		patient, err := domain.New(owner, domain.Input{}, now, utc)
		require.Error(t, err)
		require.Zero(t, patient)
	})
}

func TestRevise(t *testing.T) {
	t.Run("replaces every detail, and nothing else", func(t *testing.T) {
		patient := registered(t, ananya())
		before := patient
		require.NoError(t, patient.Revise(domain.Input{Name: "Ben", Gender: "male", BirthDate: "1990-01-02"}, later,
			utc))
		require.Equal(t, domain.Patient{
			ID: before.ID, OwnerID: owner, Version: 2, CreatedAt: now, UpdatedAt: later, Reason: patients.Owned,
			Details: domain.Details{Name: "Ben", Gender: "Male", BirthDate: date(t, "1990-01-02")},
		}, patient)
	})
	t.Run("with the same details in another form keeps version and time", func(t *testing.T) {
		patient := registered(t, ananya())
		before, in := patient, ananya()
		in.Name, in.Gender = "  "+in.Name+"\t", "FEMALE"
		require.NoError(t, patient.Revise(in, later, utc))
		require.Equal(t, before, patient)
	})
	t.Run("that breaks a rule changes nothing", func(t *testing.T) {
		patient := registered(t, ananya())
		before := patient
		require.Error(t, patient.Revise(domain.Input{Name: "Ben", Gender: "Male", Age: new(151)}, later, utc))
		require.Equal(t, before, patient)
	})
}

func TestPatientProperties(t *testing.T) {
	t.Run("amending nothing and revising with the same input are the identity", rapid.MakeCheck(func(t *rapid.T) {
		in := anyInput().Draw(t, "input")
		patient := registered(t, in)
		before := patient
		require.NoError(t, patient.Amend(domain.Changes{}, later, utc))
		require.NoError(t, patient.Revise(in, later, utc))
		require.Equal(t, before, patient)
	}))
	t.Run("an age is never negative, and at most 150 on the day of the registration", rapid.MakeCheck(func(t *rapid.T) {
		patient := registered(t, anyInput().Draw(t, "input"))
		require.LessOrEqual(t, patient.Age(domain.DateOf(now)), 150)
		on := now.AddDate(0, 0, rapid.IntRange(0, 365*200).Draw(t, "days"))
		require.GreaterOrEqual(t, patient.Age(domain.DateOf(on)), 0)
	}))
	t.Run("exactly one of age and birth date is stored", rapid.MakeCheck(func(t *rapid.T) {
		in := anyInput().Draw(t, "input")
		details := registered(t, in).Details
		if in.BirthDate != "" {
			require.Equal(t, in.BirthDate, details.BirthDate.String())
			require.Zero(t, details.Age)
		} else {
			require.Zero(t, details.BirthDate)
			require.Equal(t, *in.Age, details.Age)
		}
	}))
}

// anyInput generates valid descriptions of patients.
func anyInput() *rapid.Generator[domain.Input] {
	upTo := func(longest int) *rapid.Generator[string] { return rapid.StringN(0, longest, -1) }
	return rapid.Custom(func(t *rapid.T) domain.Input {
		in := domain.Input{
			Name: rapid.StringN(1, 255, -1).Filter(func(s string) bool { return !text.Blank(s) }).Draw(t, "name"),
			Gender: rapid.Map(rapid.SampledFrom(domain.Genders), func(gender string) string {
				return rapid.SampledFrom([]string{gender, strings.ToLower(gender), strings.ToUpper(gender)}).Draw(t,
					"letters")
			}).Draw(t, "gender"),
			Phone: upTo(32).Draw(t, "phone"), Address: upTo(1000).Draw(t, "address"), Notes: upTo(10_000).Draw(t,
				"notes"),
			MedicalRecordNumber: upTo(64).Draw(t, "medical record number"),
			Email: rapid.OneOf(rapid.Just(""), rapid.Map(rapid.Uint64(), func(n uint64) string {
				return fmt.Sprintf("p%d@example.com", n)
			})).Draw(t, "email"),
		}
		age := rapid.IntRange(0, 150).Draw(t, "age")
		if rapid.Bool().Draw(t, "born on a known day") {
			sinceBirthday := rapid.IntRange(0, min(364, (150-age)*365)) // at most 150 years ago, to the day
			in.BirthDate = now.AddDate(-age, 0, -sinceBirthday.Draw(t, "days since the birthday")).Format(time.DateOnly)
		} else {
			in.Age = &age
		}
		return in
	})
}
