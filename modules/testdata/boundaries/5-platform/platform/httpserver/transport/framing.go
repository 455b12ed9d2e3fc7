package transport

import (
	"healthcare/platform/httpserver"
)
