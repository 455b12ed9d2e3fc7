package domain_test

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
)

// The hashes were computed independently in Python. If a term changes, existing indexes no longer find its segments.
func TestBytesOfTerms(t *testing.T) {
	patient, actor := numberedID(2), numberedID(3)
	const (
		ofPatient     = "70" + "0193525f000070008000000000000002"
		ofActor       = "61" + "0193525f000070008000000000000003"
		ofAction      = "63" + "3316348dbadfb7b11c7c2ea235949419" // SHA-256 of "read"
		ofActorAction = "62" + "98b6f56ee6330150a77715a9b202c284" // SHA-256 of the actor and "read"
	)
	for want, f := range map[string]domain.Filter{
		ofPatient:     {Patient: &patient, Actor: &actor, Action: "read"},
		ofActor:       {Actor: &actor},
		ofAction:      {Action: "read"},
		ofActorAction: {Actor: &actor, Action: "read"},
	} {
		term, ok := f.Term()
		require.True(t, ok)
		require.Equal(t, want, hex.EncodeToString(term[:]))
	}
	require.Equal(t, "7a00000000000000000000000000000000", hex.EncodeToString(domain.BlockTerm[:]))

	entry := domain.Entry{Action: "read", ActorID: actor, PatientID: patient}
	terms := domain.TermsOf([]domain.Record{
		{Batch: &domain.Batch{Entries: []domain.Entry{entry, entry}}}, {Aside: new(domain.Aside)},
		{Batch: &domain.Batch{Entries: []domain.Entry{{Action: "read"}}}},
	})
	var found []string
	for _, term := range terms {
		found = append(found, hex.EncodeToString(term[:]))
		require.True(t, domain.HasTerm(terms, term))
	}
	require.Equal(t, []string{ofActor, ofActorAction, ofAction, ofPatient}, found, "each once, ordered")
	require.False(t, domain.HasTerm(terms, domain.BlockTerm))
}

func TestBytesOfAnIndexRow(t *testing.T) {
	var index domain.BlockIndex
	for _, segment := range []int64{5, 7, 9, 209} {
		index.Add(segment, nil)
	}
	want := domain.IndexRow{Term: domain.BlockTerm, Block: 210, Segments: []byte{1, 0xc8, 1, 2, 2}}
	require.Equal(t, []domain.IndexRow{want}, slices.Collect(index.Rows(210)))
	numbers, ok := want.Numbers()
	require.True(t, ok)
	require.Equal(t, []int64{209, 9, 7, 5}, numbers)
}

func TestPatientsOfAnEntry(t *testing.T) {
	a, b, c := numberedID(1), numberedID(2), numberedID(3)
	for name, one := range map[string]struct {
		e    domain.Entry
		want []uuid.UUID
	}{
		"none":               {domain.Entry{ResourceType: "Patient"}, nil},
		"a patient":          {domain.Entry{PatientID: a, ResourceType: "Assignment"}, []uuid.UUID{a}},
		"patients of a list": {domain.Entry{ResourceType: "Patient", IDs: []uuid.UUID{b, c}}, []uuid.UUID{b, c}},
		"a list with zero ids": {
			domain.Entry{ResourceType: "Patient", IDs: []uuid.UUID{{}, b, {}, c}}, []uuid.UUID{b, c}},
		"both": {
			domain.Entry{PatientID: a, ResourceType: "Patient", IDs: []uuid.UUID{b}}, []uuid.UUID{a, b}},
		"other resources": {domain.Entry{ResourceType: "Doctor", IDs: []uuid.UUID{b}}, nil},
		"other resources of a patient": {
			domain.Entry{PatientID: a, ResourceType: "Assignment", IDs: []uuid.UUID{b}}, []uuid.UUID{a}},
	} {
		require.Equal(t, one.want, slices.Collect(one.e.NamedPatients()), name)
		for _, id := range []uuid.UUID{a, b, c, {}} {
			found := domain.Filter{Patient: &id}.Matches(one.e)
			require.Equal(t, slices.Contains(one.want, id), found, "%s: %v", name, id)
		}
		for patient := range one.e.NamedPatients() {
			require.Equal(t, one.want[0], patient, name)
			break // a loop may end at any patient
		}
	}
}
