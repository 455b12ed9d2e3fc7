package app

import (
	"context"

	"healthcare/modules/assignments"
	"healthcare/modules/assignments/internal/domain"
	"healthcare/modules/assignments/internal/ports"
)

// NewDirectory returns the Directory for other modules.
func NewDirectory(repository ports.Repository) assignments.Directory { return directory{repository} }

type directory struct{ assignments ports.Repository }

func (d directory) Page(ctx context.Context, after assignments.ID, limit int) ([]assignments.Link, error) {
	found, err := d.assignments.Page(ctx, after, limit)
	return linksOf(found), err
}

func linksOf(all []domain.Assignment) []assignments.Link {
	links := make([]assignments.Link, len(all))
	for i, a := range all {
		links[i] = a.Link()
	}
	return links
}
