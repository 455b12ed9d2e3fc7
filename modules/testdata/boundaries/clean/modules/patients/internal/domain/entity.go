package domain

import (
	"github.com/go-ozzo/ozzo-validation/v4"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
	"healthcare/modules/patients"
	"healthcare/platform/errs"
	"strings"
)
