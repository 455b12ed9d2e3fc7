package app

import (
	"context"

	"github.com/google/uuid"

	"healthcare/modules/assignments"
	"healthcare/modules/patients/internal/domain"
	"healthcare/modules/patients/internal/ports"
	"healthcare/platform/audit"
	"healthcare/platform/auth"
	"healthcare/platform/tx"
)

// Sync compares the grants with their sources, which are the assignments and the accepted invitations, and the care
// teams with the assignments, and mends them. They differ after an upgrade, and if an earlier release that does not
// know them made or ended an assignment.
type Sync struct {
	*Care
	assignments assignments.Directory
	invitations ports.Invitations
	tx          tx.Runner
}

// NewSync returns Sync.
func NewSync(
	care *Care, directory assignments.Directory, invitations ports.Invitations, runner tx.Runner,
) *Sync {
	return &Sync{care, directory, invitations, runner}
}

// Difference is a source whose grant or care team differs. It names no patient.
type Difference struct {
	Kind string    // assignment or invitation
	ID   uuid.UUID // of the source
	Text string    // such as "the grant is missing"
}

// source is a record that may grant something.
type source struct {
	id    uuid.UUID
	grant *domain.Grant     // nil: it grants nothing
	link  *assignments.Link // of an assignment
}

// pass is the comparison of the sources of one kind.
type pass struct {
	kind  string
	bases []domain.Basis
	teams bool // the sources are the members of the care teams as well
	// page returns up to limit sources after the id, in the order of their ids. They are locked against changes and
	// removal until the transaction in ctx ends.
	page func(ctx context.Context, after uuid.UUID, limit int) ([]source, error)
}

func (s *Sync) passes() []pass {
	return []pass{
		{"assignment", ofCare, true, s.assigned},
		{"invitation", []domain.Basis{domain.Self, domain.Delegate, domain.Share}, false, s.accepted},
	}
}

func (s *Sync) assigned(ctx context.Context, after uuid.UUID, limit int) ([]source, error) {
	page, err := s.assignments.Page(ctx, assignments.ID{UUID: after}, limit)
	all := make([]source, len(page))
	for i, link := range page {
		all[i] = source{id: link.ID.UUID, link: &page[i]}
		if link.Access != assignments.None {
			// The assignment does not have the user who granted it.
			all[i].grant = new(grantOf(link, uuid.Nil, s.clock.Now()))
		}
	}
	return all, err
}

func (s *Sync) accepted(ctx context.Context, after uuid.UUID, limit int) ([]source, error) {
	page, err := s.invitations.Accepted(ctx, domain.InvitationID{UUID: after}, limit)
	all := make([]source, len(page))
	for i, invitation := range page {
		all[i] = source{id: invitation.ID.UUID, grant: new(invitation.Grant())}
	}
	return all, err
}

// comparedAtOnce is the number of sources that one transaction compares.
const comparedAtOnce = 1000

