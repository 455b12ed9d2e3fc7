package domain

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	validation "github.com/go-ozzo/ozzo-validation/v4"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// PasswordPolicy says which passwords may be chosen. It never makes a composition rule (NIST SP 800-63B-4, section 3.1.1.2).
type PasswordPolicy struct {
	Strict bool                       // refuses what an attacker tries first, too
	Common func(password string) bool // whether a password is one of the most used ones; asked only when Strict
}

// Why a strict policy refuses. None repeats the password.
var (
	errCommonPassword = errors.New("Is one of the most used passwords.")
	errHoldsAddress   = errors.New("Contains your e-mail address.")
	errOwnWords       = errors.New("Is little more than your name or e-mail address.")
)

// Check is the message for the field "password" of somebody with that name and e-mail address, or nil. Every policy asks for at least 8 characters
// and at most 1,024 bytes.
func (p PasswordPolicy) Check(password, name, email string) error {
	if err := validation.Validate(password, notBlank, validation.By(passwordLength)); err != nil || !p.Strict {
		return err
	}
	if p.Common(password) {
		return errCommonPassword
	}
	for _, address := range spellings(email) {
		switch {
		case LowerAddress(email) != "" && strings.Contains(fold(password), fold(address)):
			return errHoldsAddress
		case madeOf(password, unicode.IsLetter, name, address), madeOf(password, letterOrDigit, name, address):
			return errOwnWords
		}
	}
	return nil
}

// fold makes two spellings of a word the same: letter case, width and accents (which are then no letters) do not count.
func fold(s string) string { return cases.Fold().String(norm.NFKD.String(s)) }

func letterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// madeOf is whether password, but for what keep leaves out, is a row of words of the name and the address, in any order and number: the
// context-specific words of NIST SP 800-63B-4, section 3.1.1.2, and their plain derivatives ("Rao.Asha!").
func madeOf(password string, keep func(rune) bool, name, mailbox string) bool {
	said, words := kept(password, keep), ownWords(keep, name, mailbox)
	reached := make([]bool, len(said)+1) // whether words make up everything before a byte
	reached[0] = true
	for at := range said {
		for _, word := range words {
			if reached[at] && strings.HasPrefix(said[at:], word) {
				reached[at+len(word)] = true
			}
		}
	}
	return said != "" && reached[len(said)]
}

// ownWords are the parts of the name and the address, each as a whole and by its words. One letter is no word: an initial tells nothing.
func ownWords(keep func(rune) bool, name, mailbox string) []string {
	local, domain, _ := strings.Cut(mailbox, "@")
	seen := map[string]bool{}
	var words []string
	for _, part := range []string{name, local, domain} {
		split := strings.FieldsFunc(fold(part), func(r rune) bool { return !letterOrDigit(r) && !unicode.IsMark(r) })
		for _, word := range append(split, part) {
			if word = kept(word, keep); utf8.RuneCountInString(word) > 1 && !seen[word] {
				seen[word] = true
				words = append(words, word)
			}
		}
	}
	return words
}

// kept is what of s, folded, keep keeps.
func kept(s string, keep func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if keep(r) {
			return r
		}
		return -1
	}, fold(s))
}
