package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"healthcare/platform/text"
)

// maxMailbox bounds a mailbox, in bytes: PostgreSQL indexes no text of more than about 2,700.
const maxMailbox = 1000

// maxTyped bounds the address that a mailbox is computed of, in bytes. An account's has at most 254 characters.
const maxTyped = 4096

// Mailbox returns the key of an address: two addresses of one mailbox belong to one account. It is the local part in
// NFKC, case folded and without invisible characters, and the domain as IDNA's A-label (lookup profile) without a
// trailing dot. A domain that IDNA rejects is folded like a local part. Addresses that LowerAddress makes equal are
// of one mailbox, always: the unique constraint of users.mailbox knows no finer difference.
func Mailbox(email string) string {
	email = LowerAddress(email)
	if len(email) > maxTyped {
		return digest(email)
	}
	mailbox := foldAddress(email) // of a text without a domain
	if local, host := splitAddress(email); foldDomain(host) != "" {
		mailbox = foldAddress(local) + "@" + foldDomain(host)
	}
	switch {
	case len(mailbox) > maxMailbox:
		return digest(mailbox)
	case mailbox == "" && email != "": // all invisible addresses would share it
		return digest(email)
	}
	return mailbox
}

// LowerAddress returns the address in lower case, the key in users.mailbox of releases before user_mailboxes.
func LowerAddress(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// splitAddress cuts at the last at sign, which may be one of those that NFKC makes an at sign.
func splitAddress(email string) (local, host string) {
	at := strings.LastIndexAny(email, "@\uff20\ufe6b")
	if at < 0 {
		return email, ""
	}
	_, host, _ = strings.Cut(norm.NFKC.String(email[at:]), "@")
	return email[:at], host
}

// foldAddress applies NFKC and case folding until nothing changes: a folded text need not be in NFKC, and the other
// way round.
func foldAddress(s string) string {
	for range 8 { // two rounds suffice; the bound protects against future tables
		folded := norm.NFKC.String(cases.Fold().String(undotted(visible(norm.NFKD.String(s)))))
		folded = strings.TrimSpace(folded)
		if folded == s {
			break
		}
		s = folded
	}
	return s
}

// undotted removes the dot above that a small i is shown with anyway, from decomposed text: folding makes the dotted
// capital I that letter with a dot, while strings.ToLower, and so users.mailbox, makes it a plain i.
func undotted(s string) string {
	afterI := false
	return strings.Map(func(r rune) rune {
		class := norm.NFD.PropertiesString(string(r)).CCC()
		switch {
		case class == 0:
			afterI = r == 'i' || r == 'I'
		case r == '\u0307' && afterI:
			return -1
		case class == 230:
			afterI = false // another mark above comes between
		}
		return r
	}, s)
}

// visible removes the characters that have no width and no meaning of their own.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if text.Ignorable(r) {
			return -1
		}
		return r
	}, s)
}

// lenient is idna.Lookup for labels that are no host names, such as those with an underscore.
var lenient = idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.CheckHyphens(false))

// foldDomain returns the A-labels of a domain. It goes by way of the U-labels, because the dot above i has to be
// removed in both.
func foldDomain(host string) string {
	for range 8 {
		aLabels := toASCII(trimDomain(strings.ToLower(host)))
		if aLabels == host {
			break
		}
		host = aLabels
	}
	return host
}

func toASCII(host string) string {
	for _, profile := range []*idna.Profile{idna.Lookup, lenient} {
		uLabels, err := profile.ToUnicode(host)
		if err != nil {
			continue
		}
		if aLabels, err := profile.ToASCII(norm.NFC.String(undotted(norm.NFD.String(visible(uLabels))))); err == nil {
			return trimDomain(aLabels)
		}
	}
	return trimDomain(foldAddress(host))
}

// trimDomain removes the dots at the end, which only mark the domain as complete, and spaces.
func trimDomain(host string) string {
	return strings.TrimRightFunc(host, func(r rune) bool { return r == '.' || unicode.IsSpace(r) })
}

// spellings returns the address as it was typed, as its mailbox, and as that reads to people: a password made of any
// of them is made of the address.
func spellings(email string) []string {
	mailbox := Mailbox(email)
	local, host := splitAddress(mailbox)
	host, _ = lenient.ToUnicode(host) // other labels stay
	return []string{LowerAddress(email), mailbox, local + "@" + host}
}

// errInvisible rejects a new address that looks like another one.
var errInvisible = errors.New("Must not contain spaces, control characters or invisible characters.")

// allVisible is the rule for the characters of a new address. Existing accounts keep the addresses that they were
// registered with.
func allVisible(value any) error {
	// an address has no plain space
	if strings.ContainsFunc(value.(string), func(r rune) bool { return r != ' ' && text.Unseen(r) }) {
		return errInvisible
	}
	return nil
}