// Run compares everything, page by page, and calls found with each difference, after it was mended for the user by, if
// mend is set. compared is called after each page with the number of sources compared so far. Errors: the store's.
func (s *Sync) Run(
	ctx context.Context, by auth.Principal, mend bool, compared func(int), found func(Difference),
) error {
	total := 0
	for _, p := range s.passes() {
		var after uuid.UUID
		for more := true; more; {
			var differing []Difference
			var page []source
			err := s.tx.Do(ctx, func(ctx context.Context) (err error) {
				page, differing, err = s.compare(ctx, p, after, by, mend)
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
			if more = len(page) == comparedAtOnce; more {
				after = page[len(page)-1].id
			}
		}
	}
	return nil
}

// expiredAtOnce is the number of expired grants that one transaction removes.
const expiredAtOnce = 500

// Expire removes grants that have expired, with their invitations, and records their ends. No access waits for it.
// Errors: the store's.
func (s *Sync) Expire(ctx context.Context) error {
	for more := true; more; {
		err := s.tx.Do(ctx, func(ctx context.Context) error {
			ended, err := s.grants.RemoveExpired(ctx, s.clock.Steady(), expiredAtOnce)
			if err != nil {
				return err
			}
			more = len(ended) == expiredAtOnce
			if err := s.invitations.RemoveAccepted(ctx, sourcesOf(ended)); err != nil {
				return err
			}
			return s.record(ctx, auth.Principal{}, grantEntries(audit.Withdrawn, ended...))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sourcesOf returns the sources of grants.
func sourcesOf(grants []domain.Grant) []uuid.UUID {
	return audit.IDs(grants, func(g domain.Grant) uuid.UUID { return g.SourceID })
}

// Fill is Run on an installation in which nothing was recorded yet, such as after an upgrade; otherwise it does
// nothing. The filter of lists by doctor is incomplete until then. Errors: the store's.
func (s *Sync) Fill(ctx context.Context) error {
	empty, err := s.teams.Empty(ctx)
	if err != nil || !empty {
		return err
	}
	return s.Run(ctx, auth.Principal{}, true, func(int) {}, func(Difference) {})
}

// compare compares the sources after an id and mends what differs. The sources are locked before the rest is read, so
// that none of them ends meanwhile; those made meanwhile are read again before a surplus row counts as one.
func (s *Sync) compare(
	ctx context.Context, p pass, after uuid.UUID, by auth.Principal, mend bool,
) (page []source, differing []Difference, err error) {
	if page, err = p.page(ctx, after, comparedAtOnce); err != nil {
		return nil, nil, err
	}
	var last uuid.UUID
	if len(page) == comparedAtOnce {
		last = page[len(page)-1].id
	}
	recorded, err := s.recorded(ctx, p, after, last)
	if err != nil {
		return nil, nil, err
	}
	var wrong []source
	for _, src := range page {
		if text := recorded[src.id].differs(src); text != "" {
			wrong = append(wrong, src)
			differing = append(differing, Difference{p.kind, src.id, text})
		}
	}
	ended, err := s.ended(ctx, p, after, page, recorded)
	for _, id := range ended {
		differing = append(differing, Difference{p.kind, id, "it has ended or never existed"})
	}
	if err == nil && mend {
		err = s.mend(ctx, p, by, wrong, ended, recorded)
	}
	return page, differing, err
}

// ended returns the recorded ids that are none of a source.
func (s *Sync) ended(
	ctx context.Context, p pass, after uuid.UUID, page []source, recorded map[uuid.UUID]record,
) (ids []uuid.UUID, err error) {
	surplus := map[uuid.UUID]bool{}
	for id := range recorded {
		surplus[id] = true
	}
	for _, src := range page {
		delete(surplus, src.id)
	}
	if len(surplus) == 0 {
		return nil, nil
	}
	again, err := p.page(ctx, after, comparedAtOnce+len(surplus))
	for _, src := range again {
		delete(surplus, src.id)
	}
	for id := range surplus {
		ids = append(ids, id)
	}
	return ids, err
}

// record is what is stored of a source.
type record struct {
	team   assignments.Link
	grants []ports.StoredGrant
}

// recorded returns what is stored of the sources of a range.
func (s *Sync) recorded(ctx context.Context, p pass, after, last uuid.UUID) (map[uuid.UUID]record, error) {
	all := map[uuid.UUID]record{}
	if p.teams {
		teams, err := s.teams.Range(ctx, assignments.ID{UUID: after}, assignments.ID{UUID: last})
		if err != nil {
			return nil, err
		}
		for _, team := range teams {
			all[team.ID.UUID] = record{team: team}
		}
	}
	grants, err := s.grants.Range(ctx, p.bases, after, last)
	for _, grant := range grants {
		r := all[grant.SourceID]
		r.grants = append(r.grants, grant)
		all[grant.SourceID] = r
	}
	return all, err
}

// differs returns how the record differs from the source, or "".
func (r record) differs(src source) string {
	if src.link != nil && (r.team.Patient != src.link.Patient || r.team.Doctor != src.link.Doctor) {
		return "the care team lacks it"
	}
	if src.grant == nil {
		if len(r.grants) > 0 {
			return "it grants nothing, but there is a grant"
		}
		return ""
	}
	if len(r.grants) == 0 {
		return "the grant is missing"
	}
	for _, got := range r.grants {
		if !r.same(got.Grant, *src.grant) {
			return "the grant has another patient, grantee, level or end"
		}
		if got.Outdated {
			return "the grant has an earlier name or time of the patient"
		}
	}
	return ""
}

// same reports whether two grants of a source are equal, but for the user who granted it and the time, which
// assignments do not have.
func (record) same(a, b domain.Grant) bool {
	b.GrantedBy, b.GrantedAt = a.GrantedBy, a.GrantedAt
	return a == b
}

// mend replaces what is stored of the sources that differ, and removes that of those that ended. It records the grants
// that begin and end thereby.
func (s *Sync) mend(
	ctx context.Context, p pass, by auth.Principal, wrong []source, ended []uuid.UUID, recorded map[uuid.UUID]record,
) error {
	ids := ended
	var links []assignments.Link
	var granted, kept []domain.Grant
	for _, src := range wrong {
		ids = append(ids, src.id)
		if src.link != nil {
			links = append(links, *src.link)
		}
		if src.grant == nil {
			continue
		}
		wanted := *src.grant
		if before := recorded[src.id].grants; len(before) == 1 && recorded[src.id].same(before[0].Grant, wanted) {
			kept = append(kept, before[0].Grant)
		} else {
			granted = append(granted, wanted)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := s.endAll(ctx, p, by, ids, kept); err != nil {
		return err
	}
	if p.teams {
		if err := s.replaceTeams(ctx, ids, links); err != nil {
			return err
		}
	}
	for _, grant := range kept {
		if err := s.grants.Put(ctx, grant); err != nil {
			return err
		}
	}
	return s.grant(ctx, by, granted...)
}

// replaceTeams removes the assignments with the ids from the care teams and stores links.
func (s *Sync) replaceTeams(ctx context.Context, ids []uuid.UUID, links []assignments.Link) error {
	removed := make([]assignments.ID, len(ids))
	for i, id := range ids {
		removed[i] = assignments.ID{UUID: id}
	}
	if err := s.teams.Remove(ctx, removed); err != nil {
		return err
	}
	return s.teams.Put(ctx, links)
}

// endAll removes the grants of sources, and records the ends of those that are not stored again.
func (s *Sync) endAll(
	ctx context.Context, p pass, by auth.Principal, ids []uuid.UUID, kept []domain.Grant,
) error {
	removed, err := s.grants.RemoveBySources(ctx, p.bases, ids)
	if err != nil {
		return err
	}
	again := map[uuid.UUID]bool{}
	for _, grant := range kept {
		again[grant.SourceID] = true
	}
	var ended []domain.Grant
	for _, grant := range removed {
		if !again[grant.SourceID] {
			ended = append(ended, grant)
		}
	}
	return s.record(ctx, by, grantEntries(audit.Withdrawn, ended...))
}
