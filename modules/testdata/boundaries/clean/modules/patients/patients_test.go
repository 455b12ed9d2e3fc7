package patients_test

import (
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"testing"
)
