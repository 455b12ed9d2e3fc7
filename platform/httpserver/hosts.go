package httpserver

import (
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.uber.org/zap"
)

// servesHost reports whether the server serves the request's host. Probes may use any host, because they may address
// the server by IP.
func (s *Server) servesHost(c *fiber.Ctx) bool {
	path := strings.TrimSuffix(c.Path(), "/")
	if path == "/livez" || path == "/readyz" || path == "/metrics" {
		return true
	}
	return s.cfg.allowsHost(string(c.Request().Host()))
}

func (cfg Config) allowsHost(host string) bool {
	if len(cfg.AllowedHosts) == 0 {
		return true
	}
	host = hostName(host)
	for _, allowed := range cfg.AllowedHosts {
		allowed = hostName(allowed)
		if allowed == "*" || allowed == host {
			return true
		}
		if strings.HasPrefix(allowed, ".") && (strings.HasSuffix(host, allowed) || host == allowed[1:]) {
			return true
		}
	}
	return false
}

// hostName returns a host in the form in which names are compared: lower case, without port, brackets and final dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// URL returns a URL at which a client on this machine reaches the server. Its host is the address that the server
// listens on, or one of the allowed hosts if they exclude that address.
func (s *Server) URL() string {
	configured, _, _ := net.SplitHostPort(s.cfg.Address) // config has checked it
	listening, port, _ := net.SplitHostPort(s.address)
	return "http://" + net.JoinHostPort(s.cfg.servedHost(localNames(configured, listening)), port)
}

// localNames returns the names by which a client on this machine reaches a listener, best first.
func localNames(configured, listening string) []string {
	switch ip, _ := netip.ParseAddr(listening); {
	case ip.Is6() && ip.IsUnspecified() && configured == listening:
		return []string{"::1", "127.0.0.1", "localhost"}
	case ip.Is6() && ip.IsUnspecified(): // both families
		return []string{"127.0.0.1", "localhost", "::1"}
	case ip.IsUnspecified():
		return []string{"127.0.0.1", "localhost"}
	case ip.IsLoopback():
		return []string{listening, "localhost"}
	}
	return []string{listening}
}

func (cfg Config) servedHost(local []string) string {
	for _, name := range local {
		if cfg.allowsHost(name) {
			return name
		}
	}
	for _, allowed := range cfg.AllowedHosts {
		name := strings.TrimPrefix(hostName(allowed), ".") // ".clinic.example" includes clinic.example
		if ip, _ := netip.ParseAddr(name); name != "" && !strings.Contains(name, "*") && !ip.IsLoopback() {
			return name
		}
	}
	return local[0]
}

// warnOfHost logs, at most once a minute, that a request was rejected because of its host. The operator needs the name
// to correct allowed_hosts. The limit prevents scanners from filling the log.
func (s *Server) warnOfHost(host string) {
	if s.hostWarnings.Allow(time.Now()) {
		s.log.Warn(
			"a request was rejected because its host is not one of allowed_hosts; this is logged at most once a minute",
			zap.String("host", printableHost(host)),
		)
	}
}

// maxHost is the length of the longest name of a host (RFC 1035, section 2.3.4).
const maxHost = 255

// printableHost returns a client's text in a form that is safe to log: at most maxHost bytes of printable ASCII with
// "?" for other characters, without a user name and password before an "@".
func printableHost(text string) string {
	text = text[strings.LastIndexByte(text, '@')+1:]
	shown := []byte(text[:min(len(text), maxHost)])
	for i, c := range shown {
		if c < ' ' || c > '~' {
			shown[i] = '?'
		}
	}
	return string(shown)
}
