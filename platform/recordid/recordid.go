// Package recordid defines the type of record identifiers. Each module declares its own id type, such as type ID =
// recordid.Of[Patient].
package recordid

import "github.com/google/uuid"

// Of identifies a record of the kind K: a UUID, version 7. Ids of different kinds are different types, so that
// arguments cannot be swapped. The zero Of identifies no record. In JSON, text and databases it is represented by its
// UUID.
type Of[K any] struct{ uuid.UUID }

// New returns a new id. Later ids sort after earlier ones.
func New[ID ~struct{ uuid.UUID }]() ID { return ID{uuid.Must(uuid.NewV7())} }

// Parse parses an id in the canonical form of 36 characters, in any letter case. Errors: notFound, because no record
// has an id in another form.
func Parse[ID ~struct{ uuid.UUID }](s string, notFound error) (ID, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return ID{}, notFound
	}
	return ID{id}, nil
}
