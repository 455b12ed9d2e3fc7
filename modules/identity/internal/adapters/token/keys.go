package token

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
)

// What HKDF (RFC 5869) derives from one secret. Each purpose has its own text, so that a key or an id gives nothing away
// about the secret or about what else is derived from it; v1 changes when the meaning of a token does.
const (
	purposeKey = "healthcare access token v1"
	purposeID  = "healthcare access token key id v1"
)

const (
	keySize   = sha256.Size // bytes of a signing key: the HMAC's own size
	keyIDSize = 8           // bytes of a key id, 11 characters in base64url
)

// key is one signing key and the kid that names it in a token's header.
type key struct {
	id     string
	secret []byte
}

// ring holds every key that verifies, by kid. It is looked up in memory only: a kid never reaches a file or a database.
type ring map[string][]byte

// derive makes the key that signs, and the ring of all that verify.
func derive(secret []byte, previous [][]byte) (key, ring, error) {
	signer, err := deriveKey(secret)
	if err != nil {
		return key{}, nil, err
	}
	all := ring{signer.id: signer.secret}
	for _, old := range previous {
		k, err := deriveKey(old)
		if err != nil {
			return key{}, nil, err
		}
		all[k.id] = k.secret
	}
	return signer, all, nil
}

func deriveKey(secret []byte) (key, error) {
	signing, err := hkdf.Key(sha256.New, secret, nil, purposeKey, keySize)
	if err != nil {
		return key{}, err
	}
	id, err := hkdf.Key(sha256.New, secret, nil, purposeID, keyIDSize)
	if err != nil {
		return key{}, err
	}
	return key{id: base64.RawURLEncoding.EncodeToString(id), secret: signing}, nil
}
