package database_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/platform/database"
)

// eachWithTexts runs test once per engine, with a table of texts: on PostgreSQL with a trigram index if pg_trgm is
// installed.
func eachWithTexts(t *testing.T, test func(t *testing.T, db *database.DB)) {
	eachWithThings(t, func(t *testing.T, db *database.DB) {
		exec(t, db, `CREATE TABLE texts (
			n integer PRIMARY KEY, search_text text NOT NULL, created_at `+timeType(db)+`)`)
		if db.Engine() == database.Postgres {
			exec(t, db, `DO $$ BEGIN
				IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
					CREATE INDEX ON texts USING gin (search_text gin_trgm_ops);
				END IF;
			END $$`)
		}
		test(t, db)
	})
}

func timeType(db *database.DB) string {
	return map[database.Engine]string{database.SQLite: "text", database.Postgres: "timestamptz"}[db.Engine()]
}

// found returns the numbers of the texts that a search finds.
func found(ctx context.Context, t require.TestingT, db *database.DB, texts []string, search string) (numbers []int) {
	undo := errors.New("rolled back, so that the next search has other texts")
	require.ErrorIs(t, db.Do(ctx, func(ctx context.Context) error {
		tx := db.Write(ctx)
		if db.Engine() == database.Postgres {
			require.NoError(t, tx.Exec("SET LOCAL enable_seqscan = off").Error) // uses the index even for few rows
		}
		for n, text := range texts {
			require.NoError(t, tx.Exec("INSERT INTO texts (n, search_text) VALUES (?, ?)", n, text).Error)
		}
		require.NoError(t, database.WhereMatches(tx.Table("texts"), search).Order("n").Pluck("n", &numbers).Error)
		return undo
	}), undo)
	return numbers
}

func TestSearch(t *testing.T) {
	eachWithTexts(t, func(t *testing.T, db *database.DB) {
		for _, one := range []struct {
			name, search string
			texts        []string
			finds        bool
		}{
			{"letter case", "ANANYA", []string{"Ananya Verma"}, true},
			{"accents in the text", "jose", []string{"José"}, true},
			{"accents in the search", "JOSÉ", []string{"Jose"}, true},
			{"combining accents", "josé", []string{"Jose\u0301"}, true},
			{"two accents on a letter", "nguyen", []string{"Nguyễn"}, true},
			{"the German sharp s", "STRASSE", []string{"Straße"}, true},
			{"the Greek final sigma", "ΟΔΥΣΣΕΥΣ", []string{"Οδυσσεύς"}, true},
			{"the Turkish dotted I", "istanbul", []string{"İstanbul"}, true},
			{"Cyrillic in another case", "ИВАНОВ", []string{"Пётр Иванов"}, true},
			{"Arabic without its vowels", "محمد", []string{"مُحَمَّد"}, true},
			{"Devanagari", "अनन्या", []string{"अनन्या वर्मा"}, true},
			{"Cherokee in another case", "Ꮳ", []string{"ꮳꮃꭹ"}, true},
			{"one character of a Chinese name", "小", []string{"王小明"}, true},
			{"Hangul in parts", "\u1100\u1161\u11a8", []string{"각"}, true},
			{"full-width letters and ligatures", "ｆine", []string{"ﬁne"}, true},
			{"a letter outside the basic plane", "𝒜", []string{"a"}, true},
			{"the middle of a word", "nany", []string{"Ananya"}, true},
			{"a letter that begins a text", "v", []string{"Ananya", "Verma"}, true},
			{"a letter that begins a word", "v", []string{"Ananya Verma"}, true},
			{"a letter that begins a part of a name", "m b", []string{"Anne-Marie O'Brien"}, true},
			{"a letter of another script that begins a word", "И", []string{"Пётр Иванов"}, true},
			{"a letter inside a word", "n", []string{"Ananya"}, false},
			{"a digit inside a number", "2", []string{"MRN-42"}, false},
			{"a letter of another script inside a word", "в", []string{"Иванов"}, false},
			{"one character of a Thai name", "ช", []string{"สมชาย"}, true},
			{"one character of a Japanese name", "ろ", []string{"ひろし"}, true},
			{"a mark inside a word", "@", []string{"a@b"}, true},
			{"words in any order, in any text", "7 verma  ana", []string{"Ananya Verma", "", "MRN-7"}, true},
			{"a word that is missing", "ananya khanna", []string{"Ananya Verma"}, false},
			{"a word across two texts", "vermamrn", []string{"Ananya Verma", "MRN-7"}, false},
			{"another word", "ben", []string{"Ananya Verma"}, false},
			{"a percent sign", "a%a", []string{"Ananya"}, false},
			{"a percent sign in the text", "0%", []string{"100% sure"}, true},
			{"an underscore", "an_nya", []string{"Ananya"}, false},
			{"an underscore in the text", "_b", []string{"a_b"}, true},
			{"a backslash", `\a`, []string{"Ananya"}, false},
			{"a backslash in the text", `\`, []string{`a\b`}, true},
			{"a backslash before a percent sign", `\%`, []string{`a\b`, "%"}, false},
			{"a quote", `o'b`, []string{"O'Brien"}, true},
			{"no word at all", " \t\n\u00a0", []string{"Ananya"}, true},
			{"nothing", "", []string{"", ""}, true},
		} {
			t.Run(map[bool]string{true: "finds ", false: "does not find "}[one.finds]+one.name, func(t *testing.T) {
				numbers := found(t.Context(), t, db, []string{database.SearchText(one.texts...)}, one.search)
				require.Equal(t, one.finds, len(numbers) == 1)
			})
		}
	})
}

// special lists characters that folding, LIKE or trigrams treat specially.
var special = []rune("aAbBäÄßẞſσςΣİIıiKkÅéÉ%_\\'\" \t\n\u00a0\u0301\u0308\u200d-.@+中각й़اﬁǅΐŉ𝒜😀")

func TestSearchAgreesWithContains(t *testing.T) {
	characters := rapid.OneOf(
		rapid.SampledFrom(special), rapid.SampledFrom(special),
		rapid.Rune().Filter(func(r rune) bool { return r != 0 }),
	)
	texts := rapid.SliceOfN(rapid.StringOfN(characters, 0, 12, -1), 1, 8)
	eachWithTexts(t, func(t *testing.T, db *database.DB) {
		t.Run("finds the texts that contain every word", func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				stored := texts.Draw(r, "texts")
				for i := range stored {
					stored[i] = database.SearchText(stored[i])
				}
				search := rapid.StringOfN(characters, 0, 4, -1).Draw(r, "search")
				text := []rune(rapid.SampledFrom(stored).Draw(r, "the text to find"))
				if len(text) > 0 && rapid.Bool().Draw(r, "part of it") {
					from := rapid.IntRange(0, len(text)-1).Draw(r, "from")
					search = string(text[from:rapid.IntRange(from, len(text)).Draw(r, "to")])
				}
				var expected []int
				for n, text := range stored {
					words := strings.Fields(database.SearchText(search))
					if !slices.ContainsFunc(words, func(word string) bool { return !contains(text, word) }) {
						expected = append(expected, n)
					}
				}
				require.Equal(r, expected, append([]int(nil), found(t.Context(), r, db, stored, search)...))
			})
		})
	})
}

