package rest

import (
	"healthcare/platform/contract"
	"healthcare/platform/httpserver/transport"
)
