package domain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/identity/internal/domain"
)

var (
	basic  = domain.PasswordPolicy{}
	strict = domain.PasswordPolicy{Strict: true, Common: func(password string) bool {
		return strings.EqualFold(password, "baseball")
	}}
)

func TestPasswordPolicy(t *testing.T) {
	const (
		blank   = "This field may not be blank."
		short   = "Must have at least 8 characters."
		long    = "Must have at most 1024 bytes."
		common  = "Is one of the most used passwords."
		address = "Contains your e-mail address."
		own     = "Is little more than your name or e-mail address."
	)
	for _, c := range []struct {
		title, password, name, email string
		basic, strict                string // the errors of the policies; empty means allowed
	}{
		{"no password", "", "Asha Rao", "asha@clinic.example", blank, blank},
		{"7 characters", "1234567", "Asha Rao", "asha@clinic.example", short, short},
		{"8 characters", "x93kq1-z", "Asha Rao", "asha@clinic.example", "", ""},
		{"8 characters of two bytes", "ääöüßéèê", "Asha Rao", "asha@clinic.example", "", ""},
		{"1024 bytes", strings.Repeat("ab", 512), "Asha Rao", "asha@clinic.example", "", ""},
		{"1025 bytes", strings.Repeat("a", 1025), "Asha Rao", "asha@clinic.example", long, long},
		{"a common password in capitals", "BaseBall", "Asha Rao", "asha@clinic.example", "", common},
		{"a sentence with the own name", "asha likes green tea", "Asha Rao", "asha@clinic.example", "", ""},
		{"a longer word that begins with the own name", "ashamed-of-it", "Asha Rao", "asha@clinic.example", "", ""},
		{"the own name, a year and a sign", "AshaRao2024!", "Asha Rao", "asha@clinic.example", "", own},
		{"the own name in reverse order", "rao.asha", "Asha Rao", "asha@clinic.example", "", own},
		{"the own name repeated", "ashaASHAasha", "Asha Rao", "asha@clinic.example", "", own},
		{"the first name and digits", "asha12345678", "Asha Rao", "asha@clinic.example", "", own},
		{"the own name without its accents", "JoseNunez1", "José Núñez", "j@clinic.example", "", own},
		{"the own name with added accents", "Ãshà-Ráo", "Asha Rao", "asha@clinic.example", "", own},
		{"the own name in wide letters", "ＡｓｈａＲａｏ１", "Asha Rao", "a@clinic.example", "", own},
		{"the own name in Devanagari", "आशा-राव-2024", "आशा राव", "a@clinic.example", "", own},
		{"a short name of two words", "BoLi2024!", "Bo Li", "b@clinic.example", "", own},
		{"a short name of two words in reverse order", "LiBo2024!", "Bo Li", "b@clinic.example", "", own},
		{"the address", "asha@clinic.example", "Asha Rao", "Asha@Clinic.example", "", address},
		{"the address in a sentence", "I am ASHA@clinic.example indeed", "Asha Rao", "asha@clinic.example", "",
			address},
		{"the part before the @", "a.b-smith77", "Asha Rao", "a.b-smith77@clinic.example", "", own},
		{"an address of digits", "98237498", "Asha Rao", "98237498@clinic.example", "", own},
		{"other digits", "61940275", "Asha Rao", "98237498@clinic.example", "", ""},
		{"the part after the @", "Clinic.Example", "Asha Rao", "asha@clinic.example", "", own},
		{"both names and the place", "asha-clinic", "Asha Rao", "asha@clinic.example", "", own},
		{"digits with the initial of the name", "7342a9182", "A. Rao", "rao@clinic.example", "", ""},
		{"the address, its domain in the other spelling", "asha@bücher.example", "Asha Rao",
			"asha@xn--bcher-kva.example", "", address},
		{"the domain in Unicode", "bücher-example", "Asha Rao", "asha@xn--bcher-kva.example", "", own},
		{"8 spaces", "        ", "Asha Rao", "asha@clinic.example", blank, blank},
		{"any password, without a name or address", "some thing", "", "", "", ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			for want, policy := range map[*string]domain.PasswordPolicy{&c.basic: basic, &c.strict: strict} {
				err := policy.Check(c.password, c.name, c.email)
				if *want == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, *want)
				}
			}
		})
	}
	t.Run("strict rejects all that basic rejects, for the same reason", rapid.MakeCheck(func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("aA1 é@")), 0, 20, -1))
		password, name, email := text.Draw(t, "password"), text.Draw(t, "name"), text.Draw(t, "email")
		refused := strict.Check(password, name, email)
		if err := basic.Check(password, name, email); err != nil {
			require.EqualError(t, refused, err.Error())
		}
	}))
	t.Run("strict rejects a sequence of own words with any separators", rapid.MakeCheck(func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"Asha", "RAO", "clinic", "example"}), 2, 20).Draw(t, "words")
		between := rapid.StringOfN(rapid.RuneFrom([]rune(" .-_!0123456789")), 0, 5, -1).Draw(t, "between")
		require.Error(t, strict.Check(strings.Join(words, between)+"12345678", "Asha Rao", "asha@clinic.example"))
	}))
}
