package password

import (
	"sync"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// shortestListed leaves out what the domain refuses for its length anyway.
const shortestListed = 8 // characters

// common is zxcvbn's list of the 30,000 most used passwords, of which 11,611 are long enough. The index over it takes
// 0.4 MB and some 7 ms when it is first asked for; under the basic policy that is never.
var common = sync.OnceValue(func() map[string]bool {
	listed := map[string]bool{}
	for _, password := range frequency.FrequencyLists["passwords"] {
		if utf8.RuneCountInString(password) >= shortestListed {
			listed[folded(password)] = true
		}
	}
	return listed
})

// Common says whether password is one of the most used passwords of 8 characters or more, whatever its letter case. It
// is safe for concurrent use.
func Common(password string) bool { return common()[folded(password)] }

func folded(password string) string { return cases.Fold().String(norm.NFKC.String(password)) }
