package domain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

var correctedAt = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

// correctedPatient returns a patient of 31 years, with a birth date if one is given.
func correctedPatient(t *testing.T, born string) domain.Patient {
	t.Helper()
	in := domain.Input{Name: "Ananya", Gender: "Female", Phone: "1", BirthDate: born, Notes: "Calm."}
	if born == "" {
		in.Age = new(31)
	}
	p, err := domain.New(uuid.New(), in, correctedAt, domain.CalendarAt(correctedAt, time.UTC))
	require.NoError(t, err)
	return p
}

func TestAsk(t *testing.T) {
	calendar, by, later := domain.CalendarAt(correctedAt, time.UTC), uuid.New(), correctedAt.Add(time.Hour)
	const born = "1995-04-18"
	ask := func(p domain.Patient, field, value string, showsNotes bool) (domain.Correction, error) {
		in := domain.CorrectionInput{Field: field, Value: value, Because: " It is wrong. "}
		return p.Ask(in, by, showsNotes, later, calendar)
	}
	t.Run("describes the change and leaves the patient as it is", func(t *testing.T) {
		p := correctedPatient(t, born)
		before := p
		c, err := ask(p, " Phone", " 2 ", false)
		require.NoError(t, err)
		require.NotZero(t, c.ID)
		c.ID = domain.CorrectionID{}
		require.Equal(t, domain.Correction{
			PatientID: p.ID, Field: "phone", Value: "2", Because: "It is wrong.", AskedBy: by, AskedAt: later,
			State: domain.Pending, Version: 1,
		}, c)
		require.Equal(t, before, p)
		require.Equal(t, time.Date(2027, time.January, 21, 23, 29, 36, 410959000, time.UTC), c.AnswerBy())
	})
	for name, c := range map[string]struct {
		born, field, value string
		change             func(*domain.Details)
	}{
		"a name":               {born, "name", "Anaya", func(d *domain.Details) { d.Name = "Anaya" }},
		"a gender in any case": {born, "gender", "OTHER", func(d *domain.Details) { d.Gender = "Other" }},
		"an age":               {"", "age", "32", func(d *domain.Details) { d.Age = 32 }},
		"an age that is shown": {born, "age", "31", func(*domain.Details) {}},
		"no age":               {born, "age", "", func(*domain.Details) {}},
		"an e-mail address":    {born, "email", "a@b.c", func(d *domain.Details) { d.Email = "a@b.c" }},
		"no phone":             {born, "phone", "", func(d *domain.Details) { d.Phone = "" }},
		"an address":           {born, "address", "7 Lake", func(d *domain.Details) { d.Address = "7 Lake" }},
		"a medical record number": {born, "medical_record_number", "M", func(d *domain.Details) {
			d.MedicalRecordNumber = "M"
		}},
		"notes": {born, "notes", "Lively.", func(d *domain.Details) { d.Notes = "Lively." }},
		"a birth date": {"", "birth_date", born, func(d *domain.Details) {
			d.Age, d.BirthDate = 0, correctedPatient(t, born).Details.BirthDate
		}},
	} {
		t.Run("changes "+name, func(t *testing.T) {
			p := correctedPatient(t, c.born)
			correction, err := ask(p, c.field, c.value, true)
			require.NoError(t, err)
			want := p.Details
			c.change(&want)
			require.NoError(t, correction.Apply(&p, later, calendar))
			require.Equal(t, want, p.Details)
		})
	}
	const of, value = "field", "value"
	long := strings.Repeat("1", 10_001)
	for name, c := range map[string]struct{ born, field, value, of, message string }{
		"an unknown field": {born, "version", "2", of,
			"Must be one of address, age, birth_date, email, gender, medical_record_number, name, phone."},
		"a column that is no detail":               {born, "owner_id", "2", of, "Must be one of "},
		"notes that are hidden":                    {born, "notes", "x", of, "Must be one of "},
		"no name":                                  {born, "name", " ", value, "This field may not be blank."},
		"a long phone":                             {born, "phone", long[:33], value, "Must have at most 32 "},
		"a very long value":                        {born, "phone", long, value, "Must have at most 10000 "},
		"no age where no birth date is known":      {"", "age", "", value, "Give an age or a birth_date."},
		"an age that is no number":                 {"", "age", "31 years", value, "Must be a whole number."},
		"an impossible age":                        {"", "age", "151", value, "Must be between 0 and 150."},
		"an age that contradicts the birth date":   {born, "age", "40", value, "Must agree with birth_date."},
		"a birth date in the future":               {born, "birth_date", "2027-01-01", value, "Must not be in the "},
		"no birth date, with which no age is left": {born, "birth_date", "", value, "Give an age or a birth_date."},
	} {
		t.Run("rejects "+name, func(t *testing.T) {
			_, err := ask(correctedPatient(t, c.born), c.field, c.value, false)
			fields := invalidFields(t, err)
			require.Len(t, fields, 1)
			require.Contains(t, strings.Join(fields[c.of], ""), c.message)
		})
	}
	t.Run("needs a reason of at most 1,000 characters", func(t *testing.T) {
		for because, valid := range map[string]bool{
			"": false, " ": false, strings.Repeat("ß", 1000): true, strings.Repeat("ß", 1001): false,
		} {
			in := domain.CorrectionInput{Field: "phone", Value: "2", Because: because}
			_, err := correctedPatient(t, born).Ask(in, by, false, later, calendar)
			require.Equal(t, valid, err == nil)
			require.Equal(t, valid, in.Validate(true) == nil)
		}
	})
	t.Run("names every wrong field at once, and no value", func(t *testing.T) {
		in := domain.CorrectionInput{Field: "age", Value: "canary"}
		_, err := correctedPatient(t, born).Ask(in, by, false, later, calendar)
		require.Len(t, invalidFields(t, err), 2)
		require.NotContains(t, err.Error(), "canary")
	})
	t.Run("a value that became wrong cannot be applied", func(t *testing.T) {
		p := correctedPatient(t, "")
		correction, err := ask(p, "age", "32", false)
		require.NoError(t, err)
		require.NoError(t, p.Amend(domain.Changes{BirthDate: new(born)}, later, calendar))
		before := p
		require.Equal(t, errs.Invalid, errs.KindOf(correction.Apply(&p, later, calendar)))
		require.Equal(t, before, p)
	})
}

