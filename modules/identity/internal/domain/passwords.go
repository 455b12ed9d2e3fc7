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

// PasswordPolicy has the rules for new passwords. It has no composition rules (NIST SP 800-63B-4, section 3.1.1.2).
type PasswordPolicy struct {
	Strict bool                       // also rejects the passwords that attackers try first
	Common func(password string) bool // reports whether a password is one of the most used ones; called only if Strict
}

// The errors of a strict policy. None repeats the password.
var (
	errCommonPassword = errors.New("Is one of the most used passwords.")
	errHoldsAddress   = errors.New("Contains your e-mail address.")
	errOwnWords       = errors.New("Is little more than your name or e-mail address.")
)

// Check returns the error of a password for a user with that name and e-mail address, or nil. Every policy requires at
// least 8 characters and at most 1,024 bytes.
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

// fold removes the differences between spellings of a word: letter case, width and accents.
func fold(s string) string { return cases.Fold().String(norm.NFKD.String(s)) }

func letterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// madeOf reports whether password, without the characters that keep rejects, is a sequence of words of the name and the
// address, in any order and number: the context-specific words of NIST SP 800-63B-4, section 3.1.1.2, and their plain
// derivatives ("Rao.Asha!").
func madeOf(password string, keep func(rune) bool, name, mailbox string) bool {
	rest, words := kept(password, keep), ownWords(keep, name, mailbox)
	reached := make([]bool, len(rest)+1) // whether words make up everything before a byte
	reached[0] = true
	for at := range rest {
		for _, word := range words {
			if reached[at] && strings.HasPrefix(rest[at:], word) {
				reached[at+len(word)] = true
			}
		}
	}
	return rest != "" && reached[len(rest)]
}

// ownWords returns the parts of the name and the address, whole and as single words. Single letters do not count.
func ownWords(keep func(rune) bool, name, mailbox string) []string {
	local, domain, _ := strings.Cut(mailbox, "@")
	var words []string
	for _, part := range []string{name, local, domain} {
		split := strings.FieldsFunc(fold(part), func(r rune) bool { return !letterOrDigit(r) && !unicode.IsMark(r) })
		for _, word := range append(split, part) {
			if word = kept(word, keep); utf8.RuneCountInString(word) > 1 {
				words = append(words, word)
			}
		}
	}
	return words
}

// kept returns the characters of s, folded, that keep accepts.
func kept(s string, keep func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if keep(r) {
			return r
		}
		return -1
	}, fold(s))
}
