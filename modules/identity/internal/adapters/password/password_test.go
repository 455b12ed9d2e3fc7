package password

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"healthcare/modules/identity/internal/ports"
)

// cheap returns 64 KiB and one pass, about 50 µs a hash.
func cheap() Config {
	return Config{Memory: 64, Iterations: 1, Parallelism: 1, Slots: 2, Queue: 4, Wait: time.Second}
}

// open calls New, for tests and benchmarks.
func open(t testing.TB, cfg Config) ports.Passwords {
	t.Helper()
	passwords, err := New(cfg)
	require.NoError(t, err)
	return passwords
}

func hashed(t testing.TB, cfg Config, password string) string {
	t.Helper()
	phc, err := open(t, cfg).Hash(t.Context(), anonymous, password)
	require.NoError(t, err)
	return phc
}

func TestHash(t *testing.T) {
	ctx, passwords := t.Context(), open(t, cheap())

	t.Run("is a PHC string with a 16-byte salt and a 32-byte key", func(t *testing.T) {
		require.Regexp(t, `^\$argon2id\$v=19\$m=64,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`,
			hashed(t, cheap(), "secret"))
	})
	t.Run("differs each time", func(t *testing.T) {
		first, err := passwords.Hash(ctx, anonymous, "secret")
		require.NoError(t, err)
		second, err := passwords.Hash(ctx, anonymous, "secret")
		require.NoError(t, err)
		require.NotEqual(t, strings.Split(first, "$")[4], strings.Split(second, "$")[4], "salts")
		require.NotEqual(t, strings.Split(first, "$")[5], strings.Split(second, "$")[5], "keys")
	})
	t.Run("distinguishes unusual passwords", func(t *testing.T) {
		long := strings.Repeat("a", 1023) // bcrypt would use 72 bytes of it
		odd := []string{"", "\x00", "a", "a\x00", "a\x00b", "\xff", "ä", " a", "a ", "A", long, long + "a", long + "b"}
		for _, made := range odd {
			phc := hashed(t, cheap(), made)
			for _, tried := range odd {
				ok, stale, err := passwords.Verify(ctx, anonymous, tried, phc, uncounted)
				require.NoError(t, err)
				require.Equal(t, made == tried, ok, "%q against the hash of %q", tried, made)
				require.False(t, stale)
			}
		}
	})
	t.Run("ignores the composition and width of letters", func(t *testing.T) {
		for made, tried := range map[string]string{"caf\u00e9": "cafe\u0301", "cafe\u0301": "caf\u00e9",
			"\uff43afé": "café", "ﬁ": "fi"} {
			ok, _, err := passwords.Verify(ctx, anonymous, tried, hashed(t, cheap(), made), uncounted)
			require.NoError(t, err)
			require.True(t, ok, "%+q against the hash of %+q", tried, made)
		}
	})
	t.Run("verifies hashes of another implementation", func(t *testing.T) {
		// Test vectors of the reference implementation (github.com/P-H-C/phc-winner-argon2): "password", "somesalt".
		for _, phc := range []string{
			"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
			"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		} {
			ok, stale, err := passwords.Verify(ctx, anonymous, "password", phc, uncounted)
			require.NoError(t, err)
			require.True(t, ok)
			require.True(t, stale)
		}
	})
}

func TestPasswordMatchesItsOwnHashOnly(t *testing.T) {
	passwords := open(t, cheap())
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		made := rapid.SliceOfN(rapid.Byte(), 0, 1024).Draw(t, "password")
		other := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 0, 1024),
			rapid.Map(rapid.IntRange(0, max(0, len(made)-1)), func(n int) []byte { return made[:n] }),
			rapid.Map(rapid.Byte(), func(b byte) []byte { return append(slices.Clip(made), b) }),
			rapid.Map(rapid.IntRange(0, 8*1024-1), func(bit int) []byte {
				flipped := append([]byte{}, made...)
				if len(made) > 0 {
					flipped[bit/8%len(made)] ^= 1 << (bit % 8)
				}
				return flipped
			}),
		).Draw(t, "another")

		phc, err := passwords.Hash(ctx, anonymous, string(made))
		require.NoError(t, err)
		ok, stale, err := passwords.Verify(ctx, anonymous, string(made), phc, uncounted)
		require.NoError(t, err)
		require.True(t, ok)
		require.False(t, stale)
		ok, _, err = passwords.Verify(ctx, anonymous, string(other), phc, uncounted)
		require.NoError(t, err)
		require.Equal(t, norm.NFKC.String(string(made)) == norm.NFKC.String(string(other)), ok)
	})
}

