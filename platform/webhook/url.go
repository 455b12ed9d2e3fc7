package webhook

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	maxURL    = 2048
	maxHost   = 253 // RFC 1035, section 2.3.4, without the final dot
	httpsPort = 443
)

var (
	errLength = errors.New("must have at most 2048 characters")
	errURL    = errors.New("must be a URL such as https://hooks.clinic.example/appointments, without spaces " +
		"(special characters in the path and the query are written %XX)")
	errHTTPS    = errors.New("must begin with https://")
	errScheme   = errors.New("must begin with https:// or http://")
	errUser     = errors.New("must not contain a user or a password")
	errFragment = errors.New("must not contain a fragment (#)")
	errPort     = errors.New("must have the port 443 or a port from 1024 to 65535")
	errHTTPPort = errors.New("must have a port from 1024 to 65535, such as http://host:8080/")
	errPublic   = errors.New("must have the name of a public host such as hooks.clinic.example, " +
		"and neither an IP address nor a name of a private network")
	errAddress = errors.New("must have an IP address that WEBHOOK_ALLOW_PRIVATE contains, or a public one and https")
	errHost    = errors.New("must have a host such as hooks.clinic.example, 192.168.0.10 or [fd00::10]")
)

// hostName matches a name of the DNS in ASCII. Its last label begins with a letter, so that it is no notation of an
// IPv4 address, such as 2130706433, 127.1, 0x7f.1 or 0177.0.0.1, which some resolvers accept.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// privateDomains lists the domains of private networks: RFC 6761, 6762 (with its appendix G) and 8375, and the
// reservation of .internal.
var privateDomains = regexp.MustCompile(
	`(^|\.)(localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa)$`,
)

// CheckURL validates the URL of an endpoint. If the operator allows private addresses, it also accepts http, names of
// private networks, and IP addresses that the sender permits. CheckURL does not look the name up: the sender checks the
// address of each connection. Errors: a sentence for people, without any part of the URL.
func CheckURL(raw string, allowPrivate []netip.Prefix) error {
	u, err := parseURL(raw, len(allowPrivate) > 0)
	if err != nil {
		return err
	}
	allowed := guard{allowPrivate: allowPrivate, unencrypted: u.Scheme != "https"}
	if address, err := netip.ParseAddr(u.Hostname()); err == nil && !allowed.permits(address) {
		return errAddress
	}
	return nil
}

// parseURL returns a valid URL with its host in ASCII and without the port 443 of https. It accepts any IP address if
// the operator allows some. Errors: those of CheckURL.
func parseURL(raw string, allowPrivate bool) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, errLength
	}
	u, err := url.Parse(raw)
	if err != nil || !utf8.ValidString(raw) || strings.ContainsFunc(raw, isInvisible) || u.Opaque != "" {
		return nil, errURL
	}
	switch {
	case u.Scheme != "https" && !allowPrivate:
		return nil, errHTTPS
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errScheme
	case u.User != nil:
		return nil, errUser
	case strings.Contains(raw, "#"):
		return nil, errFragment
	case strings.ContainsFunc(u.RawQuery, func(r rune) bool { return r > unicode.MaxASCII }):
		return nil, errURL
	}
	host, err := parseHost(u, allowPrivate)
	if err != nil {
		return nil, err
	}
	port, err := parsePort(u)
	if err != nil {
		return nil, err
	}
	u.Host = host
	if u.Scheme == "http" || port != httpsPort {
		u.Host += ":" + strconv.Itoa(int(port))
	}
	return u, nil
}

func isInvisible(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }

// parseHost returns the host in ASCII, and an IPv6 address in brackets.
func parseHost(u *url.URL, allowPrivate bool) (string, error) {
	wrong := errPublic
	if allowPrivate {
		wrong = errHost
	}
	host := u.Hostname()
	if address, err := netip.ParseAddr(host); err == nil {
		if !allowPrivate || address.Zone() != "" {
			return "", wrong
		}
		return strings.TrimSuffix(net.JoinHostPort(host, ""), ":"), nil // brackets around IPv6
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || len(ascii) > maxHost || !hostName.MatchString(ascii) {
		return "", wrong
	}
	// The look-up and the certificate convert the name again.
	if again, err := idna.Lookup.ToASCII(ascii); err != nil || again != ascii {
		return "", wrong
	}
	if !allowPrivate && (!strings.Contains(ascii, ".") || privateDomains.MatchString(ascii)) {
		return "", wrong
	}
	return ascii, nil
}

func parsePort(u *url.URL) (uint16, error) {
	text := u.Port()
	if text == "" && u.Scheme == "https" {
		return httpsPort, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err == nil && isPermittedPort(uint16(port)) {
		return uint16(port), nil
	}
	if u.Scheme == "http" {
		return 0, errHTTPPort
	}
	return 0, errPort
}
