package domain_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"healthcare/modules/identity/internal/domain"
	"healthcare/platform/errs"
)

var now = time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)

func registration() domain.Registration {
	return domain.Registration{Name: "Asha Rao", Email: "Asha.Rao@Example.com", Password: "correct horse"}
}

// fieldErrors returns the messages of each invalid field.
func fieldErrors(t *testing.T, err error) map[string][]string {
	t.Helper()
	require.Equal(t, errs.Invalid, errs.KindOf(err), "%v", err)
	var invalid *errs.Error
	require.ErrorAs(t, err, &invalid)
	return invalid.Fields
}

// TestRegistrationBounds tries each rule of the contract on both sides of its boundary.
func TestRegistrationBounds(t *testing.T) {
	// "ä" is two bytes and one code point; "𝒜" is four bytes, and two units in UTF-16.
	wide := func(characters int) string { return strings.Repeat("ä", characters-1) + "𝒜" }
	const (
		blank      = "This field may not be blank."
		noAddress  = "Must be an e-mail address."
		unsendable = "Must be text in UTF-8, without NUL."
	)
	for _, c := range []struct {
		name    string
		set     func(*domain.Registration)
		field   string
		refusal string // empty if accepted
	}{
		{"a name of 1 character", func(r *domain.Registration) { r.Name = "A" }, "name", ""},
		{"a name of 255 characters between spaces", func(r *domain.Registration) { r.Name = " " + wide(255) + "\t" },
			"name", ""},
		{"a name of 256 characters", func(r *domain.Registration) { r.Name = wide(256) }, "name",
			"Must have at most 255 characters."},
		{"an empty name", func(r *domain.Registration) { r.Name = "" }, "name", blank},
		{"a name of spaces", func(r *domain.Registration) { r.Name = " \u2003" }, "name", blank},

		{"a name with NUL", func(r *domain.Registration) { r.Name = "A\x00" }, "name", unsendable},
		{"a name that is not UTF-8", func(r *domain.Registration) { r.Name = "A\xff" }, "name", unsendable},

		{"an e-mail address of 1 character", func(r *domain.Registration) { r.Email = "a" }, "email", noAddress},
		{"an e-mail address of 254 characters between spaces",
			func(r *domain.Registration) { r.Email = " " + strings.Repeat("a", 242) + "@example.com " }, "email", ""},
		{"an e-mail address of 255 characters", func(r *domain.Registration) {
			r.Email = strings.Repeat("a", 243) + "@example.com"
		}, "email", "Must have at most 254 characters."},
		{"an empty e-mail address", func(r *domain.Registration) { r.Email = "" }, "email", blank},
		{"an e-mail address of spaces", func(r *domain.Registration) { r.Email = "  " }, "email", blank},
		{"an e-mail address without @", func(r *domain.Registration) { r.Email = "example.com" }, "email", noAddress},
		{"an e-mail address without a mailbox", func(r *domain.Registration) { r.Email = "@example.com" }, "email",
			noAddress},
		{"two e-mail addresses", func(r *domain.Registration) { r.Email = "a@example.com, b@example.com" }, "email",
			noAddress},

		{"a password of 8 characters", func(r *domain.Registration) { r.Password = "12345678" }, "password", ""},
		{"a password of 8 characters of two bytes", func(r *domain.Registration) { r.Password = wide(8) }, "password",
			""},
		{"a password of 7 characters", func(r *domain.Registration) { r.Password = "1234567" }, "password",
			"Must have at least 8 characters."},
		{"a password of 7 characters in 28 bytes", func(r *domain.Registration) { r.Password = strings.Repeat("𝒜", 7) },
			"password", "Must have at least 8 characters."},
		{"a password of a letter between spaces, which is not trimmed",
			func(r *domain.Registration) { r.Password = "    x   " }, "password", ""},
		{"a password of 8 spaces", func(r *domain.Registration) { r.Password = strings.Repeat(" ", 8) }, "password",
			blank},
		{"a password of spaces of other scripts",
			func(r *domain.Registration) { r.Password = "\u00a0\u3000\u2003\t\n\u2028\u00a0\u1680" }, "password",
			blank},
		{"a password of invisible characters",
			func(r *domain.Registration) { r.Password = strings.Repeat("\u200b\u2060\u3164\ufeff", 3) }, "password",
			blank},
		{"a password of 1024 bytes", func(r *domain.Registration) { r.Password = strings.Repeat("𝒜", 256) }, "password",
			""},
		{"a password of 1025 bytes", func(r *domain.Registration) { r.Password = strings.Repeat("𝒜", 256) + "a" },
			"password", "Must have at most 1024 bytes."},
		{"a password with NUL", func(r *domain.Registration) { r.Password = "1234567\x00" }, "password", unsendable},
		{"a password that is not UTF-8", func(r *domain.Registration) { r.Password = "1234567\xff" }, "password",
			unsendable},
		{"an empty password", func(r *domain.Registration) { r.Password = "" }, "password", blank},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := registration()
			c.set(&r)
			if c.refusal == "" {
				require.NoError(t, r.Validate())
				return
			}
			require.Equal(t, map[string][]string{c.field: {c.refusal}}, fieldErrors(t, r.Validate()))
		})
	}
	t.Run("all invalid fields are reported at once, without the password", func(t *testing.T) {
		err := domain.Registration{Email: "x", Password: "canary"}.Validate()
		refused := fieldErrors(t, err)
		require.Len(t, refused, 3)
		require.NotContains(t, err.Error(), "canary")
	})
}

