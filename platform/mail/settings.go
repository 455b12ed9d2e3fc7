package mail

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"healthcare/platform/keyfile"
)

// Security is how the connection to a server is encrypted. Certificates are always verified, and the oldest version is
// TLS 1.2.
type Security string

// The kinds of encryption.
const (
	STARTTLS    Security = "STARTTLS" // after the greeting; a server without it is not used
	ImplicitTLS Security = "TLS"      // from the first byte on
	Unencrypted Security = "no TLS"   // to this machine only
)

// Server is the SMTP server that messages are sent to.
type Server struct {
	Host     string
	Port     string
	Security Security
	User     string // empty: without authentication
	Password keyfile.Secret
}

// Address returns the server's host and port.
func (s Server) Address() string { return net.JoinHostPort(s.Host, s.Port) }

var (
	errURL = errors.New("is not an address such as smtp://user:password@host:587 or smtps://user:password@host:465 " +
		"(special characters in the user and the password are written %XX)")
	errLoopback = errors.New("must have a loopback host (localhost, 127.0.0.1 or ::1) with tls=none, " +
		"because mail and password would cross the network unencrypted")
	errPassword = errors.New("needs a user and a password, or neither: smtp://user:password@host:587")
)

var serverName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// ParseServer parses smtp://user:password@host:587, smtps://user:password@host:465 or, for loopback hosts,
// smtp://host:port?tls=none. Errors: a sentence without any part of the text, which contains a password.
func ParseServer(text string) (Server, error) {
	u, err := url.Parse(text)
	if err != nil || u.Path != "" && u.Path != "/" || u.Fragment != "" || u.Opaque != "" ||
		!serverName.MatchString(u.Hostname()) && net.ParseIP(u.Hostname()) == nil {
		return Server{}, errURL // without the host, because a part of a password may be there
	}
	server := Server{Host: u.Hostname(), Port: u.Port(), User: u.User.Username()}
	password, hasPassword := u.User.Password()
	server.Password = keyfile.Secret(password)
	if u.User != nil && (server.User == "" || !hasPassword || password == "") {
		return Server{}, errPassword
	}
	var standard string
	switch {
	case u.Scheme == "smtp" && u.RawQuery == "":
		server.Security, standard = STARTTLS, "587"
	case u.Scheme == "smtps" && u.RawQuery == "":
		server.Security, standard = ImplicitTLS, "465"
	case u.Scheme == "smtp" && u.RawQuery == "tls=none" && !isLoopback(server.Host):
		return Server{}, errLoopback
	case u.Scheme == "smtp" && u.RawQuery == "tls=none":
		server.Security, standard = Unencrypted, "25"
	default:
		return Server{}, errURL
	}
	if server.Port == "" {
		server.Port = standard
	}
	if port, err := strconv.ParseUint(server.Port, 10, 16); err != nil || port == 0 {
		return Server{}, errURL
	}
	return server, nil
}

func isLoopback(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

var errFrom = errors.New(`must be an address such as clinic@clinic.example or "Example Clinic <clinic@clinic.example>"`)

// ParseFrom parses the sender of messages: an address, optionally with a name. Errors: a sentence for people.
func ParseFrom(text string) (*mail.Address, error) {
	from, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(text, unicode.IsControl) {
		return nil, errFrom
	}
	address, local, err := canonicalAddress(from.Address)
	if err != nil || !isASCII(local) {
		return nil, errFrom
	}
	return &mail.Address{Name: from.Name, Address: address}, nil
}

// parseTo parses a bare address and reports whether it needs SMTPUTF8 (RFC 6531). Errors: CodeAddress.
func parseTo(text string) (address string, needsUTF8 bool, err error) {
	invalid := &Error{Failure: Permanent, Step: StepMessage, Code: CodeAddress}
	to, err := mail.ParseAddress(strings.TrimSuffix(text, ".")) // of the DNS, as in "clinic.example."
	if err != nil || to.Name != "" || strings.ContainsAny(text, "<>") || strings.ContainsFunc(text, unicode.IsControl) {
		return "", false, invalid
	}
	address, local, err := canonicalAddress(to.Address)
	if err != nil {
		return "", false, invalid
	}
	return address, !isASCII(local), nil
}

// canonicalAddress returns the address with its domain in ASCII and its local part in NFC (RFC 6532, section 3.1), and
// the local part.
func canonicalAddress(address string) (canonical, local string, err error) {
	at := strings.LastIndex(address, "@")
	local = norm.NFC.String(address[:max(at, 0)])
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil || local == "" || len(local) > 64 || len(domain) > 253 || !serverName.MatchString(domain) {
		return "", "", errors.New("not an address of a domain") // domain literals such as [127.0.0.1] included
	}
	return local + "@" + domain, local, nil
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}

var selectorName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$`)

// CheckSelector validates a DKIM selector, which is a part of a domain name. Errors: a sentence for people.
func CheckSelector(selector string) error {
	if !selectorName.MatchString(selector) {
		return errors.New("is not a DKIM selector such as mail2026: letters, digits, dots and hyphens")
	}
	return nil
}

// ParseKey parses a private key for DKIM: PEM, RSA of at least 1024 bits (RFC 8301) or Ed25519 (RFC 8463). Errors: a
// sentence without the key.
func ParseKey(text string) (crypto.Signer, error) {
	key, err := gomail.PrivKeyFromPEM([]byte(text))
	if err != nil {
		return nil, errors.New("is not a private key in PEM, RSA or Ed25519; generate one with: openssl genrsa 2048")
	}
	if weak, ok := key.(*rsa.PrivateKey); ok && weak.N.BitLen() < 1024 {
		return nil, errors.New("must have at least 1024 bits; generate one with: openssl genrsa 2048")
	}
	return key, nil
}
