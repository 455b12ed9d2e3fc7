package password

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A hash with a salt of 16 bytes and a key of 32 bytes. Their last base64 characters have unused bits.
const (
	salt16 = "c2FsdHNhbHRzYWx0c2FsdA"
	key32  = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
	good   = "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$" + key32
)

// swapped returns the good hash with one part replaced.
func swapped(old, new string) string { return strings.Replace(good, old, new, 1) }

func sized(salt, key int) string {
	return hash{params: cheap().params(), salt: make([]byte, salt), key: make([]byte, key)}.String()
}

func TestUnusableStoredHashes(t *testing.T) {
	_, err := parse(good)
	require.NoError(t, err, "each case below has one fault only")

	for name, phc := range map[string]string{
		"a space": " ", "a dollar": "$", "five dollars": "$$$$$", "a thousand dollars": strings.Repeat("$", 1000),
		"a NUL":      "\x00",
		"plain text": "secret", "bcrypt": "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
		"argon2i": swapped("argon2id", "argon2i"), "argon2d": swapped("argon2id", "argon2d"),
		"ARGON2ID":        swapped("argon2id", "ARGON2ID"),
		"no first dollar": good[1:], "something first": "x" + good, "a space first": " " + good,
		"a space last":      good + " ",
		"a line break last": good + "\n", "a NUL last": good + "\x00", "a dollar last": good + "$",
		"one more part": good + "$x",
		"no version":    swapped("$v=19", ""), "version 16": swapped("v=19", "v=16"),
		"version 019":   swapped("v=19", "v=019"),
		"version empty": swapped("v=19", "v="), "version +19": swapped("v=19", "v=+19"),
		"no parameters":  swapped("m=64,t=1,p=1", ""),
		"memory missing": swapped("m=64,", ""), "iterations missing": swapped("t=1,", ""),
		"lanes missing": swapped(",p=1", ""),
		"another order": swapped("m=64,t=1", "t=1,m=64"), "a parameter twice": swapped("t=1", "t=1,t=1"),
		"a keyid": swapped("p=1", "p=1,keyid=AA"), "a comma last": swapped("p=1", "p=1,"),
		"spaces":     swapped("m=64,t=1", "m=64, t=1"),
		"memory +64": swapped("m=64", "m=+64"), "memory 064": swapped("m=64", "m=064"),
		"memory 0x40": swapped("m=64", "m=0x40"),
		"memory 6_4":  swapped("m=64", "m=6_4"), "memory 64.0": swapped("m=64", "m=64.0"),
		"memory -64":   swapped("m=64", "m=-64"),
		"memory empty": swapped("m=64", "m="), "memory in Arabic digits": swapped("m=64", "m=٦٤"),
		"memory 0": swapped("m=64", "m=0"), "memory 7": swapped("m=64", "m=7"),
		"memory 262145": swapped("m=64", "m=262145"),
		"memory 4 GiB":  swapped("m=64", "m=4194304"), "memory 2^32-1": swapped("m=64", "m=4294967295"),
		"memory 2^32+64": swapped("m=64", "m=4294967360"), "memory 2^64+64": swapped("m=64", "m=18446744073709551680"),
		"memory 31 for 4 lanes": swapped("m=64,t=1,p=1", "m=31,t=1,p=4"), "iterations 0": swapped("t=1", "t=0"),
		"iterations 17": swapped("t=1", "t=17"), "iterations 2^32-1": swapped("t=1", "t=4294967295"),
		"iterations 2^32+1": swapped("t=1", "t=4294967297"), "lanes 0": swapped("p=1", "p=0"),
		"lanes 17":  swapped("m=64,t=1,p=1", "m=999,t=1,p=17"),
		"lanes 255": swapped("m=64,t=1,p=1", "m=9999,t=1,p=255"), "lanes 257": swapped("p=1", "p=257"),
		"lanes 0x1":  swapped("p=1", "p=0x1"),
		"salt empty": swapped(salt16, ""), "salt of 7": sized(7, 32), "salt of 65": sized(65, 32),
		"key empty": swapped(key32, ""),
		"key of 1":  sized(16, 1), "key of 15": sized(16, 15), "key of 65": sized(16, 65),
		"key of 4096": sized(16, 4096),
		"salt padded": swapped(salt16, salt16+"=="), "key padded": good + "=",
		"salt in base64url":       swapped(salt16, "-_"+salt16[2:]),
		"salt with trailing bits": swapped(salt16, salt16[:21]+"B"), "key with trailing bits": good[:len(good)-1] + "V",
		"salt with a line break": swapped(salt16, "\n"+salt16), "key with a line break": swapped(key32, "\r\n"+key32),
		"key of two characters more": good + "AA",
		"key with a percent sign":    good[:len(good)-2] + "%s", "not UTF-8": good[:len(good)-1] + "\xff",
	} {
		t.Run(name, func(t *testing.T) {
			passwords, costs := newRecording(t, defaults())
			ok, stale, err := passwords.Verify(t.Context(), anonymous, "secret", phc, uncounted)
			require.False(t, ok)
			require.False(t, stale)
			require.NoError(t, err, "same result as a wrong password (R-14)")
			_, unusable := parse(phc)
			require.ErrorIs(t, unusable, errStored)
			require.NotContains(t, unusable.Error(), salt16[4:])
			require.NotContains(t, unusable.Error(), key32[4:])

			require.Len(t, *costs, 1, "the dummy is hashed")
			require.Equal(t, defaults().Memory, (*costs)[0].memory, "never with the stored parameters")
		})
	}
}

func TestUsableStoredHashes(t *testing.T) {
	for name, phc := range map[string]string{
		"the good one": good, "least memory": swapped("m=64", "m=8"), "most memory": swapped("m=64", "m=262144"),
		"most iterations": swapped("t=1", "t=16"), "most lanes": swapped("m=64,t=1,p=1", "m=128,t=1,p=16"),
		"least sizes": sized(8, 16), "most sizes": sized(64, 64),
		"most of all": hash{params{maxMemory, maxIterations, maxParallelism}, make([]byte, maxSalt),
			make([]byte, maxKey)}.String(),
	} {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, len(phc), 207)
			read, err := parse(phc)
			require.NoError(t, err)
			require.Equal(t, phc, read.String())
		})
	}
}

// FuzzParse verifies that parse never panics, and accepts only canonical strings within the bounds.
func FuzzParse(f *testing.F) {
	for _, phc := range []string{"", "$$$$$", good, sized(8, 16), sized(64, 64), swapped("m=64", "m=064"),
		swapped("t=1", "t=4294967297")} {
		f.Add(phc)
	}
	f.Fuzz(func(t *testing.T, phc string) {
		read, err := parse(phc)
		if err != nil {
			require.ErrorIs(t, err, errStored)
			return
		}
		require.Equal(t, phc, read.String())
		require.NoError(t, read.params.validate())
		require.True(t, len(read.salt) >= minSalt && len(read.salt) <= maxSalt)
		require.True(t, len(read.key) >= minKey && len(read.key) <= maxKey)
	})
}