func TestCredentialsBounds(t *testing.T) {
	t.Run("any value that is not blank is valid", func(t *testing.T) {
		require.NoError(t, domain.Credentials{Email: "not an address", Password: " "}.Validate())
	})
	t.Run("all missing fields are reported at once", func(t *testing.T) {
		blank := []string{"This field may not be blank."}
		require.Equal(t, map[string][]string{"email": blank, "password": blank},
			fieldErrors(t, domain.Credentials{Email: " \t"}.Validate()))
	})
}

func TestNewUser(t *testing.T) {
	made := domain.NewUser(domain.Registration{Name: " Asha Rao ", Email: "\tAsha.Rao@Example.com ",
		Password: "not kept"}, "staff", "$phc$", now)
	require.Equal(t, uuid.Version(7), made.ID.Version())
	require.Equal(t, domain.User{
		ID: made.ID, Name: "Asha Rao", Email: "Asha.Rao@Example.com", PasswordHash: "$phc$", Role: "staff",
		Active: true, Version: 1,
		CreatedAt: now, UpdatedAt: now,
	}, made, "the address is stored as registered")
}

func TestAmendUser(t *testing.T) {
	later := now.Add(time.Hour)
	user := domain.NewUser(registration(), "staff", "$phc$", now)
	name, blank, admin, no, yes := " Asha Iyer ", " ", "admin", false, true
	amended := func(c domain.Changes) domain.User {
		changed := user
		changed.Amend(c, later)
		return changed
	}
	t.Run("applies the changes and increments the version", func(t *testing.T) {
		want := user
		want.Name, want.Role, want.Version, want.UpdatedAt = "Asha Iyer", "admin", 2, later
		require.Equal(t, want, amended(domain.Changes{Name: &name, Role: &admin}))
	})
	t.Run("changes nothing if no field differs", func(t *testing.T) {
		same := "staff"
		require.Equal(t, user, amended(domain.Changes{Role: &same, Active: &yes}))
		require.Equal(t, user, amended(domain.Changes{}))
	})
	t.Run("invalidates the access tokens of a disabled user once", func(t *testing.T) {
		disabled := amended(domain.Changes{Active: &no})
		require.False(t, disabled.Active)
		require.Equal(t, user.TokenVersion+1, disabled.TokenVersion)
		again := disabled
		again.Amend(domain.Changes{Active: &no}, later)
		require.Equal(t, disabled, again)
		again.Amend(domain.Changes{Active: &yes}, later)
		require.True(t, again.Active)
		require.Equal(t, disabled.TokenVersion, again.TokenVersion)
	})
	t.Run("validates the name", func(t *testing.T) {
		require.NoError(t, domain.Changes{Name: &name}.Validate())
		require.NoError(t, domain.Changes{}.Validate())
		require.Contains(t, fieldErrors(t, domain.Changes{Name: &blank}.Validate()), "name")
	})
}

