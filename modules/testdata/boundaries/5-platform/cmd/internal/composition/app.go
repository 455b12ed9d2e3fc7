package main

import (
	"healthcare/modules/identity/identityfx"
	"healthcare/modules/identity/identitytest"
	"healthcare/platform/databasetest"
)
