package app_test

import (
	"healthcare/modules/doctors"
	"healthcare/modules/doctors/doctorstest"
	"healthcare/modules/doctors/internal/app"
)
