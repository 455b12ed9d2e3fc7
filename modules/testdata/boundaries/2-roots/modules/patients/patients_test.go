package patients_test

import (
	"healthcare/modules/doctors"
	"testing"
)