func TestHashesWithOtherParametersAreStale(t *testing.T) {
	current := Config{Memory: 128, Iterations: 2, Parallelism: 2, Slots: 1, Wait: time.Second}
	passwords := open(t, current)
	with := func(change func(*Config)) string {
		cfg := current
		change(&cfg)
		return hashed(t, cfg, "secret")
	}
	sized := func(salt, key int) string {
		made := hash{params: current.params(), salt: random(salt)}
		made.key, _ = passwords.(*hasher).key(t.Context(), anonymous, "secret", made, key, uncounted)
		return made.String()
	}
	for name, c := range map[string]struct {
		phc   string
		stale bool
	}{
		"the current parameters": {with(func(*Config) {}), false},
		"less memory":            {with(func(c *Config) { c.Memory = 127 }), true},
		"more memory":            {with(func(c *Config) { c.Memory = 129 }), true},
		"fewer iterations":       {with(func(c *Config) { c.Iterations = 1 }), true},
		"more iterations":        {with(func(c *Config) { c.Iterations = 3 }), true},
		"fewer lanes":            {with(func(c *Config) { c.Parallelism = 1 }), true},
		"more lanes":             {with(func(c *Config) { c.Parallelism = 3 }), true},
		"the current sizes":      {sized(saltSize, keySize), false},
		"a shorter salt":         {sized(minSalt, keySize), true},
		"a longer salt":          {sized(maxSalt, keySize), true},
		"a shorter key":          {sized(saltSize, minKey), true},
		"a longer key":           {sized(saltSize, maxKey), true},
	} {
		t.Run(name, func(t *testing.T) {
			ok, stale, err := passwords.Verify(t.Context(), anonymous, "secret", c.phc, uncounted)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, c.stale, stale)

			ok, stale, err = passwords.Verify(t.Context(), anonymous, "wrong", c.phc, uncounted)
			require.NoError(t, err)
			require.False(t, ok)
			require.False(t, stale, "a wrong password is never stale")
		})
	}
}

// cost holds the parameters of one derivation.
type cost struct {
	memory, iterations uint32
	parallelism        uint8
	salt               int
	size               uint32
}

// newRecording returns a hasher that records the cost of each derivation instead of deriving a key.
func newRecording(t testing.TB, cfg Config) (*hasher, *[]cost) {
	t.Helper()
	var costs []cost
	passwords, err := newHasher(cfg, func(_, salt []byte, iterations, memory uint32, parallelism uint8,
		size uint32) []byte {
		costs = append(costs, cost{memory, iterations, parallelism, len(salt), size})
		return make([]byte, size)
	})
	require.NoError(t, err)
	return passwords.(*hasher), &costs
}

func TestR14_UnknownUserCostsWhatAWrongPasswordCosts(t *testing.T) {
	phc := hashed(t, defaults(), "secret")
	for name, stored := range map[string]string{"wrong password": phc, "unknown user": "", "unusable hash": "$2b$12$x",
		"cut hash": phc[:50]} {
		t.Run(name, func(t *testing.T) {
			passwords, costs := newRecording(t, defaults())
			ok, stale, _ := passwords.Verify(t.Context(), anonymous, "wrong", stored, uncounted)
			require.False(t, ok)
			require.False(t, stale)
			require.Equal(t, []cost{{memory: 19456, iterations: 2, parallelism: 1, salt: saltSize, size: keySize}},
				*costs)
		})
	}
	t.Run("the attempt is counted before any work, and rejected without a hash", func(t *testing.T) {
		passwords, costs := newRecording(t, defaults())
		refused := errors.New("too many")
		ok, _, err := passwords.Verify(t.Context(), anonymous, "secret", phc, func(context.Context) error {
			hashing, _ := passwords.gate.load()
			require.Equal(t, 1, hashing, "counted after the wait for a slot")
			return refused
		})
		require.Same(t, refused, err)
		require.False(t, ok)
		require.Empty(t, *costs)
		hashing, _ := passwords.gate.load()
		require.Zero(t, hashing)
	})
	t.Run("the dummy's password is never accepted", func(t *testing.T) {
		passwords, _ := newRecording(t, defaults())
		passwords.dummy.key = make([]byte, keySize) // the key that the recording hasher derives
		ok, _, err := passwords.Verify(t.Context(), anonymous, "whatever", "", uncounted)
		require.NoError(t, err)
		require.False(t, ok)
	})
	t.Run("the dummy differs in each process", func(t *testing.T) {
		a, _ := newRecording(t, defaults())
		b, _ := newRecording(t, defaults())
		require.NotEqual(t, a.dummy.key, b.dummy.key)
		require.NotEqual(t, a.dummy.salt, b.dummy.salt)
	})
}