func TestPasswordChangeBounds(t *testing.T) {
	require.NoError(t, domain.PasswordChange{Current: "x", New: "12345678"}.Validate())
	require.Len(t, fieldErrors(t, domain.PasswordChange{New: "1234567"}.Validate()), 2)
	require.Contains(t, fieldErrors(t, domain.PasswordChange{Current: "x", New: strings.Repeat("x", 1025)}.Validate()),
		"new_password")
}

func TestSetPassword(t *testing.T) {
	later := now.Add(time.Hour)
	user := domain.NewUser(registration(), "staff", "$phc$", now)
	want := user
	want.PasswordHash, want.Version, want.UpdatedAt = "$new$", 2, later
	t.Run("keeps the access tokens of a user who changes it", func(t *testing.T) {
		changed := user
		changed.SetPassword("$new$", later)
		require.Equal(t, want, changed)
	})
	t.Run("invalidates the access tokens if an operator chooses it", func(t *testing.T) {
		reset := user
		reset.ResetPassword("$new$", later)
		want.TokenVersion = 1
		require.Equal(t, want, reset)
	})
}

func TestMailbox(t *testing.T) {
	t.Run("ignores letter case and surrounding spaces", func(t *testing.T) {
		require.Equal(t, "asha.rao@example.com", domain.Mailbox(" Asha.RAO@Example.COM\n"))
		require.Equal(t, domain.Mailbox("ÄSHA@example.com"), domain.Mailbox("äsha@example.com"))
	})
	t.Run("of a mailbox is the mailbox", rapid.MakeCheck(func(t *rapid.T) {
		once := domain.Mailbox(rapid.String().Draw(t, "address"))
		require.Equal(t, once, domain.Mailbox(once))
	}))
	t.Run("ignores the letter case of an address", rapid.MakeCheck(func(t *rapid.T) {
		address := anyAddress().Draw(t, "address")
		require.Equal(t, domain.Mailbox(address), domain.Mailbox(strings.ToUpper(address)))
	}))
	t.Run("is the same in all canonical forms, and for the same users.mailbox", rapid.MakeCheck(func(t *rapid.T) {
		address := rapid.StringOf(rapid.OneOf(rapid.Rune(),
			rapid.RuneFrom([]rune("iIİıß@.-\u0307\u0323\u0331\u0345ςΣŉǰ\u0130\u200b")))).Draw(t, "address")
		want := domain.Mailbox(address)
		for _, form := range []norm.Form{norm.NFC, norm.NFD} {
			require.Equal(t, want, domain.Mailbox(form.String(address)))
		}
		require.Equal(t, want, domain.Mailbox(domain.LowerAddress(address)))
		require.LessOrEqual(t, len(want), 1000)
	}))
	for name, spellings := range map[string][]string{
		"NFC and NFD": {"zoë@bücher.example", "zoe\u0308@bu\u0308cher.example"},
		"U-labels and A-labels, in any letter case": {"a@bücher.example", "a@BÜCHER.example", "a@xn--bcher-kva.example",
			"A@XN--BCHER-KVA.EXAMPLE"},
		"dots at the end and of other scripts": {"a@b.example", "a@b.example.", "a@b.example..",
			"a@b\u3002example", "a@b\uff0eexample\uff61"},
		"the Kelvin sign": {"kate@kiosk.example", "\u212aate@\u212aiosk.example"},
		"wide letters and a wide at sign": {"asha@b.example", "ａｓｈａ@b.example", "asha@ｂ.example",
			"asha＠b.example", "asha﹫b.example"},
		"invisible characters": {"asha@b.example", "as\u200bha@b.example",
			"\ufeffasha@b.exam\u00adple", "asha\u202e@b.example\u200d"},
		"sharp s in a local part": {"strasse@b.example", "straße@b.example", "STRAẞE@b.example"},
		"sharp s in a domain": {"a@straße.example", "a@STRAẞE.example",
			"a@xn--strae-oqa.example"},
		"spaces at the end of a local part": {"asha@b.example", "asha @b.example", "asha\u00a0\u200b@b.example"},
		"no local part":                     {"@bücher.example", "@xn--bcher-kva.example"},
		"i with a mark below and a dot":     {"ị@b.example", "i\u0323\u0307@b.example"},
		"dotted I": {"ilker@klinik.example", "İLKER@KLİNİK.example",
			"I\u0307lker@kli\u0307nik.example", "i\u0307lker@klinik.example"},
		"final sigma in a local part": {"οδος@b.example", "ΟΔΟΣ@b.example", "οδοσ@b.example"},
		"a domain that is not a host name": {"a@bü_cher.example", "a@BU\u0308_CHER.example.",
			"a@xn--b_cher-3ya.example"},
		"hyphens where A-labels have them": {"a@ab--cü.example", "a@xn--ab--c-ova.example"},
		"a label that is too long": {"a@" + strings.Repeat("x", 70) + ".example",
			"A@" + strings.Repeat("X", 70) + ".example."},
		"an address literal":          {"a@[IPv6:2001:db8::1]", "A@[ipv6:2001:DB8::1]"},
		"text that is not an address": {"asha", " ASHA "},
	} {
		t.Run("is the same for "+name, func(t *testing.T) {
			for _, spelling := range spellings {
				require.Equal(t, domain.Mailbox(spellings[0]), domain.Mailbox(spelling), "%+q", spelling)
			}
		})
	}
	t.Run("differs for a different address", func(t *testing.T) {
		seen := map[string]string{}
		for _, address := range []string{
			"a@straße.example", "a@strasse.example", "a@οδος.example", "a@οδοσ.example", "ıa@b.example", "ia@b.example",
			"a+b@b.example", "a.b@b.example",
			"ab@b.example", "zoe@b.example", "zoë@b.example", "a@b_c.example", "a@bc.example", "а@b.example",
			"ȧ@b.example", "\u0307a@b.example", "naïve@b.example", "naive@b.example", "ï@b.example",
			"ï\u0307@b.example", "a@b.example", "@b.example",
		} {
			require.Empty(t, seen[domain.Mailbox(address)], "%+q", address)
			seen[domain.Mailbox(address)] = address
		}
	})
	t.Run("is readable up to 1000 bytes, and a digest of a longer text", func(t *testing.T) {
		local := strings.Repeat("a", 990)
		require.Equal(t, local+"@b.example", domain.Mailbox(local+"@b.example"))
		require.Contains(t, domain.Mailbox("a"+local+"@b.example"), "sha256:")
	})
	t.Run("is computed of up to 4096 bytes, and a digest of longer text in any letter case", func(t *testing.T) {
		typed := strings.Repeat("\u200b", 1361) + "aaa@b.example"
		require.Len(t, typed, 4096)
		require.Equal(t, "aaa@b.example", domain.Mailbox(typed))
		require.Contains(t, domain.Mailbox("a"+typed), "sha256:")
		require.Equal(t, domain.Mailbox("a"+typed), domain.Mailbox(strings.ToUpper("a"+typed)))
	})
	t.Run("is bounded for an address of any length", func(t *testing.T) {
		long := strings.Repeat("\ufdfa", 240)
		require.LessOrEqual(t, len(domain.Mailbox(long+"@b.example")), 1000)
		require.NotEqual(t, domain.Mailbox(long+"@b.example"), domain.Mailbox(long+"@c.example"))
		require.LessOrEqual(t, len(domain.Mailbox(strings.Repeat("a", 1<<20))), 1000)
		require.NotEmpty(t, domain.Mailbox("\u200b\u200b\u200b"), "the store rejects an empty mailbox")
	})
}

