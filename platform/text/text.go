// Package text checks whether a text is visible to people, and folds texts for searches.
package text

import (
	"errors"
	"strings"
	"unicode"
)

// ErrBlank is the error for a field without a visible character.
var ErrBlank = errors.New("This field may not be blank.")

// Ignorable reports whether r is a format character or one that programs do not display by default (Unicode property
// Default_Ignorable_Code_Point).
func Ignorable(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Unseen reports whether r is invisible: white space, a control or ignorable character, or one for private use.
func Unseen(r rune) bool {
	const brailleBlank = '\u2800'
	return unicode.IsSpace(r) || Ignorable(r) || r == brailleBlank ||
		unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Cc, unicode.Co)
}

// Blank reports whether s has no visible character.
func Blank(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !Unseen(r) }) < 0
}

// NotBlank is a validation rule: it rejects a text without a visible character. Errors: ErrBlank.
func NotBlank(value any) error {
	if s, _ := value.(string); Blank(s) {
		return ErrBlank
	}
	return nil
}
