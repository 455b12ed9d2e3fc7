package auth_test

import (
	"healthcare/modules/identity/identitytest"
)
