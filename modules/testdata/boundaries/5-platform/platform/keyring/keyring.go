package keyring

import (
	"crypto/hkdf"
	"golang.org/x/crypto/hkdf"
)
