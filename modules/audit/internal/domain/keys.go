package domain

import (
	"crypto/ed25519"
	"fmt"
)

// Secret is 32 bytes of key material with an id.
type Secret struct {
	ID    string
	Bytes []byte
}

// Format implements fmt.Formatter. It prints only the id, for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "key ", s.ID) }

// Keys seals entries and signs checkpoints with the newest key of each kind, and verifies with all. NewKeys creates it.
type Keys struct {
	newest  Secret
	entries map[string]Secret
	signer  Secret
	signers map[string]Secret
}

// NewKeys returns the keys of entries and checkpoints. Each list is sorted newest first and is not empty.
func NewKeys(entries, checkpoints []Secret) Keys {
	return Keys{newest: entries[0], entries: byID(entries), signer: checkpoints[0], signers: byID(checkpoints)}
}

func byID(secrets []Secret) map[string]Secret {
	all := make(map[string]Secret, len(secrets))
	for _, s := range secrets {
		all[s.ID] = s
	}
	return all
}

// signingKey returns the Ed25519 key (RFC 8032) whose seed is the secret.
func (s Secret) signingKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(s.Bytes) }

// PublicKey returns the key that verifies new checkpoints but cannot sign them.
func (k Keys) PublicKey() ed25519.PublicKey {
	return k.signer.signingKey().Public().(ed25519.PublicKey)
}
