package names

import (
	"strings"
)
