package token

import (
	"github.com/golang-jwt/jwt/v5"
	"healthcare/modules/doctors/internal/ports"
	"healthcare/platform/clock"
	"healthcare/platform/config"
	"healthcare/platform/keyring"
)
