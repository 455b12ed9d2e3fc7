package harness

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// EnvNumber returns a numeric setting of the test run, such as FUZZ_BODIES=10000.
func EnvNumber(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(value, 10, 64)
	require.NoError(t, err, name)
	return n
}

// TextCorpus has the Unicode texts that are easily misread, trimmed, counted, folded or stored wrongly.
func TextCorpus() []string {
	emoji, flood := "\U0001F469\u200D\u2695\uFE0F", "a"+strings.Repeat("\u0301", 200)
	corpus := []string{
		// composed, decomposed, folded
		"", " ", "a", "José", "Jose\u0301", "ﬁ", "ﷺ", "İi", "ıI", "STRAẞE", "straße", "ς", "ΑΣ", "अनन्या", "张伟", "𠮷",
		"한글", "각",
		// right to left, joined
		"مريم", "\u202Eabc\u202C", "a\u200Fb", "\u2066x\u2069", emoji, "\U0001F1EE\U0001F1F3", "\U0001F44D\U0001F3FD",
		// next to the surrogates, and noncharacters
		"\uD7FF", "\uE000", "\uFFFD", "\uFFFE", "\uFFFF", "\U0010FFFF", "\U00010000", "\uFDD0",
		// characters that trimming treats as space
		"\uFEFF", "\uFEFFa", "a\uFEFF", "\u00A0a\u00A0", "\u2003a\u3000", "\u200Ba\u200B", "\u180Ea", "\u0085a\u0085",
		"\u1680",
		// controls and line ends
		"a\tb", "a\nb", "a\r\nb", "\u0001", "a\u001Bb", "a\u007Fb", "a\u0080b", "a\u009Fb", "a\u2028b", "a\u2029b",
		flood, strings.Repeat(emoji, 20), "%", "_", `\`, `"'`, "<b>&amp;", "{{7*7}}", "=1+1", "-", "null", "true", "1",
		"\U000E0041", "a@\u00FC.example",
		"A@B.example", "ü@b.example", "U\u0308@b.example", "K@b.example", "1990-02-29", "1990-02-28", "١٩٩٠-٠٢-٢٨",
		"２９", "2026-11-22T22:29:36Z",
		"0000-01-01", "0000-01-01T00:00:00Z", "0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
		"2026-11-22T22:29:36,9999999Z", "2026-11-22T24:00:00Z",
	}
	return corpus
}

// IntegerCorpus has numbers as they are written in JSON or in a query.
func IntegerCorpus() []string {
	corpus := []string{
		"-0", "0.0", "1.0", "1e2", "1E+2", "100e-2", "1.5", "-1.5", "0.9999999999999999999999", "1e400", "-1e400",
		"1e-400", "00", "01", "-01", "+1", " 1", "1 ", ".5", "5.",
		"0x10", "1_0", "١", "NaN", "Infinity", `"1"`, `"a"`, `""`, "null", "true", "[1]", `{"a":1}`,
		strings.Repeat("9", 400), "2147483647", "2147483648", "-2147483649",
		"4294967296", "4294967297", "9007199254740991", "9007199254740993", "9223372036854775807",
		"9223372036854775808", "-9223372036854775809", "18446744073709551617",
	}
	for _, bound := range []int{0, 1, 80, 150, 500} {
		corpus = append(corpus, fmt.Sprint(bound-1), fmt.Sprint(bound), fmt.Sprint(bound+1))
	}
	return corpus
}

// The parts of responses that differ from run to run.
var (
	IDPattern       = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	TimePattern     = regexp.MustCompile(`"20\d\d-\d\d-\d\dT[0-9:.]+Z"`)
	TokenPattern    = regexp.MustCompile(`"(access|refresh)":"[^"]+"|cursor=[\w-]+`)
	UsernamePattern = regexp.MustCompile(`"username":"[^"]+"`)
	FeedPattern     = regexp.MustCompile(`/calendar/[\w-]{43}\.ics`)
	CodePattern     = regexp.MustCompile(`(?:[0-9A-Z]{5}-){3}[0-9A-Z]{5}`) // one-time codes
)

// Sample returns every third generated case and starts at a different case each turn, so that every case is tested
// somewhere. The environment variable CORPORA is a number that chooses the third, or all for all cases.
func Sample[T any](turn int, all []T) []T { return sample(3, turn, all) }

// SampleFifth is Sample for large corpora. Each must have at least five cases.
func SampleFifth[T any](turn int, all []T) []T { return sample(5, turn, all) }

// SampleFifteenth is Sample for the largest corpora. Each must have at least fifteen cases.
func SampleFifteenth[T any](turn int, all []T) []T { return sample(15, turn, all) }

func sample[T any](parts, turn int, all []T) []T {
	part := os.Getenv("CORPORA")
	if part == "all" {
		return all
	}
	shift, _ := strconv.Atoi(part)
	return slices.Collect(func(yield func(T) bool) {
		for i := (turn + shift) % parts; i < len(all); i += parts {
			if !yield(all[i]) {
				return
			}
		}
	})
}

// CasesOf returns the number of random cases that a run tests: all, or a part of them in every run.
func CasesOf(all, parts int) int {
	if os.Getenv("CORPORA") == "all" {
		return all
	}
	return all / parts
}

// MinimumCases returns the minimum number of cases of a corpus that a run tests.
func MinimumCases(whole int) int {
	return CasesOf(whole, 4)
}
