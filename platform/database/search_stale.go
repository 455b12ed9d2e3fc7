package database

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"healthcare/platform/text"
)

// StaleSearchTextCondition returns the condition on rows whose search_text was folded by an earlier release: it holds a
// character that text.Fold replaces, or the name holds an accent for an apostrophe, which was folded to a space. Indexes
// have the same condition. Both engines recognize it only in exactly this form.
func StaleSearchTextCondition(engine Engine) string {
	stale := text.VariantRanges()
	var accents []rune
	for _, r := range text.SpacingAccents {
		accents = append(accents, r, r)
	}
	if engine == SQLite {
		// GLOB looks through the whole set at each character. The wider set is short, and keeps most texts from the narrow one: without
		// it, a row costs twenty times as much to index.
		return fmt.Sprintf("(search_text GLOB %s AND search_text GLOB %s OR name GLOB %s AND instr(search_text, '''') = 0)",
			globOf(widened(stale)), globOf(stale), globOf(accents))
	}
	return fmt.Sprintf("(search_text ~ '%s' OR name ~ '%s' AND strpos(search_text, '''') = 0)", regexOf(stale), regexOf(accents))
}

// widened returns fewer ranges that hold all of these, and leave out the letters of Greek, Cyrillic, Indic and Chinese.
func widened(ranges []rune) []rune {
	sorted := make([][2]rune, 0, len(ranges)/2)
	for i := 0; i < len(ranges); i += 2 {
		sorted = append(sorted, [2]rune{ranges[i], ranges[i+1]})
	}
	slices.SortFunc(sorted, func(a, b [2]rune) int { return cmp.Compare(a[0], b[0]) })
	var wide []rune
	for _, one := range sorted {
		if last := len(wide) - 1; last > 0 && one[0]-wide[last] < 0x200 {
			wide[last] = one[1]
		} else {
			wide = append(wide, one[0], one[1])
		}
	}
	return wide
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
