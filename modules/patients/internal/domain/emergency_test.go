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
)

func TestEmergency(t *testing.T) {
	at := time.Date(2026, time.November, 22, 22, 29, 36, 0, time.UTC)
	user, officer := uuid.New(), uuid.New()
	in := domain.EmergencyInput{
		Reason: " Unresponsive_patient", Explanation: " Ten chars. ", Minutes: 15, Password: "x",
	}
	opened := func() domain.Emergency {
		e, err := domain.OpenEmergency(in, user, at)
		require.NoError(t, err)
		return e
	}
	t.Run("lasts as long as requested", func(t *testing.T) {
		e := opened()
		require.Equal(t, "unresponsive_patient", e.Reason)
		require.Equal(t, "Ten chars.", e.Explanation)
		require.Equal(t, patients.Reason{Basis: "emergency", Grant: e.ID.UUID, For: user}, e.Access())
		require.True(t, e.IsOpen(at.Add(15*time.Minute-time.Microsecond)))
		require.False(t, e.IsOpen(at.Add(15*time.Minute)))
	})
	t.Run("ends before that", func(t *testing.T) {
		e := opened()
		e.End(at.Add(time.Minute))
		require.False(t, e.IsOpen(at.Add(time.Minute)))
		ended := e
		e.End(at.Add(2 * time.Minute))
		require.Equal(t, ended, e, "once")
		late := opened()
		late.End(late.Until)
		require.Zero(t, late.EndedAt, "it has ended by itself")
	})
	for name, change := range map[string]func(*domain.EmergencyInput){
		"an unknown reason":      func(in *domain.EmergencyInput) { in.Reason = "curiosity" },
		"a short explanation":    func(in *domain.EmergencyInput) { in.Explanation = "Nine char" },
		"a long explanation":     func(in *domain.EmergencyInput) { in.Explanation = strings.Repeat("x", 501) },
		"less than 15 minutes":   func(in *domain.EmergencyInput) { in.Minutes = 14 },
		"more than four hours":   func(in *domain.EmergencyInput) { in.Minutes = 241 },
		"an empty password":      func(in *domain.EmergencyInput) { in.Password = " " },
		"a missing number (0)":   func(in *domain.EmergencyInput) { in.Minutes = 0 },
		"a negative number":      func(in *domain.EmergencyInput) { in.Minutes = -15 },
		"a blank explanation":    func(in *domain.EmergencyInput) { in.Explanation = strings.Repeat(" ", 20) },
		"a reason of some words": func(in *domain.EmergencyInput) { in.Reason = "unresponsive patient" },
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			wrong := in
			change(&wrong)
			_, err := domain.OpenEmergency(wrong, user, at)
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		})
	}
	t.Run("is reviewed once, by another user", func(t *testing.T) {
		e := opened()
		require.ErrorIs(t, e.Review(domain.Review{Verdict: "justified"}, user, at), patients.ErrOwnEmergency)
		require.NoError(t, e.Review(domain.Review{Verdict: " Unclear", Note: " n "}, officer, at))
		require.Equal(t, domain.Unclear, e.Verdict)
		require.Equal(t, "n", e.Note)
		require.Equal(t, officer, e.ReviewedBy)
		require.ErrorIs(t, e.Review(domain.Review{Verdict: "justified"}, officer, at), patients.ErrAlreadyReviewed)
	})
	for review, valid := range map[domain.Review]bool{
		{Verdict: "justified"}: true, {Verdict: "unjustified"}: false, {Verdict: "unclear", Note: " "}: false,
		{Verdict: "unjustified", Note: "n"}: true, {}: false, {Verdict: "fine", Note: "n"}: false,
		{Verdict: "justified", Note: strings.Repeat("x", 1001)}: false,
	} {
		require.Equal(t, valid, review.Validate() == nil, review)
	}
}

func TestRestrict(t *testing.T) {
	doctor, user, by := uuid.New(), uuid.New(), uuid.New()
	at := time.Date(2026, time.November, 22, 22, 29, 36, 0, time.UTC)
	for _, none := range [][2]*uuid.UUID{{nil, nil}, {&doctor, &user}} {
		_, err := domain.Restrict(patients.ID{}, none[0], none[1], by, at)
		require.Equal(t, errs.Invalid, errs.KindOf(err))
	}
	r, err := domain.Restrict(patients.ID{}, &doctor, nil, by, at)
	require.NoError(t, err)
	require.Equal(t, domain.Restriction{PartyID: doctor, Kind: domain.ForDoctor, SaidBy: by, CreatedAt: at}, r)
	r, err = domain.Restrict(patients.ID{}, nil, &user, by, at)
	require.NoError(t, err)
	require.Equal(t, domain.Restriction{PartyID: user, Kind: domain.ForUser, SaidBy: by, CreatedAt: at}, r)
}
