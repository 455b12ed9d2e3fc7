package keyring

import "crypto/hkdf"
