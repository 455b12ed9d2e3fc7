package rest

import (
	"healthcare/platform/contract"
	"healthcare/platform/errs"
	"healthcare/platform/httpserver"
)
