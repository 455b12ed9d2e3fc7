package domain_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

func TestInvite(t *testing.T) {
	at := time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)
	patient, by, expires := recordid.New[patients.ID](), uuid.New(), at.Add(72*time.Hour)
	t.Run("describes the grant and the time of the code", func(t *testing.T) {
		in := domain.InvitationInput{As: " Delegate", Until: new("2026-12-31T23:59:59.1234567+05:30")}
		i, err := domain.Invite(patient, in, []byte("mac"), by, at, expires)
		require.NoError(t, err)
		require.NotZero(t, i.ID)
		i.ID = domain.InvitationID{}
		require.Equal(t, domain.Invitation{
			PatientID: patient, MAC: []byte("mac"), As: domain.Delegate, Level: patients.Read, InvitedBy: by,
			CreatedAt: at, ExpiresAt: expires,
			Until: time.Date(2026, time.December, 31, 18, 29, 59, 123456000, time.UTC),
		}, i)
	})
	t.Run("the code is not valid for longer than the grant", func(t *testing.T) {
		in := domain.InvitationInput{As: "self", Until: new("2026-11-23T00:00:00Z")}
		i, err := domain.Invite(patient, in, nil, by, at, expires)
		require.NoError(t, err)
		require.Equal(t, i.Until, i.ExpiresAt)
		require.Equal(t, domain.InvitationOpen, i.State(i.Until.Add(-time.Microsecond)))
		require.Equal(t, domain.InvitationExpired, i.State(i.Until))
	})
	for _, in := range []domain.InvitationInput{
		{}, {As: "care"}, {As: "share"}, {As: "self", Until: new("2026-12-01")},
		{As: "colleague", Level: new("keep")}, {As: "self", Level: new("write")}, {As: "colleague", Level: new("")},
		{As: "self", Until: new("2026-11-22T22:29:36.410959Z")},
		{As: "self", Until: new("")},
		{As: "self", Until: new("9999-12-31T23:59:59-01:00")},
	} {
		_, err := domain.Invite(patient, in, nil, by, at, expires)
		require.Equal(t, errs.Invalid, errs.KindOf(err), in)
	}
	t.Run("three failures end it", func(t *testing.T) {
		i := domain.Invitation{ExpiresAt: expires, Failures: 2}
		require.Equal(t, domain.InvitationOpen, i.State(at))
		i.Failures++
		require.Equal(t, domain.InvitationExpired, i.State(at))
	})
	t.Run("an accepted one lasts as long as its grant", func(t *testing.T) {
		i := domain.Invitation{ExpiresAt: at, AcceptedBy: by}
		require.Equal(t, domain.InvitationAccepted, i.State(expires), "without an end")
		i.EndsAt = expires
		require.Equal(t, domain.InvitationAccepted, i.State(expires.Add(-time.Microsecond)))
		require.Equal(t, domain.InvitationExpired, i.State(expires))
	})
	t.Run("a patient has a bounded number of them, and one account", func(t *testing.T) {
		open := domain.Invitation{As: domain.Delegate, Level: patients.Read, ExpiresAt: expires}
		expired := domain.Invitation{As: domain.Delegate, Level: patients.Read, ExpiresAt: at}
		accepted := domain.Invitation{As: domain.Delegate, Level: patients.Read, AcceptedBy: by}
		self := domain.Invitation{As: domain.Self, AcceptedBy: by, EndsAt: expires}
		all := append(slices.Repeat([]domain.Invitation{expired, accepted}, 48), self)
		all = append(all, slices.Repeat([]domain.Invitation{open}, 9)...)
		require.NoError(t, open.CheckBeside(all, at))
		require.ErrorIs(t, open.CheckBeside(append(all, open), at), patients.ErrTooManyInvitations)
		require.ErrorIs(t, open.CheckBeside(append(all, accepted), at), patients.ErrTooManyGrants)
		require.ErrorIs(t, domain.Invitation{As: domain.Self}.CheckBeside(all, at), patients.ErrAlreadyClaimed)
		require.NoError(t, domain.Invitation{As: domain.Self}.CheckBeside([]domain.Invitation{self}, expires))
	})
}

