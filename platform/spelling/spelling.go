// Package spelling finds the most likely intended name of a misspelled word.
package spelling

// Distance returns the number of characters to insert, remove, replace or swap with their neighbour to turn one name
// into the other (optimal string alignment, after Damerau and Levenshtein). It compares bytes: names are ASCII.
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// Nearest returns the name that word most likely misspells: with at most one mistake in a name of up to nine
// characters, two in a longer one. Of equally near names it returns the first. It returns "" if no name is near enough,
// and if word is one of the names.
func Nearest(word string, names []string) string {
	nearest, least := "", 3
	for _, name := range names {
		mistakes := Distance(word, name)
		if mistakes == 0 {
			return ""
		}
		if mistakes < least && (mistakes == 1 || len(name) > 9) {
			nearest, least = name, mistakes
		}
	}
	return nearest
}
