package store

import (
	"errors"
	"fmt"

	"healthcare/modules/doctors"
)

const joined = `SELECT patients.id
FROM patients
JOIN "doctors" ON true`

var errNone = errors.New("no doctors")

func (s store) list(ctx context.Context) error {
	err := s.db.Read(ctx).Table("doctor_licenses AS l").Where("patients.name = ?", "x").Error
	return fmt.Errorf("list patients and doctors: %w", err)
}
