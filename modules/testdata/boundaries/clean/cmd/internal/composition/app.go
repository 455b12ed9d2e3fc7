package main

import (
	"go.uber.org/fx"

	assignments "healthcare/modules/assignments/assignmentsfx"
	"healthcare/modules/audit/auditfx"
	"healthcare/modules/doctors/doctorsfx"
	"healthcare/modules/patients/patientsfx"
	"healthcare/platform/database"
)