// invalidFields returns the messages of errs.Invalid.
func invalidFields(t *testing.T, err error) map[string][]string {
	t.Helper()
	var invalid *errs.Error
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, errs.Invalid, invalid.Kind)
	return invalid.Fields
}

func TestDecide(t *testing.T) {
	pending := domain.Correction{
		ID: recordid.New[domain.CorrectionID](), Field: "phone", Value: "2", AskedBy: uuid.New(), AskedAt: correctedAt,
		State: domain.Pending, Version: 1,
	}
	keeper, later := uuid.New(), correctedAt.Add(time.Hour)
	for name, c := range map[string]struct {
		in    domain.Decision
		state domain.CorrectionState
		note  string
	}{
		"accepts":             {domain.Decision{Decision: " Accepted"}, domain.Accepted, ""},
		"accepts with a note": {domain.Decision{Decision: "accepted", Note: " Thanks. "}, domain.Accepted, "Thanks."},
		"declines":            {domain.Decision{Decision: "DECLINED", Note: "No."}, domain.Declined, "No."},
	} {
		t.Run(name+" once", func(t *testing.T) {
			decided, want := pending, pending
			want.State, want.Note, want.DecidedBy, want.DecidedAt, want.Version = c.state, c.note, keeper, later, 2
			require.NoError(t, decided.Decide(c.in, keeper, later))
			require.Equal(t, want, decided)
			require.ErrorIs(t, decided.Decide(c.in, keeper, later), patients.ErrAlreadyDecided)
			require.Equal(t, want, decided)
			require.ErrorIs(t, decided.CheckWithdrawnBy(pending.AskedBy), patients.ErrAlreadyDecided)
		})
	}
	for _, c := range []struct {
		in domain.Decision
		of string
	}{
		{domain.Decision{}, "decision"}, {domain.Decision{Decision: "pending", Note: "x"}, "decision"},
		{domain.Decision{Decision: "declined", Note: " "}, "note"},
		{domain.Decision{Decision: "accepted", Note: strings.Repeat("x", 1001)}, "note"},
		{domain.Decision{Decision: "declined", Note: strings.Repeat("x", 1001)}, "note"},
	} {
		decided := pending
		require.Contains(t, invalidFields(t, decided.Decide(c.in, keeper, later)), c.of)
		require.Equal(t, pending, decided)
	}
	t.Run("the user who asked withdraws", func(t *testing.T) {
		require.NoError(t, pending.CheckWithdrawnBy(pending.AskedBy))
		require.ErrorIs(t, pending.CheckWithdrawnBy(keeper), patients.ErrNotRequester)
	})
}

func TestParseCorrectionID(t *testing.T) {
	id := recordid.New[domain.CorrectionID]()
	parsed, err := domain.ParseCorrectionID(id.String())
	require.NoError(t, err)
	require.Equal(t, id, parsed)
	_, err = domain.ParseCorrectionID("x")
	require.ErrorIs(t, err, patients.ErrNoCorrection)
}
