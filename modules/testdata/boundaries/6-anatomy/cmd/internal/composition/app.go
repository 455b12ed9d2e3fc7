package main

import (
	"healthcare/modules/doctors/doctorsfx"
	_ "healthcare/modules/identity/identityfx"
)
