package app

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/tx"
)

// Sync compares the grants to doctors and the care teams with the assignments, and mends them. They differ after an
// upgrade, and if an earlier release that does not know them made or ended an assignment.
type Sync struct {
	*Care
	assignments assignments.Directory
	tx          tx.Runner
}

// NewSync returns Sync.
func NewSync(care *Care, directory assignments.Directory, runner tx.Runner) *Sync {
	return &Sync{care, directory, runner}
}

// Difference is an assignment of which a grant or a care team differs. It names no patient.
type Difference struct {
	Assignment assignments.ID
	Text       string // such as "the grant is missing"
}

// comparedAtOnce is the number of assignments that one transaction compares.
const comparedAtOnce = 1000

// Run compares everything, page by page, and calls found with each difference, after it was mended if mend is set.
// compared is called after each page with the number of assignments compared so far. Errors: the store's.
func (s *Sync) Run(ctx context.Context, mend bool, compared func(int), found func(Difference)) error {
	var after assignments.ID
	for total := 0; ; {
		var differing []Difference
		var page []assignments.Link
		err := s.tx.Do(ctx, func(ctx context.Context) (err error) {
			page, differing, err = s.page(ctx, after, mend)
			return err
		})
		if err != nil {
			return err
		}
		for _, d := range differing {
			found(d)
		}
		total += len(page)
		compared(total)
		if len(page) < comparedAtOnce {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

// Fill is Run on an installation in which nothing was recorded yet, such as after an upgrade; otherwise it does
// nothing. The filter of lists by doctor is incomplete until then. Errors: the store's.
func (s *Sync) Fill(ctx context.Context) error {
	empty, err := s.teams.Empty(ctx)
	if err != nil || !empty {
		return err
	}
	return s.Run(ctx, true, func(int) {}, func(Difference) {})
}

// page compares the assignments after an id and mends what differs. The assignments are locked before the rest is read,
// so that none of them ends meanwhile; those made meanwhile are read again before a surplus row counts as one.
func (s *Sync) page(
	ctx context.Context, after assignments.ID, mend bool,
) (page []assignments.Link, differing []Difference, err error) {
	if page, err = s.assignments.Page(ctx, after, comparedAtOnce); err != nil {
		return nil, nil, err
	}
	var last assignments.ID
	if len(page) == comparedAtOnce {
		last = page[len(page)-1].ID
	}
	recorded, err := s.recorded(ctx, after, last)
	if err != nil {
		return nil, nil, err
	}
	surplus := map[assignments.ID]bool{}
	for id := range recorded {
		surplus[id] = true
	}
	var missing []assignments.Link
	for _, link := range page {
		delete(surplus, link.ID)
		if text := recorded[link.ID].differs(link); text != "" {
			missing = append(missing, link)
			differing = append(differing, Difference{link.ID, text})
		}
	}
	if len(surplus) > 0 {
		again, err := s.assignments.Page(ctx, after, comparedAtOnce+len(surplus))
		if err != nil {
			return nil, nil, err
		}
		for _, link := range again {
			delete(surplus, link.ID)
		}
	}
	var ended []assignments.ID
	for id := range surplus {
		ended = append(ended, id)
		differing = append(differing, Difference{id, "the assignment has ended"})
	}
	if mend {
		err = s.mend(ctx, missing, ended)
	}
	return page, differing, err
}

// record is what is stored of an assignment.
type record struct {
	team   assignments.Link
	grants []domain.Grant
}

// recorded returns what is stored of the assignments of a range.
func (s *Sync) recorded(ctx context.Context, after, last assignments.ID) (map[assignments.ID]record, error) {
	all := map[assignments.ID]record{}
	teams, err := s.teams.Range(ctx, after, last)
	if err != nil {
		return nil, err
	}
	for _, team := range teams {
		all[team.ID] = record{team: team}
	}
	grants, err := s.grants.Range(ctx, domain.Care, after.UUID, last.UUID)
	for _, grant := range grants {
		id := assignments.ID{UUID: grant.SourceID}
		r := all[id]
		r.grants = append(r.grants, grant)
		all[id] = r
	}
	return all, err
}

// differs returns how the record differs from the assignment, or "".
func (r record) differs(link assignments.Link) string {
	if r.team.Patient != link.Patient || r.team.Doctor != link.Doctor {
		return "the care team lacks it"
	}
	if link.Access == assignments.None {
		if len(r.grants) > 0 {
			return "it grants nothing, but there is a grant"
		}
		return ""
	}
	if len(r.grants) == 0 {
		return "the grant is missing"
	}
	wanted := grantOf(link, uuid.Nil, r.grants[0].GrantedAt)
	for _, got := range r.grants {
		got.GrantedBy, got.GrantedAt = wanted.GrantedBy, wanted.GrantedAt
		if got != wanted {
			return "the grant has another level, patient or doctor"
		}
	}
	return ""
}

// mend replaces what is stored of the assignments that differ, and removes that of those that ended.
func (s *Sync) mend(ctx context.Context, differing []assignments.Link, ended []assignments.ID) error {
	if len(differing) == 0 && len(ended) == 0 {
		return nil
	}
	ids := ended
	for _, link := range differing {
		ids = append(ids, link.ID)
	}
	if err := s.end(ctx, ids); err != nil {
		return err
	}
	for _, link := range differing {
		if link.Access == assignments.None {
			continue
		}
		// The assignment does not have the user who granted it.
		if err := s.grants.Put(ctx, grantOf(link, uuid.Nil, s.clock.Now())); err != nil {
			return err
		}
	}
	return s.teams.Put(ctx, differing)
}