func TestConfigErrorsNameTheField(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		field  string
	}{
		"no memory":            {func(c *Config) { c.Memory = 0 }, "Memory"},
		"less than 8 KiB":      {func(c *Config) { c.Memory = 7 }, "Memory"},
		"less than 8 a lane":   {func(c *Config) { c.Memory, c.Parallelism = 31, 4 }, "Memory"},
		"too much memory":      {func(c *Config) { c.Memory = maxMemory + 1 }, "Memory"},
		"all memory":           {func(c *Config) { c.Memory = math.MaxUint32 }, "Memory"},
		"no iterations":        {func(c *Config) { c.Iterations = 0 }, "Iterations"},
		"too many iterations":  {func(c *Config) { c.Iterations = maxIterations + 1 }, "Iterations"},
		"no parallelism":       {func(c *Config) { c.Parallelism = 0 }, "Parallelism"},
		"too much parallelism": {func(c *Config) { c.Parallelism = maxParallelism + 1 }, "Parallelism"},
		"negative slots":       {func(c *Config) { c.Slots = -1 }, "Slots"},
		"too many slots":       {func(c *Config) { c.Slots = maxSlots + 1 }, "Slots"},
		"a negative queue":     {func(c *Config) { c.Queue = -1 }, "Queue"},
		"a long queue":         {func(c *Config) { c.Queue = maxQueue + 1 }, "Queue"},
		"no wait":              {func(c *Config) { c.Wait = 0 }, "Wait"},
		"a long wait":          {func(c *Config) { c.Wait = maxWait + 1 }, "Wait"},
		"nothing":              {func(c *Config) { *c = Config{} }, "Parallelism"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaults()
			c.change(&cfg)
			passwords, err := New(cfg)
			require.Nil(t, passwords)
			require.ErrorContains(t, err, "password: "+c.field+":")
		})
	}
	t.Run("the bounds themselves are allowed", func(t *testing.T) {
		open(t, Config{Memory: 8, Iterations: 1, Parallelism: 1, Slots: 0, Queue: 0, Wait: minWait})
		open(t, Config{Memory: 8 * maxParallelism, Iterations: 1, Parallelism: maxParallelism, Slots: 1, Queue: 1,
			Wait: minWait})
		open(t, Config{maxMemory, maxIterations, maxParallelism, maxSlots, maxQueue, maxWait})
	})
	t.Run("the defaults are those of RFC 9106 and OWASP, and leave one core free", func(t *testing.T) {
		require.Equal(t, Config{Memory: 19456, Iterations: 2, Parallelism: 1, Slots: 0, Queue: 16, Wait: time.Second},
			defaults())
		for procs, slots := range map[int]int{1: 1, 2: 1, 3: 2, 8: 7} {
			before := runtime.GOMAXPROCS(procs)
			got := open(t, defaults()).(*hasher)
			runtime.GOMAXPROCS(before)
			require.Equal(t, slots, got.gate.size, "%d cores", procs)
		}
	})
}

// BenchmarkDefaults measures a hash with the default parameters.
func BenchmarkDefaults(b *testing.B) {
	for name, run := range map[string]func(ports.Passwords, string) error{
		"Hash": func(p ports.Passwords, _ string) error {
			_, err := p.Hash(b.Context(), anonymous, "secret")
			return err
		},
		"Verify": func(p ports.Passwords, phc string) error {
			_, _, err := p.Verify(b.Context(), anonymous, "secret", phc, uncounted)
			return err
		},
		"VerifyUnknown": func(p ports.Passwords, _ string) error {
			_, _, err := p.Verify(b.Context(), anonymous, "secret", "", uncounted)
			return err
		},
	} {
		b.Run(fmt.Sprintf("%s/m=%d,t=%d,p=%d", name, defaults().Memory, defaults().Iterations, defaults().Parallelism),
			func(b *testing.B) {
				passwords, phc := open(b, defaults()), hashed(b, defaults(), "secret")
				b.ReportAllocs()
				for b.Loop() {
					if err := run(passwords, phc); err != nil {
						b.Fatal(err)
					}
				}
			})
	}
}
