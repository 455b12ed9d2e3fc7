// Package recordid has the type of record identifiers. Each module declares its own from it, such as
// type ID = recordid.Of[Patient].
package recordid

import "github.com/google/uuid"

// Of identifies a record of the kind K: a UUID, version 7. Ids of different kinds are different types, so that
// arguments cannot be swapped. The zero Of identifies no record. JSON, text and databases see it as its UUID.
type Of[K any] struct{ uuid.UUID }

// New returns a new id. Later ids sort after earlier ones.
func New[ID ~struct{ uuid.UUID }]() ID { return ID{uuid.Must(uuid.NewV7())} }

// Parse reads an id in its canonical form of 36 characters, in either letter case. Errors: notFound, because no record
// has an id in another form.
func Parse[ID ~struct{ uuid.UUID }](s string, notFound error) (ID, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return ID{}, notFound
	}
	return ID{id}, nil
}
