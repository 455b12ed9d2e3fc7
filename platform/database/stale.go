package database

import (
	"fmt"
	"strings"
)

// StaleSearchText returns the condition on rows whose search_text was folded by an earlier release: it holds a character that fold never
// leaves, or the name holds an accent for an apostrophe, which was folded to a space. It is the condition of an index, so both engines
// recognize it only as it is written here.
func StaleSearchText(engine Engine) string {
	var stale []rune // first, last, …
	for _, one := range variants {
		for _, r := range one.of.R16 {
			stale = append(stale, rune(r.Lo), rune(r.Hi))
		}
		for _, r := range one.of.R32 {
			stale = append(stale, rune(r.Lo), rune(r.Hi)) //nolint:gosec // a code point
		}
	}
	var accents []rune
	for _, r := range spacingAccents {
		accents = append(accents, r, r)
	}
	if engine == SQLite {
		return fmt.Sprintf("(search_text GLOB %s OR name GLOB %s AND instr(search_text, '''') = 0)", globOf(stale), globOf(accents))
	}
	return fmt.Sprintf("(search_text ~ '%s' OR name ~ '%s' AND strpos(search_text, '''') = 0)", regexOf(stale), regexOf(accents))
}

// globOf returns a pattern for texts that hold one of the characters, spelled by code point: some are invisible, or turn text around.
func globOf(ranges []rune) string {
	points := []rune("*[`") // the grave accent too
	for i := 0; i < len(ranges); i += 2 {
		points = append(points, ranges[i])
		if ranges[i+1] > ranges[i] {
			points = append(points, '-', ranges[i+1])
		}
	}
	points = append(points, []rune("]*")...)
	return "char(" + strings.ReplaceAll(strings.Trim(fmt.Sprint(points), "[]"), " ", ", ") + ")"
}

func regexOf(ranges []rune) string {
	var b strings.Builder
	b.WriteString("[`")
	for i := 0; i < len(ranges); i += 2 {
		b.WriteString(regexPoint(ranges[i]))
		if ranges[i+1] > ranges[i] {
			b.WriteString("-" + regexPoint(ranges[i+1]))
		}
	}
	return b.String() + "]"
}

func regexPoint(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf(`\U%08X`, r)
	}
	return fmt.Sprintf(`\u%04X`, r)
}
