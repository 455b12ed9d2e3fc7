package identityfx_test

import (
	"healthcare/modules/identity/identityfx"
)
