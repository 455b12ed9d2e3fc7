package domain_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/recordid"
)

func TestExplain(t *testing.T) {
	at := time.Date(2026, time.November, 22, 22, 29, 36, 0, time.UTC)
	later, end := at.Add(time.Hour), at.Add(time.Hour*24)
	owner, user, doctor, practice := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	care := domain.Grant{
		GranteeID: doctor, Basis: domain.Care, SourceID: uuid.New(), Level: patients.Read, GrantedBy: owner,
		GrantedAt: at,
	}
	shared := domain.Grant{
		GranteeID: practice, Basis: domain.Practice, SourceID: practice, Level: patients.Keep, GrantedBy: owner,
		GrantedAt: at, ExpiresAt: end,
	}
	emergency := domain.Emergency{ID: recordid.New[domain.EmergencyID](), UserID: user, OpenedAt: at, Until: end}
	asDoctor := domain.Acting{Party: doctor, Since: later}
	member := domain.Acting{Party: practice, Level: patients.Write, Since: at.Add(-time.Hour), Until: later}
	deputy := domain.Acting{Party: owner, Deputy: true, Level: patients.Read, Since: later, Until: end}
	known := domain.Known{Owner: owner, Since: at, Grants: []domain.Grant{care, shared}}
	hidden := known
	hidden.Restrictions = []domain.Restriction{
		{PartyID: doctor, Kind: domain.ForDoctor, SaidBy: owner, CreatedAt: later},
	}
	rescued := hidden
	rescued.Emergencies = []domain.Emergency{emergency}
	staff := domain.Account{Name: "N", Role: "staff", Reads: true}
	patient := domain.Account{Role: "patient", Reads: true}
	disabled := domain.Account{Role: "staff", Reads: true, Disabled: true}
	bar := domain.Bar{Kind: "restriction", Party: doctor, By: owner, Since: later}
	ofCare := domain.Cause{Reason: care.Reason(), Level: patients.Read, Since: later, By: owner}
	ofPractice := domain.Cause{Reason: shared.Reason(), Level: patients.Write, Since: at, Until: later, By: owner}
	for name, c := range map[string]struct {
		known   domain.Known
		user    uuid.UUID
		account domain.Account
		acts    []domain.Acting
		want    domain.Viewer
	}{
		"the owner": {hidden, owner, staff, []domain.Acting{asDoctor}, domain.Viewer{
			User: owner, Name: "N", Sees: patients.Keep,
			Because: []domain.Cause{{Reason: patients.Owned, Level: patients.Keep, Since: at}},
		}},
		"a stranger": {known, user, staff, nil, domain.Viewer{User: user, Name: "N"}},
		"several capacities": {known, user, staff, []domain.Acting{asDoctor, member}, domain.Viewer{
			User: user, Name: "N", Sees: patients.Write, Because: []domain.Cause{ofPractice, ofCare},
		}},
		"a deputy": {known, user, staff, []domain.Acting{deputy}, domain.Viewer{
			User: user, Name: "N", Sees: patients.Read, Because: []domain.Cause{{
				Reason: patients.Reason{Basis: "deputy", For: owner}, Level: patients.Read, By: owner,
				Since: later, Until: end,
			}},
		}},
		"a deputy of another": {known, user, staff, []domain.Acting{{Party: user, Deputy: true, Level: patients.Read}},
			domain.Viewer{User: user, Name: "N"}},
		"one capacity is restricted": {hidden, user, staff, []domain.Acting{asDoctor, member}, domain.Viewer{
			User: user, Name: "N", BarredBy: []domain.Bar{bar},
		}},
		"an emergency despite a restriction": {rescued, user, staff, []domain.Acting{asDoctor}, domain.Viewer{
			User: user, Name: "N", Sees: patients.Read, BarredBy: []domain.Bar{bar}, Because: []domain.Cause{{
				Reason: emergency.Access(), Level: patients.Read, Since: at, Until: end, By: user,
			}},
		}},
		"the role patient changes nothing": {known, user, patient, []domain.Acting{member}, domain.Viewer{
			User: user, Sees: patients.Read, Because: []domain.Cause{ofPractice},
		}},
		"a role that reads nothing": {known, owner, domain.Account{Role: "auditor"}, nil, domain.Viewer{
			User: owner, BarredBy: []domain.Bar{{Kind: "role"}},
		}},
		"a disabled account": {known, owner, disabled, nil, domain.Viewer{
			User: owner, BarredBy: []domain.Bar{{Kind: "disabled"}},
		}},
		"no account":     {known, owner, domain.Account{}, nil, domain.Viewer{User: owner}},
		"no such record": {domain.Known{}, user, staff, nil, domain.Viewer{User: user, Name: "N"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.known.Explain(c.user, c.account, c.acts)
			unrelated := []string{"a stranger", "a deputy of another", "no such record"}
			require.Equal(t, !slices.Contains(unrelated, name), got.Related)
			got.Related = false
			require.Equal(t, c.want, got)
		})
	}
}
