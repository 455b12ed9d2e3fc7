package database

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"healthcare/platform/text"
)

// StaleSearchTextCondition returns the condition on rows whose search_text was folded by an earlier release. Either it
// contains a character that text.Fold replaces, or the name has an accent as an apostrophe, which was folded to a
// space. The partial indexes have the same condition. Both engines recognize it only in exactly this form.
func StaleSearchTextCondition(engine Engine) string {
	stale := text.VariantRanges()
	var accents []rune
	for _, r := range text.SpacingAccents {
		accents = append(accents, r, r)
	}
	if engine == SQLite {
		// GLOB compares each character with the whole set. The merged set is short and excludes most texts. Without it,
		// indexing a row costs twenty times as much.
		return fmt.Sprintf(
			"(search_text GLOB %s AND search_text GLOB %s OR name GLOB %s AND instr(search_text, '''') = 0)",
			globPattern(mergeRanges(stale)), globPattern(stale), globPattern(accents),
		)
	}
	return fmt.Sprintf(
		"(search_text ~ '%s' OR name ~ '%s' AND strpos(search_text, '''') = 0)",
		regexPattern(stale), regexPattern(accents),
	)
}

// mergeRanges merges ranges that are less than 0x200 apart. The result covers all of them, but no letters of Greek,
// Cyrillic, Indic scripts or Chinese.
func mergeRanges(ranges []rune) []rune {
	sorted := make([][2]rune, 0, len(ranges)/2)
	for i := 0; i < len(ranges); i += 2 {
		sorted = append(sorted, [2]rune{ranges[i], ranges[i+1]})
	}
	slices.SortFunc(sorted, func(a, b [2]rune) int { return cmp.Compare(a[0], b[0]) })
	var merged []rune
	for _, r := range sorted {
		if last := len(merged) - 1; last > 0 && r[0]-merged[last] < 0x200 {
			merged[last] = r[1]
		} else {
			merged = append(merged, r[0], r[1])
		}
	}
	return merged
}

// globPattern returns an SQL expression for the pattern of texts that contain a character of the ranges. It contains
// code points, because some characters are invisible or change the direction of text.
func globPattern(ranges []rune) string {
	points := []rune("*[`") // with the grave accent
	for i := 0; i < len(ranges); i += 2 {
		points = append(points, ranges[i])
		if ranges[i+1] > ranges[i] {
			points = append(points, '-', ranges[i+1])
		}
	}
	points = append(points, []rune("]*")...)
	return "char(" + strings.ReplaceAll(strings.Trim(fmt.Sprint(points), "[]"), " ", ", ") + ")"
}

// regexPattern returns the regular expression of texts that contain a character of the ranges.
func regexPattern(ranges []rune) string {
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
