package domain

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
)

// Cause is one of the reasons for which a user sees a patient.
type Cause struct {
	Reason patients.Reason
	Level  patients.Level
	Since  time.Time
	Until  time.Time // exclusive; zero: no end
	By     uuid.UUID // who granted it; zero: nobody
}

// Bar is a reason for which a user does not see a patient, whatever was granted.
type Bar struct {
	Kind  string    // restriction, role, or disabled
	Party uuid.UUID // of a restriction
	By    uuid.UUID // of a restriction
	Since time.Time // of a restriction
}

// Viewer is a user with the reasons for which the user sees a patient, or does not.
type Viewer struct {
	User     uuid.UUID
	Name     string // "": the account does not exist
	Sees     patients.Level
	Because  []Cause // that count, the highest level first
	BarredBy []Bar
	Related  bool // there is a cause, even if it does not count, or a restriction
}

// Account is what an explanation needs of a user's account. The zero Account does not exist.
type Account struct {
	Name     string
	Role     string
	Reads    bool // the role may read patients
	Disabled bool
}

// Exists reports whether there is such an account.
func (a Account) Exists() bool { return a.Role != "" }

// Known is all that decides who sees a patient.
type Known struct {
	Owner        uuid.UUID
	Since        time.Time // when the patient was registered
	Grants       []Grant   // that have not ended
	Restrictions []Restriction
	Emergencies  []Emergency // that are open
}

// Acting is the capacity of a user who acts for a party.
type Acting struct {
	Party  uuid.UUID
	Deputy bool           // of the party, which is a colleague
	Level  patients.Level // the most that the user may do; "": not limited
	Since  time.Time
	Until  time.Time // zero: no end
}

// Explain returns why the user sees the patient and why not. acts has the capacities of the user that concern the
// owner, a grantee, or a party of a restriction.
func (k Known) Explain(user uuid.UUID, account Account, acts []Acting) Viewer {
	viewer := Viewer{User: user, Name: account.Name}
	if account.Exists() && !account.Reads {
		viewer.BarredBy = append(viewer.BarredBy, Bar{Kind: "role"})
	}
	if account.Disabled {
		viewer.BarredBy = append(viewer.BarredBy, Bar{Kind: "disabled"})
	}
	barred := len(viewer.BarredBy) > 0 || !account.Exists()
	restricted := k.restrictionsOf(user, acts)
	if user == k.Owner {
		restricted = nil
		viewer.Because = []Cause{{Reason: patients.Owned, Level: patients.Keep, Since: k.Since}}
	}
	viewer.BarredBy = append(viewer.BarredBy, restricted...)
	if restricted == nil && user != k.Owner {
		viewer.Because = k.shared(acts)
	}
	for _, e := range k.Emergencies {
		if e.UserID == user && user != k.Owner {
			viewer.Because = append(viewer.Because, Cause{
				Reason: e.Access(), Level: patients.Read, Since: e.OpenedAt, Until: e.Until, By: user,
			})
		}
	}
	slices.SortStableFunc(viewer.Because, func(a, b Cause) int {
		return cmp.Or(len(a.Level.AndAbove())-len(b.Level.AndAbove()), a.Since.Compare(b.Since))
	})
	viewer.Related = viewer.Because != nil || restricted != nil
	if barred {
		viewer.Because = nil
	}
	if len(viewer.Because) > 0 {
		if viewer.Sees = viewer.Because[0].Level; account.Role == string(patients.Role) {
			viewer.Sees = patients.Read // the role changes nothing
		}
	}
	return viewer
}

// restrictionsOf returns the restrictions of the user in all capacities.
func (k Known) restrictionsOf(user uuid.UUID, acts []Acting) (bars []Bar) {
	for _, r := range k.Restrictions {
		acting := slices.ContainsFunc(acts, func(a Acting) bool { return a.Party == r.PartyID })
		if r.PartyID == user || acting {
			bars = append(bars, Bar{Kind: "restriction", Party: r.PartyID, By: r.SaidBy, Since: r.CreatedAt})
		}
	}
	return bars
}

// shared returns the causes for which a user with the capacities sees the patient of another.
func (k Known) shared(acts []Acting) (causes []Cause) {
	for _, a := range acts {
		if a.Deputy {
			if a.Party == k.Owner {
				causes = append(causes, Cause{
					Reason: patients.Reason{Basis: "deputy", For: a.Party}, Level: a.Level, By: a.Party,
					Since: a.Since, Until: a.Until,
				})
			}
			continue
		}
		for _, g := range k.Grants {
			if g.GranteeID != a.Party {
				continue
			}
			level := g.Level
			if level.Includes(a.Level) {
				level = a.Level
			}
			since := g.GrantedAt
			if a.Since.After(since) {
				since = a.Since
			}
			until := g.ExpiresAt
			if !a.Until.IsZero() {
				until = earlier(until, a.Until)
			}
			causes = append(causes, Cause{
				Reason: g.Reason(), Level: level, Since: since, Until: until, By: g.GrantedBy,
			})
		}
	}
	return causes
}
