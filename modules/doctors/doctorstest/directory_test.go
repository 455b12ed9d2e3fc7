package doctorstest_test

import (
	"testing"

	"healthcare/modules/doctors"
	"healthcare/modules/doctors/doctorstest"
)

func TestDirectory(t *testing.T) {
	doctorstest.RunDirectoryContract(t, func(*testing.T) (doctors.Directory, func(doctors.Doctor)) {
		directory := new(doctorstest.Directory)
		return directory, directory.Add
	})
}
