package password

import (
	"sync"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// minLength is the length of the shortest passwords in the index. The domain rejects shorter ones.
const minLength = 8 // characters

// common returns the 11,611 passwords of at least minLength in zxcvbn's list of the 30,000 most used. The first call
// takes 0.4 MB and about 7 ms; the basic policy never calls it.
var common = sync.OnceValue(func() map[string]bool {
	listed := map[string]bool{}
	for _, password := range frequency.FrequencyLists["passwords"] {
		if utf8.RuneCountInString(password) >= minLength {
			listed[folded(password)] = true
		}
	}
	return listed
})

// Common reports whether a password is one of the most used ones of at least 8 characters, in any letter case. It is
// safe for concurrent use.
func Common(password string) bool { return common()[folded(password)] }

func folded(password string) string { return cases.Fold().String(norm.NFKC.String(password)) }