// contains reports whether text contains word. A single letter or digit must be at the beginning of a word of text.
func contains(text, word string) bool {
	letter := []rune(word)
	if len(letter) > 1 || !unicode.IsLetter(letter[0]) && !unicode.IsDigit(letter[0]) ||
		unicode.In(letter[0], unicode.Han, unicode.Hiragana, unicode.Katakana,
			unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan) {
		return strings.Contains(text, word)
	}
	before := ' '
	for _, r := range text {
		if r == letter[0] && strings.ContainsRune(" \n-'", before) {
			return true
		}
		before = r
	}
	return false
}

func TestSearchText(t *testing.T) {
	t.Parallel()
	t.Run("does not change a folded text", rapid.MakeCheck(func(t *rapid.T) {
		text := database.SearchText(rapid.String().Draw(t, "text"))
		require.Equal(t, text, database.SearchText(text))
	}))
	t.Run("folds every case of a letter to the same text", func(t *testing.T) {
		for r := rune(1); r <= unicode.MaxRune; r++ {
			upper, lower := unicode.ToUpper(r), unicode.ToLower(r)
			if upper == lower || r == 'ı' || unicode.Is(unicode.Mn, r) {
				continue // the dotless i is a separate letter, although its capital is I
			}
			folded := database.SearchText(string(r))
			require.Equal(t, folded, database.SearchText(string(upper)), "%U", r)
			require.Equal(t, folded, database.SearchText(string(lower)), "%U", r)
		}
	})
	t.Run("has a line for each text that is not empty", func(t *testing.T) {
		require.Equal(t, "ananya\nmrn-7", database.SearchText("Ananya", "", "MRN-7"))
		require.Empty(t, database.SearchText("", ""))
	})
}

func TestWhereCreated(t *testing.T) {
	eachWithTexts(t, func(t *testing.T, db *database.DB) {
		noon := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
		for n := range 5 {
			created := database.At(noon.Add(time.Duration(n) * time.Microsecond))
			exec(t, db, "INSERT INTO texts (n, search_text, created_at) VALUES (?, '', ?)", n, created)
		}
		at := func(n int) time.Time {
			return noon.Add(time.Duration(n) * time.Microsecond).In(time.FixedZone("east", 5*60*60))
		}
		for name, c := range map[string]struct {
			after, before time.Time
			expected      []int
		}{
			"no bound leaves all":                    {time.Time{}, time.Time{}, []int{0, 1, 2, 3, 4}},
			"after is exclusive, to the microsecond": {at(1), time.Time{}, []int{2, 3, 4}},
			"before is exclusive":                    {time.Time{}, at(1), []int{0}},
			"both bounds apply":                      {at(0), at(4), []int{1, 2, 3}},
			"nothing is between a time and itself":   {at(2), at(2), nil},
		} {
			t.Run(name, func(t *testing.T) {
				var numbers []int
				q := database.WhereCreated(db.Read(t.Context()).Table("texts"), c.after, c.before)
				require.NoError(t, q.Order("n").Pluck("n", &numbers).Error)
				require.Equal(t, c.expected, append([]int(nil), numbers...))
			})
		}
	})
}
