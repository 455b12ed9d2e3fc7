// Package patientstest has an in-memory Directory for tests of other modules, and the tests that every Directory must
// pass.
package patientstest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/platform/auth"
)

// Directory is a patients.Directory in memory. The zero Directory is empty. It is safe for concurrent use.
type Directory struct {
	mu      sync.Mutex
	records map[patients.ID]entry
}

type entry struct {
	owner   uuid.UUID
	patient patients.Patient
	grants  map[uuid.UUID]grant // by grantee
	hidden  map[uuid.UUID]bool  // by party
}

// grant is the access of a party, which ends at a time; zero: no end.
type grant struct {
	basis string
	level patients.Level
	until time.Time
}

func (g grant) live(at time.Time) bool {
	return g.basis != "" && (g.until.IsZero() || at.Before(g.until))
}

// reason returns why the patient is in the scope, or the zero Reason.
func (e entry) reason(scope patients.Scope) (reason patients.Reason) {
	if e.owner == scope.Owner() {
		return patients.Owned
	}
	if e.hiddenFrom(scope.Parties()) {
		return reason
	}
	grantees, levels, at := scope.Grants()
	for _, grantee := range grantees {
		if g := e.grants[grantee]; g.live(at) && slices.Contains(levels, g.level) {
			return patients.Reason{Basis: g.basis, For: grantee}
		}
	}
	if slices.Contains(scope.Colleagues(), e.owner) {
		return patients.Reason{Basis: "deputy", For: e.owner}
	}
	return reason
}

func (e entry) hiddenFrom(parties []uuid.UUID) bool {
	return slices.ContainsFunc(parties, func(party uuid.UUID) bool { return e.hidden[party] })
}

var _ patients.Directory = (*Directory)(nil)

// Add adds a patient of the owner.
func (d *Directory) Add(owner uuid.UUID, patient patients.Patient) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.records == nil {
		d.records = map[patients.ID]entry{}
	}
	patient.Owner, patient.Reason = owner, patients.Owned
	d.records[patient.ID] = entry{owner, patient, map[uuid.UUID]grant{}, map[uuid.UUID]bool{}}
}

// Represent lets the user represent a patient before that time; the zero time is no end.
func (d *Directory) Represent(user uuid.UUID, patient patients.ID, until time.Time) {
	d.grant(user, patient, grant{"self", patients.Read, until})
}

// Share grants a patient to a party at the level, on the basis of an assignment or of the consent of the owner: "care",
// "practice", "share" or "delegate". It replaces the grant that the party has.
func (d *Directory) Share(party uuid.UUID, patient patients.ID, basis string, level patients.Level) {
	d.grant(party, patient, grant{basis: basis, level: level})
}

func (d *Directory) grant(party uuid.UUID, patient patients.ID, given grant) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[patient].grants[party] = given
}

// Restrict hides a patient from a user or a doctor.
func (d *Directory) Restrict(party uuid.UUID, patient patients.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[patient].hidden[party] = true
}

// Exceptions implements patients.Directory.
func (d *Directory) Exceptions(
	_ context.Context, who auth.Principal, at time.Time,
) (differing patients.Exceptions, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	scope := patients.VisibleTo(who, at)
	for id, e := range d.records {
		if e.owner == who.UserID || !scope.Shared() {
			continue
		}
		of, hidden := e.grants[who.UserID], e.hiddenFrom(scope.Parties())
		represents := of.live(at) && (of.basis == "self" || of.basis == "delegate") && who.ActsFor(who.UserID)
		e.hidden = nil
		switch {
		case hidden && e.reason(scope) != patients.Reason{}:
			differing.Restricted = append(differing.Restricted, id)
		case represents && !hidden:
			differing.Represented = append(differing.Represented, id)
		}
	}
	return differing, nil
}

// Remove removes the patient.
func (d *Directory) Remove(id patients.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.records, id)
}

// Find implements patients.Directory.
func (d *Directory) Find(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	found, err := d.FindAll(ctx, scope, []patients.ID{id})
	if patient, ok := found[id]; ok || err != nil {
		return patient, err
	}
	return patients.Patient{}, patients.ErrNotFound
}

// Hold implements patients.Directory. It locks nothing.
func (d *Directory) Hold(ctx context.Context, scope patients.Scope, id patients.ID) (patients.Patient, error) {
	return d.Find(ctx, scope, id)
}

// FindAll implements patients.Directory.
func (d *Directory) FindAll(
	_ context.Context, scope patients.Scope, ids []patients.ID,
) (map[patients.ID]patients.Patient, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := map[patients.ID]patients.Patient{}
	for _, id := range ids {
		e, exists := d.records[id]
		if e.patient.Reason = e.reason(scope); exists && e.patient.Reason != (patients.Reason{}) {
			found[id] = e.patient
		}
	}
	return found, nil
}
