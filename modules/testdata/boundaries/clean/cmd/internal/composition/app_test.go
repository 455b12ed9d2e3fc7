package main

import (
	"go.uber.org/fx/fxtest"
	"healthcare/modules/patients"
	"healthcare/modules/patients/patientstest"
	"healthcare/platform/databasetest"
)
