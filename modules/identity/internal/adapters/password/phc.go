package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Sizes of a new hash, in bytes (RFC 9106 section 4).
const (
	saltSize = 16
	keySize  = 32
)

// Bounds of a hash. Stored hashes are checked before use: an attacker who can write one row must not be able to exhaust
// the memory of the process with one sign-in, nor to make every password match an empty key.
const (
	minLaneMemory    = 8       // KiB for each lane (RFC 9106 section 3.1)
	maxMemory        = 262_144 // KiB
	maxIterations    = 16
	maxParallelism   = 16
	minSalt, maxSalt = 8, 64 // bytes
	minKey, maxKey   = 16, 64
)

// params are the cost parameters of a hash.
type params struct {
	memory      uint32 // KiB
	iterations  uint32
	parallelism uint8
}

// validate returns an error that names the first field that is out of bounds, with the field names of Config.
// argon2.IDKey panics without iterations or lanes, and does not limit memory.
func (p params) validate() error {
	if p.parallelism < 1 || p.parallelism > maxParallelism {
		return outOfBounds("Parallelism", 1, maxParallelism, p.parallelism)
	}
	if least := minLaneMemory * uint32(p.parallelism); p.memory < least || p.memory > maxMemory {
		return outOfBounds("Memory", least, maxMemory, p.memory)
	}
	if p.iterations < 1 || p.iterations > maxIterations {
		return outOfBounds("Iterations", 1, maxIterations, p.iterations)
	}
	return nil
}

func outOfBounds(field string, least, most, got any) error {
	return fmt.Errorf("%s: want %v to %v, got %v", field, least, most, got)
}

// hash is an argon2id hash: its input, except for the password, and the derived key.
type hash struct {
	params    params
	salt, key []byte
}

// b64 is the PHC format's base64: the standard alphabet (RFC 4648 section 4) without padding.
var b64 = base64.RawStdEncoding

// String returns the PHC string, $argon2id$v=19$m=19456,t=2,p=1$salt$key: at most 207 characters within the bounds.
func (h hash) String() string {
	p := h.params
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memory, p.iterations, p.parallelism, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

// errStored is wrapped by all errors of parse. The texts contain nothing of the salt or the key.
var errStored = errors.New("stored password hash")

// parse returns the hash of a PHC string. It accepts only strings that String writes, within the bounds.
// Errors: errStored.
func parse(phc string) (hash, error) {
	read, err := read(phc)
	if err != nil {
		return hash{}, fmt.Errorf("%w: %w", errStored, err)
	}
	return read, nil
}

func read(phc string) (h hash, err error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 {
		return hash{}, errors.New("not argon2id in PHC form")
	}
	p := &h.params
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.iterations, &p.parallelism); err != nil {
		return hash{}, errors.New("malformed parameters")
	}
	if err := p.validate(); err != nil {
		return hash{}, err
	}
	if h.salt, err = b64.DecodeString(parts[4]); err != nil || len(h.salt) < minSalt || len(h.salt) > maxSalt {
		return hash{}, fmt.Errorf("want a salt of %d to %d bytes", minSalt, maxSalt)
	}
	if h.key, err = b64.DecodeString(parts[5]); err != nil || len(h.key) < minKey || len(h.key) > maxKey {
		return hash{}, fmt.Errorf("want a key of %d to %d bytes", minKey, maxKey)
	}
	// Comparing with the canonical form checks the algorithm, its version, order, signs, leading zeros, line breaks and
	// base64's unused bits.
	if h.String() != phc {
		return hash{}, errors.New("not argon2id v=19 in canonical PHC form")
	}
	return h, nil
}
