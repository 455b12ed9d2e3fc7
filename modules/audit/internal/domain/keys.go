package domain

import (
	"crypto/ed25519"
	"fmt"
)

// Secret is 32 bytes of key material by their id.
type Secret struct {
	ID    string
	Bytes []byte
}

// Format prints the id, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "key ", s.ID) }

// Keys seal entries and sign checkpoints with the newest of each, and verify with all. NewKeys makes them.
type Keys struct {
	newest  Secret
	entries map[string]Secret
	signer  Secret
	signers map[string]Secret
}

// NewKeys takes what entries and checkpoints are made with, newest first, at least one of each.
func NewKeys(entries, checkpoints []Secret) Keys {
	return Keys{newest: entries[0], entries: byID(entries), signer: checkpoints[0], signers: byID(checkpoints)}
}

func byID(secrets []Secret) map[string]Secret {
	known := make(map[string]Secret, len(secrets))
	for _, s := range secrets {
		known[s.ID] = s
	}
	return known
}

// signingKey is the Ed25519 key (RFC 8032) whose seed the secret is.
func (s Secret) signingKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(s.Bytes) }

// PublicKey is what checkpoints are verified with by those who must not be able to make them.
func (k Keys) PublicKey() ed25519.PublicKey {
	return k.signer.signingKey().Public().(ed25519.PublicKey)
}