func TestNewAddressesAreVisible(t *testing.T) {
	for _, hidden := range []string{
		"\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u061c", "\u0007", "\u0000", "\u0085",
		"\u00a0", "\u3000", "\u2028", "\u115f", "\u3164",
		"\uffa0", "\u034f", "\ufe0f", "\U000e0041", "\u2800", "\ue000", " ",
	} {
		for _, address := range []string{"as" + hidden + "ha@clinic.example", "asha@cli" + hidden + "nic.example"} {
			t.Run(fmt.Sprintf("%+q is rejected", address), func(t *testing.T) {
				require.Contains(t, fieldErrors(t, domain.Registration{Name: "A", Email: address,
					Password: "correct horse"}.Validate()), "email")
				require.NoError(t, domain.Credentials{Email: address, Password: "x"}.Validate(),
					"existing users can sign in")
			})
		}
	}
	for _, address := range []string{"zoë@bücher.example", "आशा@उदाहरण.example", "نام@مثال.example",
		"a@xn--bcher-kva.example", " asha@clinic.example\u00a0"} {
		t.Run(fmt.Sprintf("%+q is accepted", address), func(t *testing.T) {
			require.NoError(t, domain.Registration{Name: "A", Email: address, Password: "correct horse"}.Validate())
		})
	}
}

