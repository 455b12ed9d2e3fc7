package patientstest_test

import (
	"testing"

	"github.com/google/uuid"

	"healthcare/modules/patients"
	"healthcare/modules/patients/patientstest"
)

func TestDirectory(t *testing.T) {
	patientstest.RunDirectoryContract(t, func(*testing.T) (patients.Directory, func(uuid.UUID, patients.Patient)) {
		directory := new(patientstest.Directory)
		return directory, directory.Add
	})
}