func TestAccept(t *testing.T) {
	at := time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)
	owner, user := uuid.New(), uuid.New()
	date := func(s string) domain.Date {
		d, err := domain.ParseDate(s)
		require.NoError(t, err)
		return d
	}
	accept := func(as domain.Basis, birth, given string, until time.Time, zone *time.Location) (domain.Grant, error) {
		p := domain.Patient{ID: recordid.New[patients.ID](), OwnerID: owner}
		var born domain.Date
		if birth != "" {
			p.Details.BirthDate = date(birth)
		}
		if given != "" {
			born = date(given)
		}
		i := domain.Invitation{ID: recordid.New[domain.InvitationID](), PatientID: p.ID, As: as, Level: patients.Read,
			InvitedBy: owner, Until: until}
		i, err := i.Accept(p, user, born, at, zone)
		grant := i.Grant()
		if err == nil {
			require.Equal(t, domain.Grant{PatientID: p.ID, GranteeID: user, Basis: as, SourceID: i.ID.UUID,
				Level: patients.Read, GrantedBy: owner, GrantedAt: at, ExpiresAt: grant.ExpiresAt}, grant)
		}
		return grant, err
	}
	t.Run("needs the birth date where it is known", func(t *testing.T) {
		for given, want := range map[string]error{
			"1995-04-18": nil, "": patients.ErrNoInvitation, "1995-04-19": patients.ErrNoInvitation,
		} {
			_, err := accept(domain.Self, "1995-04-18", given, time.Time{}, time.UTC)
			require.ErrorIs(t, err, want, given)
		}
		_, err := accept(domain.Self, "", "1995-04-19", time.Time{}, time.UTC)
		require.NoError(t, err, "only the age is known")
	})
	t.Run("grants nothing to the user who keeps the patient", func(t *testing.T) {
		_, err := domain.Invitation{As: domain.Self}.Accept(
			domain.Patient{OwnerID: owner}, owner, domain.Date{}, at, time.UTC)
		require.ErrorIs(t, err, patients.ErrAlreadyKept)
	})
	t.Run("ends of a child of whom only the age is known", func(t *testing.T) {
		p := domain.Patient{OwnerID: owner, Details: domain.Details{Age: 10}}
		i, err := domain.Invitation{As: domain.Delegate}.Accept(p, user, domain.Date{}, at, time.UTC)
		require.NoError(t, err)
		require.Equal(t, at.AddDate(8, 0, 0), i.EndsAt)
		p.Details.Age = 18
		i, err = domain.Invitation{As: domain.Delegate}.Accept(p, user, domain.Date{}, at, time.UTC)
		require.NoError(t, err)
		require.Zero(t, i.EndsAt)
	})
	t.Run("ends follow the birth date", func(t *testing.T) {
		child, younger := domain.Details{BirthDate: date("2016-05-05")}, domain.Details{BirthDate: date("2017-05-05")}
		grown, aged := domain.Details{BirthDate: date("2006-01-01")}, domain.Details{Age: 10}
		on := func(s string) time.Time { d, err := time.Parse(time.DateOnly, s); require.NoError(t, err); return d }
		chosen, birthday := on("2027-01-01"), on("2034-05-05")
		for name, c := range map[string]struct {
			before, after domain.Details
			until, ends   time.Time
			want          time.Time
		}{
			"later":                          {child, younger, time.Time{}, birthday, on("2035-05-05")},
			"earlier":                        {younger, child, time.Time{}, on("2035-05-05"), birthday},
			"a chosen end stays":             {child, younger, chosen, chosen, chosen},
			"a chosen end comes back":        {child, younger, on("2034-12-01"), birthday, on("2034-12-01")},
			"a child is an adult":            {child, grown, chosen, chosen, at},
			"a child of 10 years is grown":   {aged, grown, time.Time{}, at.AddDate(8, 0, 0), at},
			"a child of 10 years is younger": {aged, younger, time.Time{}, at.AddDate(8, 0, 0), on("2035-05-05")},
			"an adult is a child":            {grown, child, time.Time{}, time.Time{}, birthday},
			"an adult stays one":             {grown, domain.Details{Age: 30}, chosen, chosen, chosen},
		} {
			i := domain.Invitation{As: domain.Delegate, AcceptedBy: user, Until: c.until, EndsAt: c.ends}
			require.Equal(t, c.want, i.Aged(c.before, c.after, at, time.UTC).EndsAt, name)
		}
	})
	const newYear, adult = "2027-01-01T00:00:00Z", "2028-05-01T00:00:00Z"
	utc := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		at, err := time.Parse(time.RFC3339, s)
		require.NoError(t, err)
		return at
	}
	for name, c := range map[string]struct {
		as          domain.Basis
		born, until string
		zone, want  string
	}{
		"a delegate of a child":      {domain.Delegate, "2010-05-01", "", "UTC", adult},
		"in the service's zone":      {domain.Delegate, "2010-05-01", "", "Asia/Kolkata", "2028-04-30T18:30:00Z"},
		"born on 29 February":        {domain.Delegate, "2012-02-29", "", "UTC", "2030-03-01T00:00:00Z"},
		"where clocks skip midnight": {domain.Delegate, "2009-03-28", "", "Asia/Beirut", "2027-03-27T22:00:00Z"},
		"an earlier end remains":     {domain.Delegate, "2010-05-01", newYear, "UTC", newYear},
		"a later end does not":       {domain.Delegate, "2010-05-01", "2040-01-01T00:00:00Z", "UTC", adult},
		"18 years old today":         {domain.Delegate, "2008-11-22", "", "UTC", ""},
		"18 years old tomorrow":      {domain.Delegate, "2008-11-23", "", "UTC", "2026-11-23T00:00:00Z"},
		"an adult's delegate":        {domain.Delegate, "1950-01-01", "", "UTC", ""},
		"the child":                  {domain.Self, "2010-05-01", "", "UTC", ""},
		"the patient, with an end":   {domain.Self, "1995-04-18", newYear, "UTC", newYear},
	} {
		t.Run("ends: "+name, func(t *testing.T) {
			zone, err := time.LoadLocation(c.zone)
			require.NoError(t, err)
			grant, err := accept(c.as, c.born, c.born, utc(c.until), zone)
			require.NoError(t, err)
			require.Equal(t, utc(c.want), grant.ExpiresAt)
		})
	}
}
