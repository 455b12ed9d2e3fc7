// Package password hashes passwords with argon2id (RFC 9106) in PHC string format, and verifies them. A gate bounds the
// memory and the cores that this takes. The domain has the rules for passwords; the use cases limit attempts.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/admission"
)

// Config is the cost of a hash and the bounds of the gate.
type Config struct {
	Memory      uint32 // KiB of one hash: 8 × Parallelism .. 262,144
	Iterations  uint32 // passes over the memory: 1..16
	Parallelism uint8  // lanes of one hash: 1..16

	Slots int // hashes at once, 0..1,024; 0 means one less than the cores, and at least one
	// callers that wait for a slot in each lane, 0..10,000; beyond that, one of the network with most waiting is
	// rejected
	Queue int
	Wait  time.Duration // longest time in the queue, 1 ms..1 min
}

// Bounds of the gate. The bounds of a hash are in phc.go, because they apply to stored hashes too.
const (
	maxSlots = 1024
	maxQueue = 10_000
	minWait  = time.Millisecond
	maxWait  = time.Minute
)

// validate returns an error that names the first field that is out of bounds.
func (c Config) validate() error {
	if err := c.params().validate(); err != nil {
		return err
	}
	if c.Slots < 0 || c.Slots > maxSlots {
		return outOfBounds("Slots", 0, maxSlots, c.Slots)
	}
	if c.Queue < 0 || c.Queue > maxQueue {
		return outOfBounds("Queue", 0, maxQueue, c.Queue)
	}
	if c.Wait < minWait || c.Wait > maxWait {
		return outOfBounds("Wait", minWait, maxWait, c.Wait)
	}
	return nil
}

func (c Config) params() params {
	return params{memory: c.Memory, iterations: c.Iterations, parallelism: c.Parallelism}
}

func (c Config) slots() int {
	if c.Slots > 0 {
		return c.Slots
	}
	return max(1, runtime.GOMAXPROCS(0)-1)
}

// derivation is the type of argon2.IDKey, for tests.
type derivation func(password, salt []byte, iterations, memory uint32, parallelism uint8, size uint32) []byte

// hasher is safe for concurrent use: only the gate changes after New.
type hasher struct {
	params params
	dummy  hash // replaces a hash that is missing or unusable
	gate   gate
	derive derivation

	durations prometheus.Histogram
}

// Reserve implements ports.Passwords.
func (h *hasher) Reserve(ctx context.Context, by admission.Caller) (release func(), err error) {
	return h.gate.reserve(ctx, by)
}

// New returns the hasher of the process. Use only one, because each has its own gate. Errors: a plain error that names
// the field of cfg that is out of bounds.
func New(cfg Config) (ports.Passwords, error) { return newHasher(cfg, argon2.IDKey) }

func newHasher(cfg Config, derive derivation) (ports.Passwords, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	dummy := hash{params: cfg.params(), salt: random(saltSize), key: random(keySize)}
	return &hasher{
		params: cfg.params(), dummy: dummy, gate: newGate(cfg.slots(), cfg.Queue, cfg.Wait), derive: derive,
		durations: newDurations(),
	}, nil
}

func (h *hasher) Hash(ctx context.Context, by ports.Caller, password string) (string, error) {
	fresh := hash{params: h.params, salt: random(saltSize)}
	uncounted := func(context.Context) error { return nil }
	var err error
	if fresh.key, err = h.key(ctx, by, password, fresh, keySize, uncounted); err != nil {
		return "", err
	}
	return fresh.String(), nil
}

func (h *hasher) Verify(
	ctx context.Context, by ports.Caller, password, phc string, count func(context.Context) error,
) (ok, stale bool, err error) {
	stored, usable := h.stored(phc)
	key, err := h.key(ctx, by, password, stored, len(stored.key), count)
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(key, stored.key) == 1 && usable
	return ok, ok && !h.current(stored), nil
}

// stored returns the hash to compare with. Without a user or a usable hash it is the dummy, which costs the same: an
// immediate response would reveal the account.
func (h *hasher) stored(phc string) (stored hash, usable bool) {
	stored, err := parse(phc)
	if err != nil {
		return h.dummy, false
	}
	return stored, true
}

// key waits for a slot, calls before, and derives the key of a password with the parameters and the salt of like. The
// password is normalised to NFKC, so that it does not depend on how a keyboard composes letters (NIST SP 800-63B-4,
// section 3.1.1.2); bytes that are not UTF-8 are unchanged. Errors: ErrBusy, before's.
func (h *hasher) key(
	ctx context.Context, by ports.Caller, password string, like hash, size int, before func(context.Context) error,
) ([]byte, error) {
	release, err := h.gate.acquire(ctx, by)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := before(ctx); err != nil {
		return nil, err
	}
	p, normal := like.params, norm.NFKC.Bytes([]byte(password))
	if p.memory > collectAbove {
		defer runtime.GC()
	}
	defer prometheus.NewTimer(h.durations).ObserveDuration()
	//nolint:gosec // G115: the size is keySize or the size of a stored key, at most maxKey
	return h.derive(normal, like.salt, p.iterations, p.memory, p.parallelism, uint32(size)), nil
}

// collectAbove is the memory of a hash, in KiB, above which the garbage collector runs after it. With 19 MiB a hash,
// the process grows by less than 64 MiB during a flood of sign-ins, at a cost of 3 to 5 % of a hash.
const collectAbove = 4096

// current reports whether a hash has the parameters and sizes of new hashes.
func (h *hasher) current(stored hash) bool {
	return stored.params == h.params && len(stored.salt) == saltSize && len(stored.key) == keySize
}

// random returns random bytes. It never fails: since Go 1.24 the process ends if the system has no randomness.
func random(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.Read(data)
	return data
}
