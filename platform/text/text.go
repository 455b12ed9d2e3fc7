// Package text says what of a text people see.
package text

import (
	"errors"
	"strings"
	"unicode"
)

// ErrBlank is the message of a field that shows nothing.
var ErrBlank = errors.New("This field may not be blank.")

// Ignorable reports whether r is a format character or one that Unicode has programs show nothing for
// (Default_Ignorable_Code_Point).
func Ignorable(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Unseen reports whether r shows nothing: white space, a control, an invisible character, or one that only private
// agreements give a shape.
func Unseen(r rune) bool {
	const brailleBlank = '\u2800'
	return unicode.IsSpace(r) || Ignorable(r) || r == brailleBlank ||
		unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Cc, unicode.Co)
}

// Blank reports whether s shows nothing at all.
func Blank(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !Unseen(r) }) < 0
}

// NotBlank is the rule of validation for a text that must show something. Errors: ErrBlank.
func NotBlank(value any) error {
	if s, _ := value.(string); Blank(s) {
		return ErrBlank
	}
	return nil
}
