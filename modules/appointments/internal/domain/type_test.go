package domain_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments/internal/domain"
	"healthcare/platform/errs"
)

var madeAt = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

func validType(t *testing.T, input domain.TypeInput) domain.Type {
	t.Helper()
	kind, err := domain.NewType(input, madeAt)
	require.NoError(t, err)
	return kind
}

func consultation() domain.TypeInput {
	return domain.TypeInput{Name: new("Consultation"), Minutes: new(30)}
}

func TestNewType(t *testing.T) {
	t.Run("has the defaults of the contract", func(t *testing.T) {
		kind := validType(t, domain.TypeInput{Name: new(" Consultation "), Minutes: new(30)})
		require.Equal(t, domain.TypeDetails{
			Name: "Consultation", Minutes: 30, Capacity: 1, Active: true,
		}, kind.TypeDetails)
		require.Equal(t, []time.Time{madeAt, madeAt}, []time.Time{kind.CreatedAt, kind.UpdatedAt})
		require.Equal(t, 1, kind.Version)
	})
	t.Run("keeps given values that equal the zero value", func(t *testing.T) {
		input := consultation()
		input.Active = new(false)
		require.False(t, validType(t, input).Active)
	})
	t.Run("accepts the bounds", func(t *testing.T) {
		input := domain.TypeInput{
			Name: new(strings.Repeat("ä", 100)), Minutes: new(480), BufferBefore: new(120), BufferAfter: new(120),
			Capacity: new(50),
		}
		kind := validType(t, input)
		block := time.Duration(kind.BufferBefore+kind.Minutes+kind.BufferAfter) * time.Minute
		require.LessOrEqual(t, block, domain.MaxBlock, "the schema requires it")
		input.Minutes, input.BufferBefore, input.BufferAfter, input.Capacity = new(5), new(0), new(0), new(1)
		validType(t, input)
	})
	t.Run("names every field that breaks a rule", func(t *testing.T) {
		for _, wrong := range []domain.TypeInput{
			{
				Name: new(" "), Minutes: new(4), BufferBefore: new(-1), BufferAfter: new(121), Capacity: new(0),
			},
			{
				Name: new(strings.Repeat("ä", 101)), Minutes: new(481), BufferBefore: new(121), BufferAfter: new(-1),
				Capacity: new(51),
			},
		} {
			_, err := domain.NewType(wrong, madeAt)
			requireWrong(t, err, "buffer_after", "buffer_before", "capacity", "minutes", "name")
			require.Equal(t, err, wrong.Validate())
		}
	})
}

// requireWrong checks that err names exactly these fields.
func requireWrong(t *testing.T, err error, names ...string) {
	t.Helper()
	require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
	var invalid *errs.Error
	require.ErrorAs(t, err, &invalid)
	require.Len(t, invalid.Fields, len(names), "%v", invalid.Fields)
	for _, name := range names {
		require.Contains(t, invalid.Fields, name)
	}
}

func TestAmendType(t *testing.T) {
	later := madeAt.Add(time.Hour)
	t.Run("changes given fields only", func(t *testing.T) {
		kind := validType(t, consultation())
		before := kind.TypeDetails
		require.NoError(t, kind.Amend(domain.TypeChanges{Minutes: new(45), Active: new(false)}, later))
		require.Equal(t, []string{"minutes", "active"}, before.Differing(kind.TypeDetails))
		require.Equal(t, 2, kind.Version)
		require.Equal(t, later, kind.UpdatedAt)
	})
	t.Run("keeps the version if no value differs", func(t *testing.T) {
		kind := validType(t, consultation())
		before := kind
		require.NoError(t, kind.Amend(domain.TypeChanges{Name: new("Consultation ")}, later))
		require.Equal(t, before, kind)
	})
	t.Run("changes nothing if a field breaks a rule", func(t *testing.T) {
		kind := validType(t, consultation())
		before := kind
		requireWrong(t, kind.Amend(domain.TypeChanges{Name: new("A"), Minutes: new(0)}, later), "minutes")
		require.Equal(t, before, kind)
	})
}

func TestIsShownToPatients(t *testing.T) {
	require.True(t, domain.TypeDetails{Active: true, ForPatients: true}.IsShownToPatients())
	require.False(t, domain.TypeDetails{Active: true}.IsShownToPatients())
	require.False(t, domain.TypeDetails{ForPatients: true}.IsShownToPatients())
}