func TestUsernameCandidate(t *testing.T) {
	t.Run("is the local part in lower case at the first attempt", func(t *testing.T) {
		require.Equal(t, "asha.rao", domain.UsernameCandidate("Asha.Rao@Example.com", 0))
	})
	t.Run("is cut so that the suffix fits into 150 characters", func(t *testing.T) {
		address := strings.Repeat("ä", 242) + "@example.com"
		require.Equal(t, strings.Repeat("ä", 140), domain.UsernameCandidate(address, 0))
		require.Regexp(t, "^ä{140}-[0-9a-f]{8}$", domain.UsernameCandidate(address, 1))
	})
	t.Run("has 1 to 150 characters for every valid address", rapid.MakeCheck(func(t *rapid.T) {
		address := anyAddress().Draw(t, "address")
		for attempt := range 3 {
			characters := utf8.RuneCountInString(domain.UsernameCandidate(address, attempt))
			require.GreaterOrEqual(t, characters, 1)
			require.LessOrEqual(t, characters, 150)
		}
	}))
	t.Run("begins with the local part and differs at each attempt", rapid.MakeCheck(func(t *rapid.T) {
		address := anyAddress().Draw(t, "address")
		first := domain.UsernameCandidate(address, 0)
		seen := map[string]bool{first: true}
		for attempt := 1; attempt < 20; attempt++ {
			next := domain.UsernameCandidate(address, attempt)
			require.True(t, strings.HasPrefix(next, first+"-"))
			require.False(t, seen[next])
			seen[next] = true
		}
	}))
}

// anyAddress generates valid e-mail addresses up to the maximum length.
func anyAddress() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		local := rapid.StringMatching(`[a-zA-Z0-9äöß][a-zA-Z0-9äöß+_-]{0,241}`).Draw(t, "local")
		address := local + "@example.com"
		if (domain.Registration{Name: "A", Email: address, Password: "12345678"}).Validate() != nil {
			t.Skip("not an address")
		}
		return address
	})
}
