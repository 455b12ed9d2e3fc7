// Package password turns passwords into argon2id hashes (RFC 9106) in PHC string format, and checks them, behind one
// gate that bounds how much memory and how many cores that may take. What a password must look like is the domain's to
// say, and how often one may be tried is the use case's.
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

// Config says what a hash costs and how many may be made at once.
type Config struct {
	Memory      uint32 // KiB of one hash: 8 × Parallelism .. 262,144
	Iterations  uint32 // passes over the memory: 1..16
	Parallelism uint8  // lanes of one hash: 1..16

	Slots int // hashes at once, 0..1,024; 0 means one less than the cores, and at least one
	// callers that may wait for a slot in each lane, 0..10,000; then one of whoever has most waiting is refused
	Queue int
	Wait  time.Duration // longest time in the queue, 1 ms..1 min
}

// Bounds of the gate. Those of a hash are in phc.go, because stored hashes keep them too.
const (
	maxSlots = 1024
	maxQueue = 10_000
	minWait  = time.Millisecond
	maxWait  = time.Minute
)

// validate names the first field that is out of bounds.
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

// derivation is argon2.IDKey, or a test's.
type derivation func(password, salt []byte, iterations, memory uint32, parallelism uint8, size uint32) []byte

// hasher is safe for concurrent use: nothing in it but the gate changes after New.
type hasher struct {
	params params
	dummy  hash // stands in for a hash that does not exist
	gate   gate
	derive derivation

	durations prometheus.Histogram
}

// Reserve implements ports.Passwords.
func (h *hasher) Reserve(ctx context.Context, by admission.Caller) (leave func(), err error) {
	return h.gate.approach(ctx, by)
}

// New makes the one hasher of the process; two would have two gates. Errors: plain, naming the field of cfg that is out
// of bounds.
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
	made := hash{params: h.params, salt: random(saltSize)}
	var err error
	if made.key, err = h.key(ctx, by, password, made, keySize, func(context.Context) error { return nil }); err != nil {
		return "", err
	}
	return made.String(), nil
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

// stored is the hash to compare with. Where there is no user or no usable hash it is the dummy, which costs the same:
// an answer that comes at once would tell the account from all others.
func (h *hasher) stored(phc string) (stored hash, usable bool) {
	stored, err := parse(phc)
	if err != nil {
		return h.dummy, false
	}
	return stored, true
}

// key derives the key of password under the parameters and the salt of made, when the gate lets it and before it does
// has not refused. The password is in NFKC then, so that it does not matter how a keyboard composes its letters (NIST
// SP 800-63B-4, section 3.1.1.2); what is no UTF-8 stays as it is.
func (h *hasher) key(
	ctx context.Context, by ports.Caller, password string, made hash, size int, before func(context.Context) error,
) ([]byte, error) {
	leave, err := h.gate.enter(ctx, by)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := before(ctx); err != nil {
		return nil, err
	}
	p, normal := made.params, norm.NFKC.Bytes([]byte(password))
	if p.memory > worthCollecting {
		defer runtime.GC()
	}
	defer prometheus.NewTimer(h.durations).ObserveDuration()
	//nolint:gosec // G115: a size is keySize or that of a stored key, at most maxKey
	return h.derive(normal, made.salt, p.iterations, p.memory, p.parallelism, uint32(size)), nil
}

// worthCollecting is the memory of a hash, in KiB, from which on it is collected before the next one needs as much.
// With the 19 MiB there are, a flood of sign-ins then makes the process grow by less than the 64 MiB of R-17; it costs
// 3 to 5 % of a hash.
const worthCollecting = 4096

// current says whether Hash would make a hash of this kind today.
func (h *hasher) current(stored hash) bool {
	return stored.params == h.params && len(stored.salt) == saltSize && len(stored.key) == keySize
}

// random never fails: since Go 1.24 the process ends when the system has no randomness.
func random(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.Read(data)
	return data
}
