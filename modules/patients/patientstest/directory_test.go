package patientstest_test

import (
	"testing"

	"healthcare/modules/patients/patientstest"
)

func TestDirectory(t *testing.T) {
	patientstest.RunDirectoryContract(t, func(*testing.T) patientstest.Fixture {
		directory := new(patientstest.Directory)
		return patientstest.Fixture{
			Directory: directory, Add: directory.Add, Represent: directory.Represent, Share: directory.Share,
			Restrict: directory.Restrict,
		}
	})
}
